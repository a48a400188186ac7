"""Average precision of one ranking, and of every class in it."""

import numpy as np


class AveragePrecision:
    """AP = Σ over the hits of (hits so far / rank) ÷ positives.

    Not interpolated, as average_precision_calculator.py of google/youtube-8m
    and scikit-learn's `average_precision_score` where no scores tie.

    Fed with a ranking piece by piece, so that it need not be in memory.
    """

    def __init__(self):
        self._rank = 0
        self._hits = 0
        self._sum = 0.0

    def add(self, hits):
        """Goes on in the ranking: bool `(pairs,)`, the best first."""
        ranks = np.flatnonzero(hits) + (self._rank + 1)
        so_far = np.arange(self._hits + 1, self._hits + len(ranks) + 1)
        self._sum += float((so_far / ranks).sum())
        self._rank += len(hits)
        self._hits += len(ranks)

    def result(self, num_positives):
        """The AP; 0 without positives."""
        return self._sum / num_positives if num_positives else 0.0


class AveragePrecisions:
    """The AP of every class, each over the pairs of that class.

    Args:
        num_classes: int.
        max_rank: int, pairs of a class that count, as `ap_at_n` of
            google/youtube-8m; None: all.
    """

    def __init__(self, num_classes, max_rank=None):
        self._max_rank = max_rank
        self._ranks = np.zeros(num_classes, np.int64)
        self._hits = np.zeros(num_classes, np.int64)
        self._sums = np.zeros(num_classes)

    def add(self, classes, hits):
        """Goes on in the ranking.

        Args:
            classes: int `(pairs,)`, the best pair of all classes first.
            hits: bool `(pairs,)`.
        """
        num_classes = len(self._sums)
        if num_classes <= 1 << 16:
            classes = classes.astype(np.uint16)  # sorted in one pass
        order = np.argsort(classes, kind="stable")
        counts = np.bincount(classes, minlength=num_classes)
        first = np.cumsum(counts) - counts
        at = np.flatnonzero(hits[order])
        of = classes[order[at]].astype(np.int64)
        ranks = at - first[of] + self._ranks[of] + 1
        hit_counts = np.bincount(of, minlength=num_classes)
        first_hit = np.cumsum(hit_counts) - hit_counts
        so_far = np.arange(1, len(of) + 1) - first_hit[of] + self._hits[of]
        precisions = so_far / ranks
        if self._max_rank is not None:
            precisions[ranks > self._max_rank] = 0
        self._sums += np.bincount(of, precisions, num_classes)
        self._ranks += counts
        self._hits += hit_counts

    def result(self, positives):
        """The APs, float64 `(num_classes,)`.

        Args:
            positives: int `(num_classes,)`; at most `max_rank` of each count.
                NaN where there is none.
        """
        positives = np.asarray(positives)
        if self._max_rank is not None:
            positives = np.minimum(positives, self._max_rank)
        return np.where(
            positives > 0, self._sums / np.maximum(positives, 1), np.nan
        )


def mean(average_precisions, over_all):
    """Their mean.

    Args:
        average_precisions: float `(num_classes,)`, NaN without positives.
        over_all: whether classes without positives count as 0; else they do
            not count.

    Returns:
        float; 0 if there is nothing to average.
    """
    present = ~np.isnan(average_precisions)
    if not present.any():
        return 0.0
    total = average_precisions[present].sum()
    return float(total / (len(present) if over_all else present.sum()))
