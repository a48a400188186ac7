"""Runs that look at segments instead of whole videos, as the flags say."""

import time

from yt8m_distill import label_files, segment_files, segments
from yt8m_distill.errors import InputError
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


def ranked_classes(options, num_classes):
    """The classes that segments are ranked for, in inference.

    Args:
        options: as of `config.options("inference")`.
        num_classes: int, size of the vocabulary.

    Returns:
        list of int.

    Raises:
        InputError: the classes cannot be read.
    """
    classes = _classes(options, num_classes)
    return list(range(num_classes)) if classes is None else list(classes)


def infer(options, predicted, num_segments, output, class_names, classes):
    """Ranks all segments for each class and writes the file.

    Args:
        options: as of `config.options("inference")`.
        predicted: iterable as of `Evaluator.predictions`, with `video_id`;
            nothing is asked of it before the file is open.
        num_segments: int, as many as there are at most.
        output: str, path of the file; of a part of it the file is JSON Lines.
        class_names: list of str, or None.
        classes: list of int, as of `ranked_classes`.

    Returns:
        int, segments that were ranked.

    Raises:
        InputError: the file cannot be written so, or a record cannot be used;
            then none is written.
    """
    start = time.monotonic()
    ranking = SegmentRanking(
        classes, min(options.segment_max_pred, num_segments)
    )

    def rankings():
        for predictions, _, batch in predicted:
            segment_files.check_ids(batch["video_id"])
            ranking.add(batch["video_id"], predictions)
        yield from ranking.rankings()

    is_part = options.shard_index is not None
    written = segment_files.write(
        output,
        "jsonl" if is_part else options.output_format,
        rankings(),
        class_names,
    )
    seconds = time.monotonic() - start
    print(
        f"{len(ranking):,} segments ranked for {written:,} classes in {output} "
        f"| {len(ranking) / seconds:,.0f} segments/s"
    )
    return len(ranking)


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
