"""Averages files of predictions: an ensemble of systems, without the models.

python tools/average_predictions.py --predictions=a.csv,b.csv --weights=2,1 \\
    --output_file=ensemble.csv

All predict the same videos; each is read, and the mean written, in the format
of its ending: `.csv` (Kaggle), `.jsonl` or `.parquet`. A class that a file
leaves out of its pairs for a video counts there as 0, so files with more than
20 pairs make better ensembles (`python -m yt8m_distill.inference --top_k=100`).
"""

import collections
import itertools

import numpy as np
from absl import flags

from yt8m_distill import command_line
from yt8m_distill.errors import InputError

FLAGS = flags.FLAGS
# Videos that are written at a time.
BATCH_SIZE = 1024


def average(paths, weights, top_k):
    """The mean of predictions.

    Args:
        paths: list of str, files as `formats.read` takes them.
        weights: list of float, one a file.
        top_k: int, pairs a video.

    Returns:
        dict id → list of (class, score), falling, in the order of the first
        file.

    Raises:
        InputError: a file cannot be read, or predicts other videos.
    """
    from yt8m_distill.prediction_files import formats

    total = sum(weights)
    sums = {}
    for place, (path, weight) in enumerate(zip(paths, weights)):
        seen = set()
        for video_id, classes, scores in formats.read(path):
            if place and video_id not in sums:
                raise InputError(
                    f"{path} predicts video {video_id!r}, {paths[0]} does not; "
                    "all files need the same videos"
                )
            if video_id in seen:
                raise InputError(f"{path} predicts video {video_id!r} twice")
            seen.add(video_id)
            own = sums.setdefault(video_id, collections.defaultdict(float))
            for label, score in zip(classes.tolist(), scores.tolist()):
                own[label] += weight / total * score
        if len(seen) < len(sums):
            missing = next(one for one in sums if one not in seen)
            raise InputError(
                f"{path} does not predict video {missing!r}, {paths[0]} does; "
                "all files need the same videos"
            )
    return {
        video_id: sorted(own.items(), key=lambda pair: (-pair[1], pair[0]))[
            :top_k
        ]
        for video_id, own in sums.items()
    }


def write(averaged, path):
    """Writes predictions in the format of the file's ending, else as CSV.

    Args:
        averaged: dict as of `average`.
        path: str.

    Raises:
        InputError: no file can be written there.
    """
    from yt8m_distill.prediction_files import formats

    videos = iter(averaged.items())
    with formats.writing(path, formats.of(path) or "csv") as opened:
        while batch := list(itertools.islice(videos, BATCH_SIZE)):
            opened.write_pairs(
                [video_id for video_id, _ in batch],
                [[label for label, _ in pairs] for _, pairs in batch],
                [[score for _, score in pairs] for _, pairs in batch],
            )


def parse_weights(texts, num_files):
    """Numbers above 0, one a file; equal if there are none.

    Raises:
        InputError: they are something else.
    """
    try:
        weights = [float(text) for text in texts] or [1.0] * num_files
    except ValueError:
        weights = []
    if len(weights) != num_files or not all(
        np.isfinite(weight) and weight > 0 for weight in weights
    ):
        raise InputError(
            f"--weights={','.join(texts)} for {num_files} files; give a number "
            "above 0 for each"
        )
    return weights


def define_flags():
    flags.DEFINE_list("predictions", None, "files to average")
    flags.DEFINE_list("weights", [], "weight of each file; empty: equal")
    flags.DEFINE_string("output_file", None, "file to write; .gz is packed")
    flags.DEFINE_integer("top_k", 20, "pairs a video", 1)
    flags.mark_flags_as_required(["predictions", "output_file"])


def main():
    from yt8m_distill.prediction_files import formats

    output = FLAGS.output_file
    formats.check(output, formats.of(output) or "csv")
    weights = parse_weights(FLAGS.weights, len(FLAGS.predictions))
    averaged = average(FLAGS.predictions, weights, FLAGS.top_k)
    write(averaged, output)
    print(
        f"{len(averaged):,} videos of {len(FLAGS.predictions)} files in "
        f"{output}"
    )


if __name__ == "__main__":
    command_line.run_tool(define_flags, main)
