"""The highest segments of each class, in bounded memory."""

import heapq
import itertools

import numpy as np

from yt8m_distill.errors import diverged
from yt8m_distill.ranked_pairs import falling_keys

# Room beyond what is kept, as a share of it.
SLACK = 0.5


class SegmentRanking:
    """Collects predictions of segments; keeps the highest ones of each class.

    Every class of a segment counts, not only the highest of it, of which
    google/youtube-8m keeps 20. It takes 12 bytes for each class and segment
    that is kept: 1.2 GB for 1,000 classes and 100,000 segments.

    Args:
        classes: int array, the classes that are ranked.
        max_segments: int, segments a class that are kept.
    """

    def __init__(self, classes, max_segments):
        self.classes = np.asarray(classes, int)
        self.max_segments = max_segments
        self._capacity = max_segments + max(1, int(max_segments * SLACK))
        # Of each class keys, score above and number of the segment below, that
        # rise where scores fall. The system gives the memory as it is filled.
        self._keys = np.empty((len(self.classes), self._capacity), np.int64)
        self._counts = np.zeros(len(self.classes), int)
        # Keys from here on are none of the highest.
        self._bounds = np.full(len(self.classes), np.iinfo(np.int64).max)
        self._ids = []
        self._num_segments = 0

    def __len__(self):
        """Segments that were added."""
        return self._num_segments

    def add(self, segment_ids, predictions):
        """Adds a batch.

        Args:
            segment_ids: sequence of bytes `(batch,)`, such as `b"video:15"`.
            predictions: float32 `(batch, num_classes)`.

        Raises:
            InputError: a prediction is not a number: the model has diverged.
        """
        scores = predictions[:, self.classes].astype(np.float32, copy=False)
        if np.isnan(scores.max(initial=-np.inf)):
            raise diverged()
        numbers = np.arange(len(segment_ids)) + self._num_segments
        keys = (falling_keys(scores) | numbers[:, None]).T
        self._ids.append(np.array(segment_ids, bytes))
        self._num_segments += len(segment_ids)
        # A part at a time, so that there is room for all of it.
        part = self._capacity - self.max_segments
        for start in range(0, len(numbers), part):
            self._add(keys[:, start : start + part])

    def _add(self, keys):
        for row in np.flatnonzero(
            self._counts + keys.shape[1] > self._capacity
        ):
            self._clear(row)
        rows, columns = np.nonzero(keys < self._bounds[:, None])
        counts = np.bincount(rows, minlength=len(keys))
        first = np.cumsum(counts) - counts
        place = np.arange(len(rows)) - first[rows] + self._counts[rows]
        self._keys[rows, place] = keys[rows, columns]
        self._counts += counts

    def _clear(self, row):
        """Keeps the highest segments of a class."""
        own = self._keys[row, : self._counts[row]]
        own.partition(self.max_segments - 1)
        self._counts[row] = self.max_segments
        self._bounds[row] = own[self.max_segments - 1]

    def rankings(self):
        """The ranking of each class.

        Yields:
            `(class, segment_ids, scores)`: int; list of str and float32 array
            `(segments,)`, the highest first, ties in the order of adding.
            Classes rise.
        """
        ids = np.concatenate([np.zeros(0, "S1"), *self._ids])
        for row in np.argsort(self.classes, kind="stable"):
            keys = np.sort(self._keys[row, : self._counts[row]])
            keys = keys[: self.max_segments]
            yield (
                int(self.classes[row]),
                [one.decode() for one in ids[keys & 0xFFFFFFFF].tolist()],
                scores_of(keys),
            )


def scores_of(keys):
    """The float32 scores in keys of `falling_keys`."""
    rising = (-1 - (keys >> 32)).astype(np.int32)
    bits = np.where(rising < 0, np.int32(-(2**31)) - rising, rising)
    return bits.view(np.float32)


def merged(rankings, max_segments):
    """The ranking of each class over parts of the segments.

    Args:
        rankings: list of iterables of `(class, segment_ids, scores)`, one
            a part, in the order of the parts; classes rise.
        max_segments: int, segments a class that are kept.

    Yields:
        As `SegmentRanking.rankings` does if it is given all segments; of each
        part only a class at a time is held.
    """
    rows = heapq.merge(*rankings, key=lambda row: row[0])
    for label, own in itertools.groupby(rows, key=lambda row: row[0]):
        ids, scores = [], []
        for _, part_ids, part_scores in own:
            ids += part_ids
            scores.append(part_scores)
        scores = np.concatenate(scores)
        order = np.argsort(-scores, kind="stable")[:max_segments]
        yield label, [ids[place] for place in order], scores[order]
