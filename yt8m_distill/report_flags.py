"""Flags of the report.

Nothing here imports TensorFlow, so that `--help` is instant.
"""

from absl import flags

from yt8m_distill import parts

# Each flag: (definer, name, default, help).
REPORT = [
    (
        flags.DEFINE_list,
        "runs",
        [],
        "directories of runs, or patterns of them, separated by commas; of a "
        "directory that is none, all runs below it",
    ),
    (
        flags.DEFINE_string,
        "output",
        "report.html",
        "page to write; Markdown (.md) and a folder with pictures and tables "
        "(_files) are written beside it",
    ),
    (
        flags.DEFINE_list,
        "sections",
        [],
        "what the page shows; empty: all of "
        + ", ".join(parts.names("report_sections")),
    ),
    (
        flags.DEFINE_string,
        "eval_data_pattern",
        "",
        "shards for the sections that run models; empty: those that each run "
        "was validated on",
    ),
    (
        flags.DEFINE_integer,
        "max_videos",
        5000,
        "videos that the sections look at which run models",
    ),
    (
        flags.DEFINE_string,
        "tensorboard_dir",
        "",
        "where to write what TensorBoard's tabs HParams and Projector show; "
        "empty: folder tensorboard among the page's files",
    ),
]
