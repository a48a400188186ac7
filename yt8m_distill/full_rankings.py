"""Every prediction of every class, for AP over whole rankings."""

import numpy as np

from yt8m_distill.ranked_pairs import falling_order
from yt8m_distill.temporary_arrays import TemporaryArrays

# Videos whose predictions are turned around together.
VIDEOS_A_BLOCK = 4096
# Bytes of predictions that are kept in memory; others are in a file.
BYTES_IN_MEMORY = 1 << 28


class FullRankings:
    """Collects all predictions, class by class.

    It takes 4 bytes for each video and class (as float32), on disk beyond a
    limit.

    Args:
        num_classes: int.
    """

    def __init__(self, num_classes):
        self._num_classes = num_classes
        self._pending, self._num_pending = [], 0
        self._blocks, self._num_bytes = [], 0
        self._positives = []
        self._num_videos = 0
        self._found = None
        self._on_disk = TemporaryArrays()

    def add(self, predictions, videos, classes):
        """Adds a batch.

        Args:
            predictions: float `(batch, num_classes)`.
            videos, classes: int `(positives,)`, which of them are positive.
        """
        self._positives.append(
            np.stack([classes, videos + self._num_videos], axis=1)
        )
        self._num_videos += len(predictions)
        self._found = None
        self._pending.append(np.array(predictions))
        self._num_pending += len(predictions)
        if self._num_pending >= VIDEOS_A_BLOCK:
            self._close_block()

    def average_precisions(self):
        """The AP of each class over all videos, float64; NaN: no positive.

        Ranks what was added, once.
        """
        if self._found is None:
            self._found = self._rank()
        return self._found

    def _rank(self):
        if self._num_pending:
            self._close_block()
        found = np.full(self._num_classes, np.nan)
        positives = np.concatenate(self._positives)
        positives = positives[np.argsort(positives[:, 0], kind="stable")]
        present, first = np.unique(positives[:, 0], return_index=True)
        ends = [*first[1:], len(positives)]
        for one, start, end in zip(present, first, ends):
            scores = np.concatenate([block[one] for block in self._blocks])
            rank = np.empty(len(scores), np.int64)
            rank[falling_order(scores)] = np.arange(1, len(scores) + 1)
            ranks = np.sort(rank[positives[start:end, 1]])
            found[one] = (np.arange(1, len(ranks) + 1) / ranks).mean()
        return found

    def _close_block(self):
        block = np.ascontiguousarray(np.concatenate(self._pending).T)
        self._pending, self._num_pending = [], 0
        self._num_bytes += block.nbytes
        if self._num_bytes > BYTES_IN_MEMORY:
            block = self._on_disk.keep(block)
        self._blocks.append(block)
