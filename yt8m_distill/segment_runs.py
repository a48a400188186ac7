"""Runs that look at segments instead of whole videos, as the flags say."""

import time

from yt8m_distill import label_files, segment_files, segments
from yt8m_distill.errors import InputError
from yt8m_distill.prediction_files import formats
from yt8m_distill.segment_metrics import SegmentMetrics
from yt8m_distill.segment_ranking import SegmentRanking


def check(options):
    """Refuses flags of training that segments do not go with.

    Args:
        options: as of `config.options("train")`.

    Raises:
        InputError: naming the flag.
    """
    if not options.segment_labels:
        if options.segment_context_frames:
            raise InputError("--segment_context_frames needs --segment_labels")
        return
    for name in ("teacher_cache", "num_folds", "unlabelled_data_pattern"):
        if getattr(options, name):
            raise InputError(
                f"--{name} does not go with --segment_labels; leave it out"
            )
    _check_convention(options)


def data(options):
    """What a run of segments adds to the `data` of its `config.json`.

    Args:
        options: as of `config.options("train")`.

    Returns:
        dict, empty for a run of whole videos.
    """
    if not options.segment_labels:
        return {}
    context_frames = options.segment_context_frames
    return {
        "max_frames": segments.most_frames(context_frames),
        "segment_context_frames": context_frames,
    }


def chosen(options, run_data):
    """Whether, and how, a run's model is to look at segments.

    Args:
        options: as of `config.options("eval")` or `"inference"`.
        run_data: dict, the `data` of the run's `config.json`.

    Returns:
        The context frames, an int; None: it looks at whole videos.

    Raises:
        InputError: the model would not see all of what it is to look at.
    """
    trained = run_data.get("segment_context_frames")
    wanted = options.segment_labels
    if wanted is None:
        wanted = trained is not None
    if not wanted:
        if options.segment_context_frames is not None:
            raise InputError("--segment_context_frames needs --segment_labels")
        if trained is not None:
            raise InputError(
                f"the run in {options.train_dir} was trained on segments and "
                f"sees {run_data['max_frames']} frames; leave "
                "--nosegment_labels out"
            )
        return None
    context_frames = trained or 0
    if options.segment_context_frames is not None:
        context_frames = options.segment_context_frames
    most_frames = segments.most_frames(context_frames)
    if most_frames > run_data["max_frames"]:
        raise InputError(
            f"--segment_context_frames={context_frames} gives segments of up "
            f"to {most_frames} frames, the run in {options.train_dir} sees "
            f"{run_data['max_frames']}; give fewer"
        )
    return context_frames


def metrics(options, num_classes):
    """Fresh `SegmentMetrics`, as the flags of eval or training say."""
    _check_convention(options)
    return SegmentMetrics(
        num_classes,
        classes=_classes(options, num_classes),
        map_convention=options.map_convention,
    )


def infer(options, evaluator, dataset, output, class_names):
    """Ranks all segments for each class and writes the file.

    Args:
        options: as of `config.options("inference")`.
        evaluator: `Evaluator`.
        dataset: `VideoDataset` of `found_segments.windows`.
        output: str, path of the file.
        class_names: list of str, or None.

    Returns:
        Path of the file.

    Raises:
        InputError: the file cannot be written so, the classes cannot be read,
            or a record cannot be used; then none is written.
    """
    formats.check(output, options.output_format)
    classes = _classes(options, dataset.num_classes)
    if classes is None:
        classes = range(dataset.num_classes)
    start = time.monotonic()
    ranking = SegmentRanking(
        classes, min(options.segment_max_pred, len(dataset))
    )
    num_segments = 0
    for predictions, _, batch in evaluator.predictions(
        dataset, options.batch_size, with_video_id=True, with_labels=False
    ):
        segment_files.check_ids(batch["video_id"])
        ranking.add(batch["video_id"], predictions)
        num_segments += len(predictions)
    written = segment_files.write(
        output, options.output_format, ranking.rankings(), class_names
    )
    seconds = time.monotonic() - start
    print(
        f"{num_segments:,} segments ranked for {written:,} classes in {output} "
        f"| {num_segments / seconds:,.0f} segments/s"
    )
    return output


def _classes(options, num_classes):
    """The classes of `--segment_label_ids_file`; None: all."""
    file = getattr(options, "segment_label_ids_file", "")
    if not file:
        return None
    return label_files.read_label_ids(file, num_classes)


def _check_convention(options):
    if options.map_convention == "full_ranking":
        raise InputError(
            "--map_convention=full_ranking: of segments only rated pairs "
            "count; give present_classes or all_classes"
        )
