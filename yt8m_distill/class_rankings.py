"""GAP and the AP of each class, of pairs that come batch by batch."""

import numpy as np

from yt8m_distill.average_precision import AveragePrecision, AveragePrecisions
from yt8m_distill.ranked_pairs import RankedPairs


class ClassRankings:
    """Collects pairs of a score and a class, and which of them are hits.

    Args:
        num_classes: int.
        max_rank: int, as of `AveragePrecisions`.
        pairs_in_memory: int, as of `RankedPairs`.

    Attributes:
        positives: int64 `(num_classes,)`, positives of each class.
    """

    def __init__(self, num_classes, max_rank=None, pairs_in_memory=None):
        self.positives = np.zeros(num_classes, np.int64)
        self._max_rank = max_rank
        self._pairs = RankedPairs(pairs_in_memory=pairs_in_memory)
        self._ranked = None

    def add(self, scores, classes, hits, positives):
        """Adds pairs.

        Args:
            scores, classes, hits: `(pairs,)`, as of `RankedPairs.add`.
            positives: int `(positives,)`, the classes of all positives, whether
                a pair stands for them or not.
        """
        self._pairs.add(scores, classes, hits)
        self.positives += np.bincount(positives, minlength=len(self.positives))
        self._ranked = None

    def result(self):
        """Ranks what was added, once.

        Returns:
            `(gap, average_precisions)`: the AP of all pairs in one ranking, a
            float, and that of each class, float64 `(num_classes,)`, NaN without
            positives.
        """
        if self._ranked is None:
            pooled = AveragePrecision()
            by_class = AveragePrecisions(len(self.positives), self._max_rank)
            for classes, hits in self._pairs.falling():
                pooled.add(hits)
                by_class.add(classes, hits)
            self._ranked = (
                pooled.result(int(self.positives.sum())),
                by_class.result(self.positives),
            )
        return self._ranked
