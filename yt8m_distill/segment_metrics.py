"""MAP@100,000 and its kin over rated segments, as of the 2019 competition."""

import numpy as np

from yt8m_distill import average_precision
from yt8m_distill.class_rankings import ClassRankings
from yt8m_distill.errors import diverged

# Segments of a class that count: K of MAP@K.
MAX_SEGMENTS = 100_000


class SegmentMetrics:
    """Collects predictions of rated segments batch by batch and scores them.

    Only pairs of a segment and a class that were rated count; what a model says
    of other classes changes nothing.

    Args:
        num_classes: int, size of the vocabulary.
        classes: int array, the classes over which mAP is averaged (1,000 in the
            2019 release); None: all.
        max_segments: int, the highest rated segments of each class that count
            for mAP: K of MAP@K. With more positives than that, K of them can be
            found, as `ap_at_n` of google/youtube-8m says.
        map_convention: str, `"present_classes"`: mAP is the mean over the
            classes with a positive segment; `"all_classes"`: the others count
            as 0.

    Raises:
        ValueError: there is no such convention.
    """

    def __init__(
        self,
        num_classes,
        classes=None,
        max_segments=MAX_SEGMENTS,
        map_convention="present_classes",
    ):
        if map_convention not in ("present_classes", "all_classes"):
            raise ValueError(
                f"map_convention={map_convention!r}; give present_classes or "
                "all_classes"
            )
        self.num_classes = num_classes
        self.classes = np.arange(num_classes) if classes is None else classes
        self.map_convention = map_convention
        self._pairs = ClassRankings(num_classes, max_segments)
        self._num_segments = 0
        self._hit_at_1 = 0
        self._perr = 0.0

    def update(self, predictions, labels, class_weights):
        """Adds a batch.

        Args:
            predictions: float `(batch, num_classes)`.
            labels: `(batch, num_classes)`, positive where > 0.
            class_weights: `(batch, num_classes)`, above 0 where rated.

        Raises:
            InputError: a prediction is not a number: the model has diverged.
        """
        predictions = np.asarray(predictions)
        rows, classes = np.nonzero(np.asarray(class_weights) > 0)
        self.update_rated(
            rows,
            classes,
            predictions[rows, classes],
            np.asarray(labels)[rows, classes] > 0,
            len(predictions),
        )

    def update_rated(self, segments, classes, scores, hits, num_segments):
        """Adds rated pairs.

        Args:
            segments: int `(pairs,)`, in `[0, num_segments)`, rising.
            classes: int `(pairs,)`.
            scores: float `(pairs,)`, predictions; minus infinity where there is
                none: such a pair counts if it is positive, as one that was not
                found.
            hits: bool `(pairs,)`, whether the class is there.
            num_segments: int.

        Raises:
            InputError: a prediction is not a number: the model has diverged.
        """
        if np.isnan(scores).any():
            raise diverged()
        self._num_segments += num_segments
        predicted = scores > -np.inf
        self._pairs.add(
            scores[predicted],
            classes[predicted],
            hits[predicted],
            classes[hits],
        )
        self._score_each(
            segments[predicted],
            scores[predicted],
            hits[predicted],
            np.bincount(segments[hits], minlength=num_segments),
        )

    def _score_each(self, segments, scores, hits, counts):
        """Hit@1 and PERR: of each segment the rated classes by themselves."""
        order = np.lexsort((-scores, segments))
        segments, hits = segments[order], hits[order]
        first = np.searchsorted(segments, segments)
        rank = np.arange(len(segments)) - first
        self._hit_at_1 += int(hits[rank == 0].sum())
        precise = hits & (rank < counts[segments])
        precisions = np.bincount(segments[precise], minlength=len(counts))
        self._perr += float((precisions / np.maximum(counts, 1)).sum())

    def result(self):
        """Scores of all segments added so far.

        Returns:
            dict: `map` (MAP@`max_segments`), `gap` (of all rated pairs as one
            ranking), `hit_at_1` and `perr` (of each segment's rated classes),
            floats in [0, 1]; `num_videos` (segments) and `num_empty_classes`
            (classes without a positive segment), ints.

        Raises:
            ValueError: nothing was added.
        """
        average_precisions, positives = self.average_precisions()
        return {
            "gap": self._pairs.result()[0],
            "map": average_precision.mean(
                average_precisions[self.classes],
                self.map_convention == "all_classes",
            ),
            "hit_at_1": self._hit_at_1 / self._num_segments,
            "perr": self._perr / self._num_segments,
            "num_videos": self._num_segments,
            "num_empty_classes": int((positives[self.classes] == 0).sum()),
        }

    def average_precisions(self):
        """The AP of each class and its positives, as of `VideoMetrics`."""
        if not self._num_segments:
            raise ValueError("no segment to score")
        return self._pairs.result()[1], self._pairs.positives
