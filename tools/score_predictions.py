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


def score(predictions, labels, num_classes=0, top_k=20):
    """Scores predictions.

    Args:
        predictions: iterable as of `formats.read`.
        labels: dict id → set or list of int.
        num_classes: int, size of the vocabulary; 0: as large as needed.
        top_k: int, pairs a video that count for GAP and mAP.

    Returns:
        dict as of `VideoMetrics.result`, with `num_missing` (videos without a
        prediction) and `num_unknown` (predictions without labels).

    Raises:
        InputError: a video is predicted twice, or a class is outside the
            vocabulary.
    """
    from yt8m_distill.metrics import VideoMetrics

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
    if num_classes and largest >= num_classes:
        raise InputError(
            f"class {largest} is outside the vocabulary of {num_classes} "
            "classes; correct --num_classes"
        )
    metrics = VideoMetrics(num_classes or int(largest) + 1, top_k)
    for video_id, own in labels.items():
        metrics.update_video(*predictions.get(video_id, ([], [])), own)
    return {
        **metrics.result(),
        "num_missing": sum(one not in predictions for one in labels),
        "num_unknown": sum(one not in labels for one in predictions),
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
    flags.DEFINE_string("json", "", "file for the scores")
    config.define("tools")
    flags.mark_flag_as_required("predictions")


def main():
    from yt8m_distill import files, label_files
    from yt8m_distill.evaluation import log_line
    from yt8m_distill.prediction_files import formats

    if bool(FLAGS.input_data_pattern) == bool(FLAGS.labels_csv):
        raise InputError(
            "give the labels with either --input_data_pattern or --labels_csv"
        )
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
    )
    print(
        f"{log_line(results)} | {results['num_videos']:,} videos, "
        f"{results['num_missing']:,} of them without a prediction; "
        f"{results['num_unknown']:,} predictions without labels"
    )
    if FLAGS.json:
        files.write_json(FLAGS.json, results)


if __name__ == "__main__":
    command_line.run_tool(define_flags, main)
