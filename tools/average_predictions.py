"""Averages files of predictions: an ensemble of systems, without the models.

python tools/average_predictions.py --predictions=a.csv,b.csv --weights=2,1 \\
    --output_file=ensemble.csv

All are in the Kaggle format and predict the same videos. A class that a file
leaves out of its pairs for a video counts there as 0, so files with more than
20 pairs make better ensembles (`python -m yt8m_distill.inference --top_k=100`).
"""

import collections

import numpy as np
from absl import flags

from yt8m_distill import command_line
from yt8m_distill.errors import InputError

FLAGS = flags.FLAGS


def average(paths, weights, top_k):
    """The mean of predictions.

    Args:
        paths: list of str, files as `submission.read` takes them.
        weights: list of float, one a file.
        top_k: int, pairs a video.

    Returns:
        dict id → list of (class, score), falling, in the order of the first
        file.

    Raises:
        InputError: a file cannot be read, or predicts other videos.
    """
    from yt8m_distill import submission

    total = sum(weights)
    sums = {}
    for place, (path, weight) in enumerate(zip(paths, weights)):
        seen = set()
        for video_id, classes, scores in submission.read(path):
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
    flags.DEFINE_string("output_file", None, "file to write")
    flags.DEFINE_integer("top_k", 20, "pairs a video", 1)
    flags.mark_flags_as_required(["predictions", "output_file"])


def main():
    from yt8m_distill import files, submission

    weights = parse_weights(FLAGS.weights, len(FLAGS.predictions))
    averaged = average(FLAGS.predictions, weights, FLAGS.top_k)
    with files.written_whole(FLAGS.output_file) as opened:
        opened.write(submission.HEADER + "\n")
        for video_id, pairs in averaged.items():
            words = " ".join(map("%i %g".__mod__, pairs))
            opened.write(f"{video_id},{words}\n")
    print(
        f"{len(averaged):,} videos of {len(FLAGS.predictions)} files in "
        f"{FLAGS.output_file}"
    )


if __name__ == "__main__":
    command_line.run_tool(define_flags, main)
