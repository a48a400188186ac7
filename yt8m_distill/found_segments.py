"""The segments of shards: those that people rated, or all."""

import numpy as np

from yt8m_distill.errors import InputError, RecordError
from yt8m_distill.segments import SEGMENT_FRAMES, Ratings, Segments
from yt8m_distill.shards import VIDEOS_AT_A_TIME


def rated_segments(shards, num_classes, context_frames=0):
    """The rated segments of shards of the 2019 release.

    Args:
        shards: `Shards`; records that cannot be used are skipped where the
            shards say so.
        num_classes: int, size of the vocabulary.
        context_frames: int, as of `Segments`.

    Returns:
        `Segments` in the order of the records, those of a record by start;
        records without ratings have none.

    Raises:
        RecordError: naming a record and what is wrong with its ratings.
        InputError: nothing is rated.
    """
    segments, ratings = [], []
    for record in range(len(shards)):
        try:
            rated, num_frames = _ratings_of(shards, record, num_classes)
        except RecordError as error:
            shards.skip(record, error)
            continue
        last = None
        for start, label, score in rated:
            if start != last:
                segments.append((record, start, num_frames))
                last = start
            ratings.append((len(segments) - 1, label, score))
    if not segments:
        raise InputError(
            f"{shards.pattern} holds no rated segments (segment_start_times, "
            "segment_labels, segment_scores); give validation shards of the "
            "2019 release, or leave --segment_labels out"
        )
    numbers, classes, scores = zip(*ratings)
    return Segments(
        shards,
        *np.array(segments).T,
        context_frames,
        Ratings(
            np.array(numbers), np.array(classes), np.array(scores, np.float32)
        ),
    )


def windows(shards, context_frames=0):
    """All segments of all videos, one after the other.

    Args:
        shards: `Shards`; every record is looked at once.
        context_frames: int, as of `Segments`.

    Returns:
        `Segments` without ratings, in the order of the records. The last of a
        video has fewer than five frames if they do not divide evenly.

    Raises:
        RecordError: naming the first record that cannot be read, where the
            shards do not skip such records.
    """
    num_frames = np.zeros(len(shards), int)
    for start in range(0, len(shards), VIDEOS_AT_A_TIME):
        numbers = np.arange(start, min(start + VIDEOS_AT_A_TIME, len(shards)))
        while True:
            try:
                for group in shards.groups(numbers, lambda *_: slice(0, 1, 1)):
                    num_frames[numbers[group.places]] = group.num_frames
                break
            except RecordError as error:
                shards.skip(error.number, error)
                num_frames[error.number] = 0
                numbers = numbers[numbers != error.number]
    counts = -(-num_frames // SEGMENT_FRAMES)
    records = np.repeat(np.arange(len(shards)), counts)
    first = np.repeat(np.cumsum(counts) - counts, counts)
    starts = (np.arange(len(records)) - first) * SEGMENT_FRAMES
    return Segments(
        shards, records, starts, num_frames[records], context_frames
    )


def _ratings_of(shards, record, num_classes):
    """`([(start, class, score), …], num_frames)` of a record, sorted."""
    _, _, features, context = shards.video_and_context(record)
    num_frames = len(features[0])
    starts = context.get("segment_start_times", [])
    classes = context.get("segment_labels", [])
    scores = context.get("segment_scores", [])
    if not len(starts) == len(classes) == len(scores):
        raise shards.error(
            record,
            RecordError(
                f"{len(starts)} segment_start_times, {len(classes)} "
                f"segment_labels and {len(scores)} segment_scores; a rating "
                "needs one of each",
                "segments",
            ),
        )
    for name, values, kind in (
        ("segment_start_times", starts, int),
        ("segment_labels", classes, int),
        ("segment_scores", np.asarray(scores).tolist(), float),
    ):
        for value in values:
            if not isinstance(value, kind) or (
                kind is float and not 0 <= value <= 1
            ):
                raise shards.error(
                    record,
                    RecordError(
                        f"{name} holds {value!r}; expected whole numbers, and "
                        "scores from 0 to 1 (floats)",
                        "segments",
                    ),
                )
    for start in starts:
        if not 0 <= start < num_frames:
            raise shards.error(
                record,
                RecordError(
                    f"a segment starts at second {start} of a video of "
                    f"{num_frames}",
                    "segments",
                ),
            )
    shards.check_labels(record, classes, num_classes)
    # Of a pair that is there twice the last rating counts.
    rated = dict(zip(zip(starts, classes), map(float, scores)))
    return sorted((*pair, score) for pair, score in rated.items()), num_frames
