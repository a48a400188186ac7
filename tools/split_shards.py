"""Splits videos at random, but always in the same way, into new shards.

A hold-out split:

    python tools/split_shards.py --parts=train=90%,validate=10% --seed=0 \\
        --input_data_pattern='data/train*.tfrecord' --output_dir=data/split

The split of Bhardwaj et al. (CVPR 2019): 48,163 videos of the 2017 release's
training data to choose settings on, the rest to train:

    python tools/split_shards.py --parts=bhardwaj2019 …

Fractions of the training data (their Table 2), the smaller inside the larger:

    python tools/split_shards.py --nested \\
        --parts=train_10=10%,train_25=25%,train_50=50% …

Which part a video is in follows from its id and the seed alone, not from the
order or the number of shards; a size is a number of videos, a percentage, or
`rest`. Every shard that was read has one of the same name in OUTPUT_DIR/PART
(where it would be empty, none), with its records copied byte for byte.
"""

import collections
import hashlib
import pathlib
import shutil

import numpy as np
from absl import flags

from yt8m_distill import command_line, config
from yt8m_distill.errors import InputError

FLAGS = flags.FLAGS
PRESETS = {"bhardwaj2019": ["validate=48163", "train=rest"]}


def ranks(video_ids, seed):
    """A random order of videos that follows from their ids and a seed.

    Args:
        video_ids: list of bytes.
        seed: int.

    Returns:
        int array: the place of each video; equal ids are in the order given.
    """
    start = hashlib.blake2b(str(seed).encode(), digest_size=8)
    keys = []
    for video_id in video_ids:
        one = start.copy()
        one.update(b"/" + video_id)
        keys.append(one.digest())
    order = np.argsort(np.array(keys, "S8"), kind="stable")
    places = np.empty(len(order), int)
    places[order] = np.arange(len(order))
    return places


def sizes(parts, num_videos, nested):
    """How many videos each part has.

    Args:
        parts: list of `name=size`.
        num_videos: int, in all.
        nested: whether parts overlap; then each is a size of its own.

    Returns:
        dict name → int.

    Raises:
        InputError: a size is none, or they do not fit.
    """
    found = {}
    exact = 0.0  # videos so far, without rounding: percentages add up
    for part in parts:
        name, _, size = part.partition("=")
        try:
            if size == "rest" and not nested:
                found[name] = num_videos - sum(found.values())
            elif size.endswith("%"):
                share = float(size[:-1]) / 100 * num_videos
                before = 0.0 if nested else exact
                found[name] = round(before + share) - round(before)
                exact += share
            else:
                found[name] = int(size)
                exact += found[name]
        except (ValueError, OverflowError):
            found[name] = 0
        if not name or "/" in name or found[name] < 1:
            raise InputError(
                f"--parts has {part!r}; give NAME=SIZE with a number of "
                "videos, a percentage such as 10%, or (last) rest"
            )
    if len(found) < len(parts):
        raise InputError(f"--parts={','.join(parts)} has a name twice")
    total = max(found.values()) if nested else sum(found.values())
    if total > num_videos:
        raise InputError(
            f"--parts={','.join(parts)} needs {total:,} videos; there are "
            f"{num_videos:,}"
        )
    return found


def split(pattern, output_dir, parts, seed=0, nested=False, **options):
    """Writes the parts.

    Args:
        pattern: str, as `Shards` takes it.
        output_dir: path; made if missing.
        parts: list of `name=size`.
        seed: int.
        nested: whether every part starts with the same videos.
        **options: more arguments of `Shards`.

    Returns:
        dict name → int, number of videos.

    Raises:
        InputError: the shards cannot be read, the sizes do not fit, or a part
            is there already.
    """
    from yt8m_distill.shards import Shards

    shards = Shards(pattern, **options)
    counts = sizes(parts, len(shards), nested)
    folders = {name: pathlib.Path(output_dir) / name for name in counts}
    # What was compressed is written as it is read.
    names = [
        pathlib.PurePath(file).name.removesuffix(".gz") for file in shards.files
    ]
    if len(set(names)) < len(names):
        raise InputError(
            f"several shards of {pattern} have one name; split each folder "
            "into one of its own"
        )
    for folder in folders.values():
        if folder.exists():
            raise InputError(f"{folder} is there already; remove it first")
    video_ids = shards.video_ids()
    if len(set(video_ids)) < len(video_ids):
        twice = next(
            i for i, n in collections.Counter(video_ids).items() if n > 1
        )
        raise InputError(
            f"several videos of {pattern} have the id {twice.decode()!r}, so "
            "they cannot be told apart; give each one of its own"
        )
    places = ranks(video_ids, seed)
    first = 0
    for name, count in counts.items():
        folder = folders[name]
        # Written under another name: a part is whole or not there.
        unfinished = folder.with_name(f".{name}.partial")
        shutil.rmtree(unfinished, ignore_errors=True)
        try:
            unfinished.mkdir(parents=True)
        except OSError as error:
            raise InputError(
                f"cannot write {unfinished}: {error.strerror}; give another "
                "--output_dir"
            ) from None
        numbers = np.flatnonzero((places >= first) & (places < first + count))
        file_of = shards.files_of(numbers)
        for file in np.unique(file_of):
            shards.copy_records(
                unfinished / names[file], numbers[file_of == file]
            )
        unfinished.rename(folder)
        first += 0 if nested else count
    return counts


def define_flags():
    flags.DEFINE_string("input_data_pattern", None, "shards to split")
    flags.DEFINE_string("output_dir", None, "directory for the parts")
    flags.DEFINE_list(
        "parts",
        ["train=90%", "validate=10%"],
        "NAME=SIZE of each, or " + ", ".join(PRESETS),
    )
    flags.DEFINE_bool("nested", False, "parts start with the same videos")
    flags.DEFINE_integer("seed", 0, "the same seed gives the same parts")
    config.define("tools")
    flags.mark_flags_as_required(["input_data_pattern", "output_dir"])


def main():
    parts = FLAGS.parts
    if len(parts) == 1:
        parts = PRESETS.get(parts[0], parts)
    counts = split(
        FLAGS.input_data_pattern,
        FLAGS.output_dir,
        parts,
        FLAGS.seed,
        FLAGS.nested,
        **config.shard_options(),
    )
    for name, count in counts.items():
        print(f"{count:,} videos in {FLAGS.output_dir}/{name}")


if __name__ == "__main__":
    command_line.run_tool(define_flags, main)
