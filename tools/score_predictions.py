"""Scores a file of predictions, whoever made it, against labels.

python tools/score_predictions.py --predictions=predictions.csv \\
    --input_data_pattern='data/validate*.tfrecord'
python tools/score_predictions.py --predictions=predictions.csv.gz \\
    --labels_csv=labels.csv

Predictions are in the Kaggle format (`VideoId,LabelConfidencePairs`), JSON
Lines (`.jsonl`) or Parquet. Labels are those in shards, or a CSV as
`tools/features_to_shards.py` takes it: a header, a row a video, integers
separated by spaces or `;`. GAP, mAP, Hit@1 and PERR are those of
`yt8m_distill.eval`, up to the six digits that a CSV holds.
PERR looks at as many predictions as a video has labels, so a file of 20 pairs
gives it for videos with up to 20. A video without a prediction counts as one
without a hit; predictions for other videos do not count. How many there are of
both is printed.

Predictions of segments (`Class,Segments`, as `inference --segment_labels` and
the competition of 2019 have them) are scored against the ratings in the shards:
MAP@K, K = --top_segments. Segments and classes that nobody rated are left out
first; a rated segment that a class's line lacks was not found.
"""

import itertools

from absl import flags

from yt8m_distill import command_line, config
from yt8m_distill.errors import InputError

FLAGS = flags.FLAGS


def labels_of_shards(pattern, **options):
    """The labels of all videos.

    Args:
        pattern: str, as `Shards` takes it.
        **options: more arguments of `Shards`.

    Returns:
        dict id (str) → set of int.

    Raises:
        InputError: the shards cannot be read, or two videos have one id.
    """
    from yt8m_distill.shards import Shards

    shards = Shards(pattern, **options)
    found = {}
    for video_id, labels in shards.ids_and_labels():
        if video_id.decode() in found:
            raise InputError(
                f"{pattern} holds video {video_id.decode()!r} twice; every id "
                "is to be there once"
            )
        found[video_id.decode()] = set(labels)
    return found


def score(
    predictions,
    labels,
    num_classes=0,
    top_k=20,
    map_convention="present_classes",
):
    """Scores predictions.

    Args:
        predictions: iterable as of `formats.read`.
        labels: dict id → set or list of int.
        num_classes: int, size of the vocabulary; 0: as large as needed.
        top_k: int, pairs a video that count for GAP and mAP.
        map_convention: str, `"present_classes"` or `"all_classes"`.

    Returns:
        dict as of `VideoMetrics.result`, with `num_missing` (videos without a
        prediction) and `num_unknown` (predictions without labels).

    Raises:
        InputError: a video is predicted twice, or a class is outside the
            vocabulary.
    """
    from yt8m_distill.metrics import VideoMetrics
    from yt8m_distill.prediction_files.prediction_file import (
        LARGEST_VOCABULARY,
    )

    predictions = {
        video_id: (classes, scores)
        for video_id, classes, scores in _once(predictions)
    }
    largest = max(
        itertools.chain(
            *labels.values(), *(classes for classes, _ in predictions.values())
        ),
        default=0,
    )
    if largest >= (num_classes or LARGEST_VOCABULARY):
        raise InputError(
            f"class {largest} is outside the vocabulary of "
            f"{num_classes or LARGEST_VOCABULARY} classes; correct "
            "--num_classes"
        )
    metrics = VideoMetrics(
        num_classes or int(largest) + 1, top_k, map_convention
    )
    for video_id, own in labels.items():
        metrics.update_video(*predictions.get(video_id, ([], [])), own)
    return {
        **metrics.result(),
        "num_missing": sum(one not in predictions for one in labels),
        "num_unknown": sum(one not in labels for one in predictions),
    }


def score_segments(
    rankings,
    segments,
    num_classes,
    classes=None,
    max_segments=100_000,
    map_convention="present_classes",
):
    """Scores predictions of segments.

    Args:
        rankings: iterable as of `segment_files.read`.
        segments: `Segments` with ratings.
        num_classes: int, size of the vocabulary.
        classes, max_segments, map_convention: as of `SegmentMetrics`.

    Returns:
        dict: `map`, `num_segments`, `num_ratings`, `num_empty_classes` and
        `num_missing` (ratings whose segment is not in the class's line).

    Raises:
        InputError: a class or a segment of it is there twice.
    """
    import numpy as np

    from yt8m_distill.segment_metrics import SegmentMetrics

    numbers = {one.decode(): n for n, one in enumerate(segments.ids())}
    if len(numbers) < len(segments):
        raise InputError("two videos have one id; every id is to be there once")
    ratings = segments.ratings
    scores = np.full(len(ratings.classes), -np.inf)
    seen = set()
    for label, segment_ids in rankings:
        if label in seen:
            raise InputError(f"class {label} is there twice; expected one line")
        seen.add(label)
        if len(set(segment_ids)) < len(segment_ids):
            raise InputError(f"class {label} has a segment twice")
        rank = np.full(len(segments), -1)
        for place, segment_id in enumerate(segment_ids):
            if segment_id in numbers:
                rank[numbers[segment_id]] = place
        own = np.flatnonzero(ratings.classes == label)
        found = rank[ratings.segments[own]]
        scores[own] = np.where(found < 0, -np.inf, -found)
    metrics = SegmentMetrics(num_classes, classes, max_segments, map_convention)
    metrics.update_rated(
        ratings.segments,
        ratings.classes,
        scores,
        ratings.scores > 0,
        len(segments),
    )
    results = metrics.result()
    return {
        "map": results["map"],
        "num_segments": len(segments),
        "num_ratings": len(scores),
        "num_empty_classes": results["num_empty_classes"],
        "num_missing": int((scores == -np.inf).sum()),
    }


def _once(predictions):
    seen = set()
    for video_id, classes, scores in predictions:
        if video_id in seen:
            raise InputError(
                f"video {video_id!r} is predicted twice; a file has one line "
                "a video"
            )
        seen.add(video_id)
        yield video_id, classes, scores


def define_flags():
    flags.DEFINE_string("predictions", None, "file to score; .gz is unpacked")
    flags.DEFINE_string("input_data_pattern", "", "shards with the labels")
    flags.DEFINE_string("labels_csv", "", "file with the labels instead")
    flags.DEFINE_string("id_column", "video_id", "ids in --labels_csv")
    flags.DEFINE_string("labels_column", "labels", "labels there")
    flags.DEFINE_integer(
        "num_classes", 0, "size of the vocabulary; 0: as large as needed", 0
    )
    flags.DEFINE_integer("top_k", 20, "predictions a video that count", 1)
    flags.DEFINE_integer(
        "top_segments", 100_000, "rated segments a class that count", 1
    )
    flags.DEFINE_enum(
        "map_convention",
        "present_classes",
        ["present_classes", "all_classes"],
        "mAP is the mean over the classes with a positive, or over all",
    )
    flags.DEFINE_string(
        "segment_label_ids_file", "", "CSV with the classes of segments"
    )
    flags.DEFINE_string("json", "", "file for the scores")
    config.define("tools")
    flags.mark_flag_as_required("predictions")


def main():
    from yt8m_distill import files, segment_files

    if FLAGS.map_convention == "all_classes" and not (
        FLAGS.num_classes or FLAGS.segment_label_ids_file
    ):
        raise InputError(
            "--map_convention=all_classes needs to know which they are; give "
            "--num_classes"
        )
    if bool(FLAGS.input_data_pattern) == bool(FLAGS.labels_csv):
        raise InputError(
            "give the labels with either --input_data_pattern or --labels_csv"
        )
    if segment_files.is_segment_file(FLAGS.predictions):
        results = main_of_segments()
    else:
        results = main_of_videos()
    if FLAGS.json:
        files.write_json(FLAGS.json, results)


def main_of_videos():
    from yt8m_distill import label_files
    from yt8m_distill.evaluation import log_line
    from yt8m_distill.prediction_files import formats

    labels = (
        label_files.read_labels(
            FLAGS.labels_csv, FLAGS.id_column, FLAGS.labels_column
        )
        if FLAGS.labels_csv
        else labels_of_shards(
            FLAGS.input_data_pattern, **config.shard_options()
        )
    )
    results = score(
        formats.read(FLAGS.predictions),
        labels,
        FLAGS.num_classes,
        FLAGS.top_k,
        FLAGS.map_convention,
    )
    print(
        f"{log_line(results)} | {results['num_videos']:,} videos, "
        f"{results['num_missing']:,} of them without a prediction; "
        f"{results['num_unknown']:,} predictions without labels"
    )
    return results


def main_of_segments():
    from yt8m_distill import label_files, segment_files
    from yt8m_distill.found_segments import rated_segments
    from yt8m_distill.prediction_files.prediction_file import (
        LARGEST_VOCABULARY,
    )
    from yt8m_distill.shards import Shards

    if FLAGS.labels_csv:
        raise InputError(
            f"{FLAGS.predictions} holds segments, whose ratings are in shards: "
            "give --input_data_pattern instead of --labels_csv"
        )
    num_classes = FLAGS.num_classes or LARGEST_VOCABULARY
    segments = rated_segments(
        Shards(FLAGS.input_data_pattern, **config.shard_options()), num_classes
    )
    classes = None
    if FLAGS.segment_label_ids_file:
        classes = label_files.read_label_ids(
            FLAGS.segment_label_ids_file, num_classes
        )
    if not FLAGS.num_classes:
        own = [int(segments.ratings.classes.max()), *(classes or [])]
        num_classes = max(own) + 1
    results = score_segments(
        segment_files.read(FLAGS.predictions),
        segments,
        num_classes,
        classes,
        FLAGS.top_segments,
        FLAGS.map_convention,
    )
    print(
        f"MAP@{FLAGS.top_segments:,}: {results['map']:.4f} | "
        f"{results['num_ratings']:,} ratings of {results['num_segments']:,} "
        f"segments, {results['num_missing']:,} of them not predicted; "
        f"{results['num_empty_classes']:,} classes without a positive"
    )
    return results


if __name__ == "__main__":
    command_line.run_tool(define_flags, main)
