"""GAP, mAP, Hit@1 and PERR, exactly as google/youtube-8m defines them.

eval_util.py, average_precision_calculator.py and
mean_average_precision_calculator.py of that repository (mAP as since May 2019:
over the classes that have positives). Written on arrays instead of heaps of
tuples; where scores tie the order there is a seeded shuffle, here it is the
order in which the videos came.
"""

import numpy as np

from yt8m_distill.errors import InputError


class VideoMetrics:
    """Collects predictions batch by batch and scores them.

    Only the `top_k` highest predictions of each video are kept.

    Args:
        num_classes: int, size of the vocabulary.
        top_k: int, predictions a video that count for GAP and mAP; 20 in the
            Kaggle competitions.
    """

    def __init__(self, num_classes, top_k=20):
        self.num_classes = num_classes
        self.top_k = min(top_k, num_classes)
        self._classes, self._scores, self._hits = [], [], []
        self._positives = np.zeros(num_classes, np.int64)
        self._num_videos = 0
        self._hit_at_1 = 0.0
        self._perr = 0.0

    def update(self, predictions, labels):
        """Adds a batch.

        Args:
            predictions: float `(batch, num_classes)`, any scores in which
                higher means more likely; probabilities for PERR, which counts
                scores above 0 only.
            labels: `(batch, num_classes)`, positive where > 0.

        Raises:
            InputError: a prediction is not a number: the model has diverged.
            ValueError: the shapes differ.
        """
        predictions = np.asarray(predictions)
        positive = np.asarray(labels) > 0
        if predictions.shape != positive.shape:
            raise ValueError(
                f"predictions {predictions.shape} and labels {positive.shape} "
                "differ in shape"
            )
        if np.isnan(predictions).any():
            raise InputError(
                "a prediction is not a number (NaN): the model has diverged; "
                "train it with a lower --base_learning_rate"
            )
        classes = top_classes(predictions, self.top_k)
        self._add(
            classes,
            np.take_along_axis(predictions, classes, 1),
            np.take_along_axis(positive, classes, 1),
            positive.sum(0),
            _precision_at_equal_recall(predictions, positive),
        )

    def update_video(self, classes, scores, labels):
        """Adds one video of which only the highest predictions are known.

        Args:
            classes: int `(pairs,)`, without repeats, the highest score first;
                those after the first `top_k` do not count for GAP and mAP.
            scores: float `(pairs,)`, falling.
            labels: set of int, the video's labels.
        """
        classes = np.asarray(classes, int)
        scores = np.asarray(scores, float)
        hits = np.isin(classes, list(labels))
        precise = hits[: len(labels)] & (scores[: len(labels)] > 0)
        positives = np.zeros(self.num_classes, np.int64)
        positives[list(labels)] = 1
        self._add(
            classes[None, : self.top_k],
            scores[None, : self.top_k],
            hits[None, : self.top_k],
            positives,
            np.array([precise.sum() / max(len(labels), 1)]),
        )

    def _add(self, classes, scores, hits, positives, precisions):
        self._classes.append(classes.astype(np.int32).ravel())
        self._scores.append(scores.ravel())
        self._hits.append(hits.ravel())
        self._positives += positives
        self._num_videos += len(hits)
        self._hit_at_1 += hits[:, :1].sum()
        self._perr += precisions.sum()

    def result(self):
        """Scores of all videos added so far.

        Returns:
            dict: `gap`, `map`, `hit_at_1`, `perr` (floats in [0, 1]),
            `num_videos` and `num_empty_classes` (ints; classes without a
            positive video, which mAP leaves out).

        Raises:
            ValueError: nothing was added.
        """
        if not self._num_videos:
            raise ValueError("no video to score")
        classes = np.concatenate(self._classes)
        scores = np.concatenate(self._scores)
        hits = np.concatenate(self._hits)
        order = np.argsort(-scores, kind="stable")
        classes, hits = classes[order], hits[order]
        present = self._positives > 0
        average_precisions = _average_precisions(
            classes, hits, self._positives
        )[present]
        return {
            "gap": _average_precision(hits, self._positives.sum()),
            "map": float(average_precisions.mean()) if present.any() else 0.0,
            "hit_at_1": float(self._hit_at_1 / self._num_videos),
            "perr": float(self._perr / self._num_videos),
            "num_videos": self._num_videos,
            "num_empty_classes": int((~present).sum()),
        }


def top_classes(predictions, top_k):
    """The classes with the highest predictions, falling.

    Args:
        predictions: float `(batch, num_classes)`.
        top_k: int ≤ num_classes.

    Returns:
        int64 `(batch, top_k)`; ties in the order of the classes.
    """
    if top_k >= predictions.shape[1]:
        return np.argsort(-predictions, axis=1, kind="stable")
    lowest = np.partition(predictions, -top_k, axis=1)[:, -top_k, None]
    kept = predictions >= lowest
    # Where the lowest score that is kept is tied, the first classes win.
    tied = kept.sum(1) > top_k
    if tied.any():
        rows = predictions[tied]
        first = np.argsort(-rows, axis=1, kind="stable")[:, :top_k]
        kept[tied] = False
        kept[np.flatnonzero(tied)[:, None], first] = True
    classes = np.nonzero(kept)[1].reshape(-1, top_k)
    scores = np.take_along_axis(predictions, classes, 1)
    order = np.argsort(-scores, axis=1, kind="stable")
    return np.take_along_axis(classes, order, 1)


def _average_precision(hits, num_positives):
    """Σ over the hits of the precision so far / positives; hits in order."""
    if not num_positives:
        return 0.0
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    return float(precision[hits].sum() / num_positives)


def _average_precisions(classes, hits, positives):
    """`_average_precision` of every class at once; pairs in falling order."""
    order = np.argsort(classes, kind="stable")
    classes, hits = classes[order], hits[order]
    first = np.searchsorted(classes, np.arange(len(positives)))
    rank = np.arange(len(classes)) - first[classes] + 1
    before = np.concatenate([[0], np.cumsum(hits)])
    hits_so_far = before[1:] - before[first[classes]]
    sums = np.bincount(
        classes[hits],
        weights=(hits_so_far / rank)[hits],
        minlength=len(positives),
    )
    return sums / np.maximum(positives, 1)


def _precision_at_equal_recall(predictions, positive):
    """Share of hits among as many predictions as the video has labels."""
    counts = positive.sum(1)
    most = int(counts.max(initial=0))
    if not most:
        return np.zeros(len(predictions))
    classes = top_classes(predictions, most)
    scores = np.take_along_axis(predictions, classes, 1)
    hits = np.take_along_axis(positive, classes, 1) & (scores > 0)
    hits &= np.arange(most) < counts[:, None]
    return hits.sum(1) / np.maximum(counts, 1)
