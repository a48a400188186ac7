"""Flags of inference: what it reads and writes.

Nothing here imports TensorFlow, so that `--help` is instant.
"""

from absl import flags

from yt8m_distill.prediction_files import formats

# Each flag: (definer, name, default, help).
INFERENCE = [
    (
        flags.DEFINE_string,
        "input_data_pattern",
        "",
        "file name pattern of the shards to tag",
    ),
    (
        flags.DEFINE_string,
        "output_file",
        "",
        "file to write, packed by gzip if it ends in .gz; empty: "
        "predictions/predictions.csv (.jsonl, .parquet) in --train_dir",
    ),
    (
        flags.DEFINE_enum,
        "output_format",
        "csv",
        formats.names(),
        "csv: the Kaggle submission; jsonl: a JSON object a video; parquet: a "
        "row a video (needs pyarrow)",
    ),
    (
        flags.DEFINE_string,
        "vocabulary",
        "",
        "CSV with the names of classes, columns index and name (or "
        "display_name), that are written too; --output_format=csv then has a "
        "row a name",
    ),
    (
        flags.DEFINE_integer,
        "segment_max_pred",
        100_000,
        "with --segment_labels: segments of each class that are written",
    ),
    (
        flags.DEFINE_string,
        "checkpoint",
        None,
        "which model of the run: best (by validation GAP), last, or teacher "
        "(of a parallel run); empty: best, or the only one in "
        "--input_model_tgz",
    ),
]
