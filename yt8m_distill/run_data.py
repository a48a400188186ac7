"""What a model is given: shards as the flags say, cut to what it looks at."""

from yt8m_distill import found_segments, segment_runs, segments
from yt8m_distill.dataset import VideoDataset
from yt8m_distill.metrics import VideoMetrics
from yt8m_distill.shards import Shards
from yt8m_distill.skipped_records import SkippedRecords

# Bounds to which the videos of teachers are padded: each is a graph to make.
LENGTH_BUCKETS = 4


def reader_arguments(options):
    """How records are read: more arguments of `Shards`, a dict.

    Args:
        options: with `id_key`, `labels_key`, `verify_checksums` and
            `on_bad_record`, and `shard_index` and `num_shards` if they are
            known.
    """
    return {
        "id_key": options.id_key,
        "labels_key": options.labels_key,
        "verify_checksums": options.verify_checksums,
        "part": part_of(options),
        "skipped": SkippedRecords()
        if options.on_bad_record == "skip"
        else None,
    }


def part_of(options):
    """`(index, count)` of `--shard_index` and `--num_shards`; None: all."""
    index = getattr(options, "shard_index", None)
    return None if index is None else (index, options.num_shards)


def tell_skipped(reading, folder, name):
    """Prints and keeps which records were skipped, if any were."""
    skipped = reading["skipped"]
    if skipped:
        path = folder / f"skipped_records_{name}.json"
        skipped.write(path)
        print(f"{skipped.summary()}; see {path}")


def shards_of(data, pattern, reading, context_frames, rated=False):
    """The videos of shards, or their segments.

    Args:
        data: dict, what the run's model was made for.
        pattern: str.
        reading: as of `reader_arguments`.
        context_frames: int, frames around each segment; None: whole videos.
        rated: whether only the segments that people rated.
    """
    shards = Shards(
        pattern, data["feature_names"], data["feature_sizes"], **reading
    )
    if context_frames is None:
        return shards
    if rated:
        return found_segments.rated_segments(
            shards, data["num_classes"], context_frames
        )
    return found_segments.windows(shards, context_frames)


def dataset_for(for_model, data, shards, num_readers):
    """The frames that a model looks at.

    Args:
        for_model: `VideoClassifier` or `VideoEnsemble`.
        data: as of `shards_of`.
        shards: `Shards` or `Segments`.
        num_readers: int, batches that are read at a time.

    Returns:
        A `VideoDataset`.
    """
    padded_frames, num_length_buckets = None, 1
    if counts_blocks(for_model):
        pass
    elif isinstance(shards, segments.Segments):
        # A model of whole videos would be fed with padding mostly.
        most_frames = segments.most_frames(shards.context_frames)
        padded_frames = min(for_model.num_frames, most_frames)
    elif _follows_length(for_model.frame_sampler, data["max_frames"]):
        num_length_buckets = LENGTH_BUCKETS
    return VideoDataset(
        shards,
        data["num_classes"],
        data["max_frames"],
        for_model.frame_sampler,
        num_length_buckets=num_length_buckets,
        num_readers=num_readers,
        padded_frames=padded_frames,
    )


def new_metrics(options, data, context_frames):
    """Fresh metrics of whole videos, or of segments.

    Args:
        options: with `top_k` and `map_convention`, and what
            `segment_runs.metrics` needs.
        data, context_frames: as of `shards_of`.

    Returns:
        `VideoMetrics` or `SegmentMetrics`.
    """
    if context_frames is not None:
        return segment_runs.metrics(options, data["num_classes"])
    return VideoMetrics(
        data["num_classes"], options.top_k, options.map_convention
    )


def counts_blocks(one):
    """Whether what a model computes depends on the padding."""
    models = getattr(one, "members", None) or [one]
    return any(
        getattr(getattr(model.encoder, "layer", None), "num_blocks", None)
        for model in models
    )


def _follows_length(frame_sampler, max_frames):
    """Whether of shorter videos, not only of very short ones, less is seen."""
    return int(frame_sampler.num_chosen(max_frames // 2)) < frame_sampler.k
