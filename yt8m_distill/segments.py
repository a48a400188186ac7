"""Windows of videos instead of whole videos: the segments of 2019.

The shards of the 2019 release list, in the context of a record, segments of
five seconds that people rated: `segment_start_times`, `segment_labels` (a
class) and `segment_scores` (1 if the class is there, 0 if not). Of all other
classes of a segment nothing is known.
"""

from typing import NamedTuple

import numpy as np

from yt8m_distill.errors import RecordError
from yt8m_distill.group_reader import Group

# Frames, which are seconds, of a segment.
SEGMENT_FRAMES = 5
# Videos whose segments are shuffled among each other.
VIDEOS_MIXED = 8192
_NO_LABELS = np.zeros(0, int), np.zeros(0, int)


class Ratings(NamedTuple):
    """What is known of the classes of segments, arrays of one length.

    Attributes:
        segments: int64, number of the segment.
        classes: int64.
        scores: float32, above 0 where the class is there.
    """

    segments: np.ndarray
    classes: np.ndarray
    scores: np.ndarray

    def of(self, numbers):
        """The ratings of some segments.

        Args:
            numbers: int array; the ratings name their places in it.

        Returns:
            `Ratings`; self has to be sorted by segment.
        """
        first = np.searchsorted(self.segments, numbers, "left")
        counts = np.searchsorted(self.segments, numbers, "right") - first
        place = np.repeat(np.arange(len(numbers)), counts)
        before = np.repeat(np.cumsum(counts) - counts, counts)
        rows = np.repeat(first, counts) + np.arange(len(place)) - before
        return Ratings(place, self.classes[rows], self.scores[rows])


class Segments:
    """Segments of the videos of some shards, numbered through.

    Takes the place of `Shards` in a `VideoDataset`: what is a video there is
    here the frames of a segment and up to `context_frames` before and after it,
    as far as the video goes. Ids are `video:start`, in seconds.

    Args:
        shards: `Shards`.
        records: int array `(segments,)`, in which record each lies.
        starts: int array `(segments,)`, its first frame.
        num_frames: int array `(segments,)`, frames of the video.
        context_frames: int.
        ratings: `Ratings` sorted by segment, or None where none are known.
    """

    def __init__(
        self, shards, records, starts, num_frames, context_frames, ratings=None
    ):
        self.shards = shards
        self.ratings = ratings
        self.context_frames = context_frames
        self.starts = np.asarray(starts, int)
        self._records = np.asarray(records, int)
        self._first = np.maximum(self.starts - context_frames, 0)
        ends = self.starts + SEGMENT_FRAMES + context_frames
        self._lengths = np.minimum(ends, num_frames) - self._first

    pattern = property(lambda self: self.shards.pattern)
    feature_names = property(lambda self: self.shards.feature_names)
    feature_sizes = property(lambda self: self.shards.feature_sizes)
    dtype = property(lambda self: self.shards.dtype)

    def __len__(self):
        """Number of segments."""
        return len(self._records)

    def groups(self, numbers, choose):
        """As `Shards.groups`, of segments; labels are in `ratings`."""
        numbers = np.asarray(numbers, int)
        # A record is read once for all of its segments.
        records, which = np.unique(self._records[numbers], return_inverse=True)
        row_of = np.empty(len(records), int)
        try:
            for group in self.shards.groups(records, _all_frames):
                row_of[:] = -1
                row_of[group.places] = np.arange(len(group.places))
                yield from self._of_videos(
                    group, row_of[which], numbers, choose
                )
        except RecordError as error:
            error.number = int(
                numbers[self._records[numbers] == error.number][0]
            )
            raise

    def _of_videos(self, videos, rows, numbers, choose):
        """The segments in a group of videos.

        Args:
            videos: `Group`, with all frames.
            rows: int `(segments,)`, the row of each segment's video in the
                group, -1 if it is not there.
            numbers: int `(segments,)`.
            choose: as of `groups`.
        """
        asked = np.flatnonzero(rows >= 0)
        lengths = self._lengths[numbers[asked]]
        for length in np.unique(lengths).tolist():
            places = asked[lengths == length]
            first = self._first[numbers[places]]
            chosen = _moved(choose(length, places), first)
            starts = self.starts[numbers[places]].tolist()
            yield Group(
                places,
                length,
                [
                    b"%s:%d" % (videos.video_ids[row], start)
                    for row, start in zip(rows[places], starts)
                ],
                _NO_LABELS,
                [
                    values[rows[places][:, None], chosen]
                    for values in videos.features
                ],
            )

    def ids(self):
        """The ids of all segments, a list of bytes such as `b"video:15"`."""
        video_ids = self.shards.video_ids()
        return [
            b"%s:%d" % (video_ids[record], start)
            for record, start in zip(
                self._records.tolist(), self.starts.tolist()
            )
        ]

    def skip(self, number, error):
        """As `Shards.skip`, of the record in which a segment lies."""
        self.shards.skip(self._records[number], error)

    def error(self, number, reason):
        """As `Shards.error`, of the record in which a segment lies."""
        error = self.shards.error(self._records[number], reason)
        error.number = number
        return error

    def files_of(self, numbers):
        """As `Shards.files_of`, of the records in which segments lie."""
        return self.shards.files_of(self._records[np.asarray(numbers, int)])

    def sizes(self):
        """Bytes of each segment's frames, an int64 array."""
        itemsize = np.dtype(self.dtype).itemsize
        return self._lengths * (sum(self.feature_sizes) * itemsize)

    def shuffled(self, seed, epoch):
        """The order of one epoch, a permutation of the segments' numbers.

        Those of some thousand videos are shuffled among each other, the videos
        as by `Shards.shuffled`, so that few files are read at a time.
        """
        record_order = self.shards.shuffled(seed, epoch)
        rank = np.empty(len(self.shards), int)
        rank[record_order] = np.arange(len(record_order))
        block = rank[self._records] // VIDEOS_MIXED
        chance = np.random.default_rng((seed, epoch, 2)).random(len(self))
        return np.lexsort((chance, block))

    def describe(self):
        """What was found, in one line for people."""
        rated = ""
        if self.ratings is not None:
            rated = f" with {len(self.ratings.classes):,} ratings"
        context = ""
        if self.context_frames:
            context = (
                f", each with up to {self.context_frames} frames before and "
                "after it"
            )
        return (
            f"{len(self):,} segments{rated}{context}, of "
            f"{self.shards.describe()}"
        )


def most_frames(context_frames):
    """Frames that a segment has at most, those around it included."""
    return SEGMENT_FRAMES + 2 * context_frames


def _all_frames(num_frames, places):
    del places
    return slice(0, num_frames, 1)


def _moved(chosen, first):
    """Frames chosen in windows as frames of the videos.

    Args:
        chosen: slice or int array, as `choose` of `Shards.groups` gives them.
        first: int array `(videos,)`, where each window starts.

    Returns:
        int array `(videos, k)`.
    """
    if isinstance(chosen, slice):
        chosen = np.arange(chosen.start, chosen.stop, chosen.step)
    return chosen + first[:, None]
