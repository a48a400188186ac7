"""GAP, mAP, Hit@1 and PERR, exactly as google/youtube-8m defines them.

eval_util.py, average_precision_calculator.py and
mean_average_precision_calculator.py of that repository. Written on arrays
instead of heaps of tuples; where scores tie the order there is a seeded
shuffle, here it is the order in which the videos came.
"""

import numpy as np

from yt8m_distill import average_precision
from yt8m_distill.batch_memory import BatchMemory
from yt8m_distill.class_rankings import ClassRankings
from yt8m_distill.errors import diverged
from yt8m_distill.full_rankings import FullRankings
from yt8m_distill.ranked_pairs import falling_keys

# What mAP is the mean of; --map_convention.
MAP_CONVENTIONS = ("present_classes", "all_classes", "full_ranking")
# Predictions that are looked through together, so that they stay in the cache.
ROWS_AT_A_TIME = 192


class VideoMetrics:
    """Collects predictions batch by batch and scores them.

    Only the `top_k` highest predictions of each video are kept, in 8 bytes
    each, and on disk beyond 64 million of them.

    Args:
        num_classes: int, size of the vocabulary.
        top_k: int, predictions a video that count for GAP and mAP; 20 in the
            Kaggle competitions.
        map_convention: str, what mAP is the mean of:
            `"present_classes"`: the AP of each class that has a positive
            video, over the predictions that are among their video's `top_k`
            (google/youtube-8m since May 2019);
            `"all_classes"`: the same, but classes without a positive video
            count as 0 (google/youtube-8m before, hence the papers of 2017 and
            2018 and Bhardwaj et al., CVPR 2019);
            `"full_ranking"`: the AP of each class that has a positive video
            over all videos (scikit-learn's `average_precision_score`, papers
            on AudioSet). It keeps every prediction, 4 bytes each, on disk
            beyond 256 MiB.
        pairs_in_memory: int, predictions that are kept in memory; None: 64
            million.

    Raises:
        ValueError: there is no such convention.
    """

    def __init__(
        self,
        num_classes,
        top_k=20,
        map_convention="present_classes",
        pairs_in_memory=None,
    ):
        if map_convention not in MAP_CONVENTIONS:
            raise ValueError(
                f"map_convention={map_convention!r}; give one of "
                f"{', '.join(MAP_CONVENTIONS)}"
            )
        self.num_classes = num_classes
        self.top_k = min(top_k, num_classes)
        self.map_convention = map_convention
        self._memory = BatchMemory()
        self._pairs = ClassRankings(
            num_classes, pairs_in_memory=pairs_in_memory
        )
        self._whole = None
        if map_convention == "full_ranking":
            self._whole = FullRankings(num_classes)
        self._num_videos = 0
        self._hit_at_1 = 0
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
        predictions, labels = np.asarray(predictions), np.asarray(labels)
        if predictions.dtype.kind != "f":
            predictions = predictions.astype(np.float64)
        if predictions.shape != labels.shape:
            raise ValueError(
                f"predictions {predictions.shape} and labels {labels.shape} "
                "differ in shape"
            )
        for start in range(0, len(predictions), ROWS_AT_A_TIME):
            rows = slice(start, start + ROWS_AT_A_TIME)
            self._update(predictions[rows], labels[rows])

    def _update(self, predictions, labels):
        # Fresh memory of this size costs more time than what fills it.
        positive, kept = (
            self._memory.array(predictions.shape, bool) for _ in range(2)
        )
        np.greater(labels, 0, out=positive)
        classes = top_classes(predictions, self.top_k, kept)
        scores = np.take_along_axis(predictions, classes, 1)
        hits = np.take_along_axis(positive, classes, 1)
        rows, labelled = _nonzero(positive)
        counts = np.bincount(rows, minlength=len(predictions))
        precisions = _precision_at_equal_recall(scores, hits, counts)
        more = np.flatnonzero(counts > self.top_k)
        if len(more):
            longer = top_classes(predictions[more], int(counts.max()))
            precisions[more] = _precision_at_equal_recall(
                np.take_along_axis(predictions[more], longer, 1),
                np.take_along_axis(positive[more], longer, 1),
                counts[more],
            )
        self._add(classes, scores, hits, labelled, precisions)
        if self._whole is not None:
            self._whole.add(predictions, rows, labelled)

    def update_video(self, classes, scores, labels):
        """Adds one video of which only the highest predictions are known.

        Args:
            classes: int `(pairs,)`, without repeats, the highest score first;
                those after the first `top_k` do not count for GAP and mAP.
            scores: float `(pairs,)`, falling.
            labels: set of int, the video's labels.

        Raises:
            ValueError: the mAP wanted is one over full rankings.
        """
        if self._whole is not None:
            raise ValueError("full rankings need every prediction of a video")
        classes = np.asarray(classes, int)
        scores = np.asarray(scores, float)
        labels = np.array(sorted(labels), int)
        hits = np.isin(classes, labels)
        self._add(
            classes[None, : self.top_k],
            scores[None, : self.top_k],
            hits[None, : self.top_k],
            labels,
            _precision_at_equal_recall(
                scores[None], hits[None], np.array([len(labels)])
            ),
        )

    def _add(self, classes, scores, hits, labelled, precisions):
        self._pairs.add(scores.ravel(), classes.ravel(), hits.ravel(), labelled)
        self._num_videos += len(hits)
        self._hit_at_1 += hits[:, :1].sum()
        self._perr += precisions.sum()

    def result(self):
        """Scores of all videos added so far.

        Returns:
            dict: `gap`, `map`, `hit_at_1`, `perr` (floats in [0, 1]),
            `num_videos` and `num_empty_classes` (ints; classes without a
            positive video).

        Raises:
            ValueError: nothing was added.
        """
        average_precisions, positives = self.average_precisions()
        return {
            "gap": self._pairs.result()[0],
            "map": average_precision.mean(
                average_precisions, self.map_convention == "all_classes"
            ),
            "hit_at_1": float(self._hit_at_1 / self._num_videos),
            "perr": float(self._perr / self._num_videos),
            "num_videos": self._num_videos,
            "num_empty_classes": int((positives == 0).sum()),
        }

    def average_precisions(self):
        """The AP of each class, as `map_convention` says.

        Returns:
            `(average_precisions, positives)`: float64 `(num_classes,)`, NaN
            where no video is positive, and int64, how many videos are.

        Raises:
            ValueError: nothing was added.
        """
        if not self._num_videos:
            raise ValueError("no video to score")
        found = (
            self._pairs.result()[1]
            if self._whole is None
            else self._whole.average_precisions()
        )
        return found, self._pairs.positives


def top_classes(predictions, top_k, kept=None):
    """The classes with the highest predictions, falling.

    Args:
        predictions: float `(batch, num_classes)`.
        top_k: int ≤ num_classes.
        kept: bool `(batch, num_classes)`, memory to work with.

    Returns:
        int64 `(batch, top_k)`; ties in the order of the classes.

    Raises:
        InputError: a prediction is not a number: the model has diverged.
    """
    rows, num_classes = predictions.shape
    # Also brings them into the processor's cache, faster than what follows.
    if np.isnan(predictions.max(initial=-np.inf)):
        raise diverged()
    # No class among the highest is below the k-th highest of the maxima of
    # groups of classes; with so many groups few others are above it.
    num_groups = 12 * top_k
    if predictions.dtype != np.float32 or num_classes < 2 * num_groups:
        return np.argsort(-predictions, axis=1, kind="stable")[:, :top_k]
    grouped = num_classes // num_groups * num_groups
    maxima = predictions[:, :grouped].reshape(rows, -1, num_groups).max(axis=1)
    lowest = np.partition(maxima, num_groups - top_k, axis=1)[:, -top_k]
    kept = np.greater_equal(predictions, lowest[:, None], out=kept)
    row, column = _nonzero(kept)
    counts = np.bincount(row, minlength=rows)
    # One sort of integers a row: the score above, the class below.
    keys = np.full(
        (rows, counts.max(initial=top_k)), np.iinfo(np.int64).max, np.int64
    )
    keys[np.arange(keys.shape[1]) < counts[:, None]] = (
        falling_keys(predictions[row, column]) | column
    )
    keys.sort(axis=1)
    return keys[:, :top_k] & 0xFFFFFFFF


def _nonzero(values):
    """As `np.nonzero` of a bool matrix in which few are true, faster."""
    flat = values.ravel()
    if flat.size % 8:
        return np.divmod(np.flatnonzero(flat), values.shape[1])
    # Eight at a time; then one by one where any of them is true.
    flat = flat.view(np.uint64)
    words = np.flatnonzero(flat != 0)
    found = np.flatnonzero(flat[words].view(bool))
    return np.divmod(words[found >> 3] * 8 + (found & 7), values.shape[1])


def _precision_at_equal_recall(scores, hits, counts):
    """Share of hits among as many predictions as the video has labels.

    Args:
        scores: float `(batch, k)`, falling.
        hits: bool `(batch, k)`.
        counts: int `(batch,)`, labels of each video.
    """
    first = np.arange(scores.shape[1]) < counts[:, None]
    precise = hits & first & (scores > 0)
    return precise.sum(1) / np.maximum(counts, 1)
