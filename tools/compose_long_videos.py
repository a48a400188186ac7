r"""Joins clips into longer videos with the union of their labels.

python tools/compose_long_videos.py --num_clips=6 --seed=0 \
    --input_data_pattern='../shared/data/audioset/bal_train-0000[0-6]-*' \
    --output_dir=data/joined6 --split=train

AudioSet's clips have 10 frames; joined, they are real features of videos long
enough for a student to look at a part of them. Every clip is used once in each
of --num_passes passes, in a random order that follows the seed, so that no two
videos of a pass share a clip. Test clips stay disjoint from training clips as
long as the input patterns are. A last group of fewer clips is left out. With
several passes videos share clips: make no folds of them.
"""

import pathlib

import numpy as np
from absl import flags

from yt8m_distill import command_line, record_writer
from yt8m_distill.errors import InputError
from yt8m_distill.records import ZERO_BYTE

FLAGS = flags.FLAGS


def groups(num_videos, num_clips, num_passes, seed):
    """Which clips make up which video.

    Args:
        num_videos: int, clips there are.
        num_clips: int, clips a video.
        num_passes: int, how often each clip is used.
        seed: int.

    Returns:
        int array `(videos, num_clips)` of clip numbers.
    """
    random = np.random.default_rng(seed)
    whole = num_videos - num_videos % num_clips
    return np.concatenate(
        [
            random.permutation(num_videos)[:whole].reshape(-1, num_clips)
            for _ in range(num_passes)
        ]
    )


def join(shards, numbers, name):
    """One video of several clips, as a serialized record.

    Args:
        shards: `Shards` of the clips.
        numbers: record numbers, in the order in which they are joined.
        name: str, the video's id.
    """
    clips = [shards.video(number) for number in numbers]
    labels = sorted({label for _, clip, _ in clips for label in clip})
    features = {
        feature: np.concatenate(
            [_cut(frames[position], len(frames[0])) for _, _, frames in clips]
        )
        for position, feature in enumerate(shards.feature_names)
    }
    return record_writer.serialize(name, labels, features, shards.id_key)


def _cut(frames, num_frames):
    """As many frames as the first feature has; missing ones are near 0.0."""
    missing = max(0, num_frames - len(frames))
    return np.pad(
        frames[:num_frames],
        ((0, missing), (0, 0)),
        constant_values=ZERO_BYTE,
    )


def compose(
    pattern, output_dir, split, num_clips, num_passes, num_shards, seed
):
    """Writes the shards `split00000-of-0000N.tfrecord` and so on.

    Returns:
        list of paths.

    Raises:
        InputError: the clips cannot be read, are floats or too few, or the
            shards are there already.
    """
    from yt8m_distill.shards import Shards

    shards = Shards(pattern)
    if shards.dtype != "uint8":
        raise InputError(
            f"{pattern} holds {shards.dtype} features; only quantised ones can "
            "be joined"
        )
    rows = groups(len(shards), num_clips, num_passes, seed)
    if len(rows) < num_shards:
        raise InputError(
            f"{len(shards)} clips in {pattern} make {len(rows)} videos of "
            f"{num_clips} clips, fewer than --num_shards={num_shards}"
        )
    folder = pathlib.Path(output_dir)
    paths = [
        folder / f"{split}{number:05}-of-{num_shards:05}.tfrecord"
        for number in range(num_shards)
    ]
    there = [path for path in paths if path.exists()]
    if there:
        raise InputError(f"{there[0]} is there already; remove it first")
    folder.mkdir(parents=True, exist_ok=True)
    numbered = list(enumerate(rows))
    for number, path in enumerate(paths):
        record_writer.write_shard(
            path,
            (
                join(shards, row, f"{split}-{seed}-{video:06}")
                for video, row in numbered[number::num_shards]
            ),
        )
    print(
        f"{len(rows):,} videos of {num_clips} clips in {num_shards} shards of "
        f"{folder}"
    )
    return paths


def define_flags():
    flags.DEFINE_string("input_data_pattern", None, "shards of the clips")
    flags.DEFINE_string("output_dir", None, "directory for the new shards")
    flags.DEFINE_string("split", "train", "first part of their names")
    flags.DEFINE_integer("num_clips", 6, "clips a video", 1)
    flags.DEFINE_integer("num_passes", 1, "how often each clip is used", 1)
    flags.DEFINE_integer("num_shards", 4, "shards to write", 1)
    flags.DEFINE_integer("seed", 0, "the same seed gives the same bytes")
    flags.mark_flags_as_required(["input_data_pattern", "output_dir"])


def main():
    compose(
        FLAGS.input_data_pattern,
        FLAGS.output_dir,
        FLAGS.split,
        FLAGS.num_clips,
        FLAGS.num_passes,
        FLAGS.num_shards,
        FLAGS.seed,
    )


if __name__ == "__main__":
    command_line.run_tool(define_flags, main)
