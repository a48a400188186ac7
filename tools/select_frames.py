"""Rewrites shards with the frames that a student looks at, and no others.

python tools/select_frames.py --frame_sampler='uniform(k=30)' \\
    --input_data_pattern='data/test*.tfrecord' --output_dir=data/test_k30

A student that sees k frames then reads k frames in a row, and the shards are
about k/300 of their size. The context of the records stays byte for byte: ids,
labels, segments (whose times still count the frames of the whole video).
Run students on the new shards with the flags they have: a video of k frames
gives all of them. What is chosen is what the sampler chooses at evaluation, so
training on the new shards has no random phase.

Each shard keeps its name and is whole or not there; the same command goes on
where it was interrupted.
"""

import json
import multiprocessing
import os
import pathlib

import numpy as np
from absl import flags

from yt8m_distill import command_line, config, files, quiet_start, record_writer
from yt8m_distill.errors import InputError
from yt8m_distill.records import ZERO_BYTE

FLAGS = flags.FLAGS
# What the shards in the output directory were made with.
NOTE = ".selected_frames.json"


def select(shards, number, chosen_by_length):
    """One record with fewer frames, as bytes.

    Args:
        shards: `Shards`.
        number: int, the record's.
        chosen_by_length: list as of `FrameSampler.chosen_by_length`; longer
            videos are cut to its last length.
    """
    _, _, features = shards.video(number)
    chosen = chosen_by_length[min(len(features[0]), len(chosen_by_length) - 1)]
    selected = {}
    for name, frames in zip(shards.feature_names, features):
        selected[name] = frames[np.minimum(chosen, len(frames) - 1)]
        # Frames that a feature lacks are as if they were 0.0, as when read.
        zero = ZERO_BYTE if frames.dtype == np.uint8 else 0
        selected[name][chosen >= len(frames)] = zero
    return record_writer.sequence_example(
        shards.context_bytes(number), selected
    )


def rewrite_shard(file, path, frame_sampler, max_frames, options):
    """Rewrites one shard, unless that was done.

    Args:
        file: str, the shard.
        path: str, the new one.
        frame_sampler: str, a sampler's spec.
        max_frames: int.
        options: dict, more arguments of `Shards`.

    Returns:
        (bytes before, bytes after).
    """
    quiet_start.import_tensorflow()
    import tensorflow as tf

    from yt8m_distill import parts
    from yt8m_distill.shards import Shards

    before = tf.io.gfile.stat(file).length
    if os.path.exists(path):
        return before, os.path.getsize(path)
    shards = Shards(file, **options)
    chosen = parts.get("frame_samplers", frame_sampler).chosen_by_length(
        max_frames
    )
    after = record_writer.write_shard(
        path, (select(shards, number, chosen) for number in range(len(shards)))
    )
    return before, after


def rewrite(
    pattern,
    output_dir,
    frame_sampler,
    max_frames=300,
    num_processes=1,
    **options,
):
    """Rewrites all shards that match.

    Args:
        pattern: str, as `Shards` takes it.
        output_dir: path; made if missing.
        frame_sampler: str, a sampler's spec.
        max_frames: int; longer videos are cut to their first so many frames.
        num_processes: int, shards that are written at the same time.
        **options: more arguments of `Shards`; features that are not read are
            not kept.

    Returns:
        (bytes before, bytes after).

    Raises:
        InputError: the shards cannot be read, two have one name, or other
            shards are in `output_dir`.
    """
    import tensorflow as tf

    from yt8m_distill import parts
    from yt8m_distill.shards import Shards

    sampler = parts.get("frame_samplers", frame_sampler)
    if not sampler.takes_short_videos_whole:
        raise InputError(
            f"--frame_sampler={frame_sampler} would not look at all frames of "
            "the new shards; choose one that takes short videos whole, such "
            "as uniform(k=30)"
        )
    # What all shards hold is what the first record does.
    shards = Shards(pattern, **options)
    if shards.is_video_level:
        raise InputError(f"{pattern} holds video-level records, without frames")
    options = {
        "feature_names": list(shards.feature_names),
        "feature_sizes": list(shards.feature_sizes),
        "id_key": shards.id_key,
        "labels_key": shards.labels_key,
    }
    folder = pathlib.Path(output_dir)
    # What was compressed is written as it is read.
    names = [
        pathlib.PurePath(file).name.removesuffix(".gz") for file in shards.files
    ]
    for file, name in zip(shards.files, names):
        if names.count(name) > 1:
            raise InputError(
                f"several shards have the name {name}; rewrite each folder "
                "into one of its own"
            )
        if pathlib.Path(file).resolve() == (folder / name).resolve():
            raise InputError(
                f"--output_dir={output_dir} is where the shards lie; give "
                "another directory"
            )
    note = {
        "frame_sampler": frame_sampler,
        "max_frames": max_frames,
        **options,
        "shards": [
            [file, tf.io.gfile.stat(file).length] for file in shards.files
        ],
    }
    if (folder / NOTE).exists():
        earlier = json.loads((folder / NOTE).read_text())
        if earlier != note:
            raise InputError(
                f"{folder} holds shards made with other "
                f"{', '.join(key for key in note if note[key] != earlier[key])}"
                "; give another --output_dir"
            )
    elif any((folder / name).exists() for name in names):
        raise InputError(
            f"{folder} holds shards of the same names already; give another "
            "--output_dir"
        )
    files.write_json(folder / NOTE, note)
    jobs = [
        (file, str(folder / name), frame_sampler, max_frames, options)
        for file, name in zip(shards.files, names)
    ]
    if num_processes == 1:
        sizes = [rewrite_shard(*job) for job in jobs]
    else:
        # Fresh processes: a forked TensorFlow may hang.
        context = multiprocessing.get_context("spawn")
        with context.Pool(num_processes) as pool:
            sizes = pool.starmap(rewrite_shard, jobs, chunksize=1)
    return tuple(map(sum, zip(*sizes)))


def define_flags():
    flags.DEFINE_string("input_data_pattern", None, "shards to rewrite")
    flags.DEFINE_string("output_dir", None, "directory for the new shards")
    flags.DEFINE_string(
        "frame_sampler", "uniform(k=30)", "which frames to keep"
    )
    flags.DEFINE_integer(
        "max_frames", 300, "longer videos are cut to so many frames first", 1
    )
    flags.DEFINE_integer("num_processes", os.cpu_count(), "at a time", 1)
    config.define("tools")
    flags.mark_flags_as_required(["input_data_pattern", "output_dir"])


def main():
    before, after = rewrite(
        FLAGS.input_data_pattern,
        FLAGS.output_dir,
        FLAGS.frame_sampler,
        FLAGS.max_frames,
        FLAGS.num_processes,
        **config.shard_options(),
    )
    print(
        f"{before / 1e6:,.1f} MB before, {after / 1e6:,.1f} MB in "
        f"{FLAGS.output_dir}: {before / after:.1f} times smaller"
    )


if __name__ == "__main__":
    command_line.run_tool(define_flags, main)
