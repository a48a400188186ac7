"""Scores of rare and of frequent classes, as the flags of eval say."""

import time

from yt8m_distill import class_groups, label_counts, run_data, shards
from yt8m_distill.errors import InputError


def check(options):
    """Refuses flags that do not go together, and shards that are not there.

    Args:
        options: as of `config.options("eval")`.

    Raises:
        InputError: naming the flag.
    """
    if not options.train_data_pattern:
        return
    if not options.class_groups:
        raise InputError("--train_data_pattern needs --class_groups")
    shards.match(options.train_data_pattern)


def with_groups(options, runs, data, context_frames, metrics):
    """Metrics that score groups of classes too, if `--class_groups` asks so.

    Args:
        options: as of `config.options("eval")`.
        runs: list of `RunDirectory`.
        data: dict, what the runs' models were made for.
        context_frames: int, or None for whole videos.
        metrics: as of `run_data.new_metrics`.

    Returns:
        `metrics`, or a `ClassGroupMetrics` of them.

    Raises:
        InputError: segments are scored, the training shards are not there, or a
            record cannot be read.
    """
    check(options)
    if not options.class_groups:
        return metrics
    if context_frames is not None:
        raise InputError(
            "--class_groups does not go with segments, whose classes are not "
            "all rated; leave it out"
        )
    pattern = options.train_data_pattern or _trained_on(runs)
    counts = training_videos(options, data, pattern)
    return class_groups.ClassGroupMetrics(
        metrics, class_groups.rare_and_frequent(counts, options.class_groups)
    )


def training_videos(options, data, pattern):
    """Videos that have each label in training shards, and says how fast.

    Args:
        options: as of `run_data.reader_arguments`.
        data: dict, what a run's model was made for.
        pattern: str, of the shards.

    Returns:
        int64 `(num_classes,)`.

    Raises:
        InputError: a record cannot be read.
    """
    reading = run_data.reader_arguments(options)
    reading["part"] = None
    start = time.monotonic()
    opened = run_data.shards_of(data, pattern, reading, None)
    counts = label_counts.count_labels(opened, data["num_classes"])
    seconds = time.monotonic() - start
    print(
        f"labels of {len(opened):,} training videos counted | "
        f"{len(opened) / seconds:,.0f} videos/s"
    )
    if reading["skipped"]:
        print(reading["skipped"].summary())
    return counts


def _trained_on(runs):
    """The pattern of the shards that all runs were trained on."""
    patterns = [run.config()["flags"]["train_data_pattern"] for run in runs]
    if len(set(patterns)) > 1:
        raise InputError(
            f"the runs were trained on {' and '.join(sorted(set(patterns)))}; "
            "say with --train_data_pattern which labels --class_groups counts"
        )
    try:
        shards.match(patterns[0])
    except InputError:
        raise InputError(
            f"the training shards of the run in {runs[0].path}, "
            f"{patterns[0]!r}, are not there (any more); give "
            "--train_data_pattern for --class_groups"
        ) from None
    return patterns[0]
