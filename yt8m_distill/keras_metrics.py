"""GAP, mAP, Hit@1 and PERR as Keras metrics, for training loops.

    model.compile(
        metrics=[
            GlobalAveragePrecision(),
            MeanAveragePrecision(num_classes),
            HitAtOne(),
            PrecisionAtEqualRecallRate(),
        ],
        ...
    )

The definitions are those of metrics.py, which keeps every video's highest
predictions and scores them exactly. Here the state has a fixed size, so that
the metrics run in graphs, under XLA, on every Keras backend and on several
replicas, whose states add up. Hit@1 and PERR are exact. GAP and mAP, which rank
the predictions of all videos, count them in bins of the logit.

All of them share these arguments and call arguments:

Args:
    from_logits: whether `y_pred` holds logits, not probabilities.
    name: str, the key in Keras' logs; the defaults are the keys of
        `VideoMetrics.result`.
    dtype: of the state; None: Keras' floatx, float32. Counts in float32 are
        exact up to 2**24 (a bin), those in float64 up to 2**53.

Call arguments:
    y_true: `(batch, num_classes)`, positive where > 0.
    y_pred: float `(batch, num_classes)`, probabilities or logits.
    sample_weight: float `(batch,)` or `(batch, 1)`, how often each video
        counts, None: once; 0 leaves it out.

A prediction that is not a number makes the result not a number, until
`reset_state`, unless its video is left out. Without videos the result is 0.
Of tied predictions the first class ranks first, where the backend's `top_k`
keeps that order (TensorFlow and JAX do, torch does not promise it).
"""

import math

import keras
from keras import ops

from yt8m_distill.layers.argument_checks import check_whole_numbers

# Predictions are told apart in this range of the logit; float32 probabilities
# end at 16.6.
HIGHEST_LOGIT = 16.0


class _VideoMetric(keras.metrics.Metric):
    """What the metrics have in common; subclasses implement `add`."""

    def __init__(self, from_logits, name, dtype):
        super().__init__(name=name, dtype=dtype)
        self.from_logits = from_logits

    def add_zeros(self, name, shape):
        """A variable of the state, which replicas sum."""
        return self.add_variable(shape, "zeros", dtype=self.dtype, name=name)

    def add(self, positive, y_pred, weights):
        """Adds a batch to the state.

        Args:
            positive: bool `(batch, num_classes)`.
            y_pred: float `(batch, num_classes)`.
            weights: `(batch,)`, of the metric's dtype.
        """
        raise NotImplementedError

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds a batch; for the arguments see the top of the module.

        Raises:
            ValueError: the shapes differ.
        """
        positive, y_pred = _checked(y_true, y_pred)
        self.add(
            positive, y_pred, _weights_of(y_pred, sample_weight, self.dtype)
        )

    def get_config(self):
        return {**super().get_config(), "from_logits": self.from_logits}


class _MeanOverVideos(_VideoMetric):
    """The mean of a score that each video has by itself.

    Subclasses implement `score_videos`.
    """

    def __init__(self, from_logits, name, dtype):
        super().__init__(from_logits, name, dtype)
        self.total = self.add_zeros("total", ())
        self.num_videos = self.add_zeros("num_videos", ())

    def score_videos(self, positive, y_pred):
        """Scores of a batch.

        Args:
            positive: bool `(batch, num_classes)`.
            y_pred: float `(batch, num_classes)`.

        Returns:
            `(batch,)` of the metric's dtype.
        """
        raise NotImplementedError

    def add(self, positive, y_pred, weights):
        scores = self.score_videos(positive, y_pred)
        self.total.assign(self.total + ops.sum(weights * scores))
        self.num_videos.assign(self.num_videos + ops.sum(weights))

    def result(self):
        return ops.divide_no_nan(self.total, self.num_videos)


@keras.saving.register_keras_serializable("yt8m_distill.keras_metrics")
class HitAtOne(_MeanOverVideos):
    """Hit@1: the share of videos whose highest prediction is a label; exact.

    Args:
        from_logits, name, dtype: see the top of the module.

    Example:

    >>> HitAtOne()([[1, 0], [1, 0]], [[0.9, 0.2], [0.1, 0.2]])
    0.5
    """

    def __init__(self, from_logits=False, name="hit_at_1", dtype=None):
        super().__init__(from_logits, name, dtype)

    def score_videos(self, positive, y_pred):
        first = ops.argmax(y_pred, axis=-1, keepdims=True)
        hits = ops.take_along_axis(positive, first, axis=1)
        return ops.cast(hits[:, 0], self.dtype)


@keras.saving.register_keras_serializable("yt8m_distill.keras_metrics")
class PrecisionAtEqualRecallRate(_MeanOverVideos):
    """PERR: precision among as many predictions as the video has labels.

    The mean over the videos; those without labels have 0. Probabilities of 0
    are no predictions. Exact for videos with up to `max_labels` labels; of a
    video with more only the first `max_labels` predictions are looked at, so
    that its precision is at most what it should be.

    Args:
        max_labels: int, the most labels a video should have; the time grows
            with it. Videos of YouTube-8M have 3 labels on average.
        from_logits, name, dtype: see the top of the module.

    Raises:
        ValueError: `max_labels` is no whole number of at least 1.

    Example:

    >>> PrecisionAtEqualRecallRate()([[1, 1, 0]], [[0.9, 0.2, 0.3]])
    0.5
    """

    def __init__(
        self, max_labels=32, from_logits=False, name="perr", dtype=None
    ):
        super().__init__(from_logits, name, dtype)
        check_whole_numbers(max_labels=max_labels)
        self.max_labels = max_labels

    def score_videos(self, positive, y_pred):
        scores, _, hits = _top_pairs(positive, y_pred, self.max_labels)
        num_labels = ops.sum(
            ops.cast(positive, self.dtype), axis=-1, keepdims=True
        )
        ranks = ops.arange(scores.shape[-1], dtype=self.dtype)
        hits = ops.logical_and(hits, ops.less(ranks, num_labels))
        if not self.from_logits:
            hits = ops.logical_and(hits, ops.greater(scores, 0))
        shares = ops.cast(hits, self.dtype) / ops.maximum(num_labels, 1)
        return ops.sum(shares, axis=-1)

    def get_config(self):
        return {**super().get_config(), "max_labels": self.max_labels}


class _BinnedAveragePrecision(_VideoMetric):
    """Counts the highest predictions of each video, and hits, in bins.

    The bins are equally wide in the logit from 16 down to -16; the first and
    the last also take what is beyond.

    Subclasses implement `slots_of` and `count_positives`.

    Args:
        classes_shape: tuple, shape of what is told apart: `()` if the classes
            are not, `(num_classes,)` if they are.
        top_k: int, predictions a video that count.
        num_bins: int.
        from_logits, name, dtype: see the top of the module.

    Raises:
        ValueError: `top_k` or `num_bins` is no whole number of at least 1.
    """

    def __init__(
        self, classes_shape, top_k, num_bins, from_logits, name, dtype
    ):
        super().__init__(from_logits, name, dtype)
        check_whole_numbers(top_k=top_k, num_bins=num_bins)
        self.top_k = top_k
        self.num_bins = num_bins
        self.pairs = self.add_zeros("pairs", (*classes_shape, num_bins))
        self.hits = self.add_zeros("hits", (*classes_shape, num_bins))
        self.positives = self.add_zeros("positives", classes_shape)

    def slots_of(self, classes, bins):
        """Where pairs are counted: indices into the flattened counts.

        Args:
            classes: int `(batch, top_k)`.
            bins: int32 `(batch, top_k)`, in [0, num_bins).

        Returns:
            int32 `(batch, top_k)`.
        """
        raise NotImplementedError

    def count_positives(self, labels):
        """The labels of a batch, counted.

        Args:
            labels: `(batch, num_classes)`, the video's weight or 0.

        Returns:
            of the shape `classes_shape`.
        """
        raise NotImplementedError

    def add(self, positive, y_pred, weights):
        weights = ops.expand_dims(weights, -1)
        scores, classes, hits = _top_pairs(positive, y_pred, self.top_k)
        bins = _bins_of(scores, self.num_bins, self.from_logits)
        slots = self.slots_of(classes, bins)
        hits = ops.cast(hits, self.dtype)
        _count(self.pairs, slots, weights * ops.ones_like(hits))
        _count(self.hits, slots, weights * hits)
        labels = weights * ops.cast(positive, self.dtype)
        self.positives.assign(self.positives + self.count_positives(labels))

    def get_config(self):
        return {
            **super().get_config(),
            "top_k": self.top_k,
            "num_bins": self.num_bins,
        }


@keras.saving.register_keras_serializable("yt8m_distill.keras_metrics")
class GlobalAveragePrecision(_BinnedAveragePrecision):
    """GAP: average precision of the predictions of all videos in one ranking.

    Against the exact GAP, with 3862 classes: 4e-6 off at most, for a logistic
    model after each epoch of its training (3000 videos) and for made-up
    predictions (20 000 videos); 4e-4 if all predictions that count lie within
    0.4 of one another in the logit, and a quarter of that for twice the bins.

    Args:
        top_k: int, predictions a video that count; 20 in the Kaggle
            competitions.
        num_bins: int, size of the state.
        from_logits, name, dtype: see the top of the module.

    Raises:
        ValueError: `top_k` or `num_bins` is no whole number of at least 1.

    Example:

    >>> GlobalAveragePrecision()([[1, 0], [1, 0]], [[0.9, 0.2], [0.1, 0.3]])
    0.75
    """

    def __init__(
        self,
        top_k=20,
        num_bins=8192,
        from_logits=False,
        name="gap",
        dtype=None,
    ):
        super().__init__((), top_k, num_bins, from_logits, name, dtype)

    def slots_of(self, classes, bins):
        return bins

    def count_positives(self, labels):
        return ops.sum(labels)

    def result(self):
        return ops.divide_no_nan(
            _sum_precisions(self.pairs, self.hits), self.positives
        )


@keras.saving.register_keras_serializable("yt8m_distill.keras_metrics")
class MeanAveragePrecision(_BinnedAveragePrecision):
    """mAP: average precision of each class; mean over those with positives.

    A class has few bins, 0.125 wide in the logit by default. Against the exact
    mAP, with 3862 classes: 3e-4 off at most, for a logistic model after each
    epoch of its training (3000 videos), 2e-4 for made-up predictions (20 000
    videos). Scores that hardly differ fall into too few bins: the result is
    0.015 too low if all predictions that count lie within 2 of one another in
    the logit, 0.1 too low if within 0.4.

    The result takes longer than the others': 7-15 ms for YouTube-8M on two
    CPU cores, 5 ms compiled by XLA. Keras' `fit` asks for it in every step.

    Args:
        num_classes: int, size of the vocabulary.
        top_k: int, predictions a video that count; 20 in the Kaggle
            competitions.
        num_bins: int; the state is `2 * num_classes * num_bins` numbers, 8 MB
            for YouTube-8M.
        from_logits, name, dtype: see the top of the module.

    Raises:
        ValueError: a size is no whole number of at least 1.

    Example:

    >>> MeanAveragePrecision(2)([[1, 0], [0, 1]], [[0.9, 0.2], [0.1, 0.3]])
    1.0
    """

    def __init__(
        self,
        num_classes,
        top_k=20,
        num_bins=256,
        from_logits=False,
        name="map",
        dtype=None,
    ):
        check_whole_numbers(num_classes=num_classes)
        super().__init__(
            (num_classes,), top_k, num_bins, from_logits, name, dtype
        )
        self.num_classes = num_classes

    def add(self, positive, y_pred, weights):
        if y_pred.shape[-1] != self.num_classes:
            raise ValueError(
                f"predictions of {y_pred.shape[-1]} classes, but "
                f"num_classes={self.num_classes}"
            )
        super().add(positive, y_pred, weights)

    def slots_of(self, classes, bins):
        return ops.cast(classes, "int32") * self.num_bins + bins

    def count_positives(self, labels):
        return ops.sum(labels, axis=0)

    def result(self):
        present = ops.not_equal(self.positives, 0)
        average_precisions = ops.divide_no_nan(
            _sum_precisions(self.pairs, self.hits), self.positives
        )
        return ops.divide_no_nan(
            ops.sum(average_precisions),
            ops.sum(ops.cast(present, self.dtype)),
        )

    def get_config(self):
        return {**super().get_config(), "num_classes": self.num_classes}


def _checked(y_true, y_pred):
    """Labels as bool, predictions as they are; refuses differing shapes."""
    y_true = ops.convert_to_tensor(y_true)
    y_pred = ops.convert_to_tensor(y_pred)
    shapes = tuple(y_true.shape), tuple(y_pred.shape)
    same = all(
        None in sizes or sizes[0] == sizes[1]
        for sizes in zip(*shapes)  # None: not known in the graph
    )
    if not (len(shapes[0]) == len(shapes[1]) == 2 and same):
        raise ValueError(
            f"labels {shapes[0]} and predictions {shapes[1]} must have the "
            "same shape, (batch, num_classes)"
        )
    if keras.backend.standardize_dtype(y_true.dtype) != "bool":
        y_true = ops.greater(y_true, 0)
    return y_true, y_pred


def _weights_of(y_pred, sample_weight, dtype):
    """How often each video counts, `(batch,)`; NaN where the model diverged."""
    diverged = ops.any(ops.isnan(y_pred), axis=-1)
    weights = ops.ones_like(diverged, dtype=dtype)
    if sample_weight is not None:
        sample_weight = ops.cast(sample_weight, dtype)
        weights = weights * ops.reshape(sample_weight, (-1,))
        diverged = ops.logical_and(diverged, ops.not_equal(weights, 0))
    return ops.where(diverged, ops.cast(float("nan"), dtype), weights)


def _top_pairs(positive, y_pred, top_k):
    """Scores, classes and hits of the highest predictions of each video."""
    scores, classes = ops.top_k(y_pred, min(top_k, y_pred.shape[-1]))
    return scores, classes, ops.take_along_axis(positive, classes, axis=1)


def _bins_of(scores, num_bins, from_logits):
    """The bin of each score, int32; the highest logits are in bin 0."""
    scores = ops.cast(scores, "float32")
    if not from_logits:
        scores = ops.clip(scores, 0.0, 1.0)
        scores = ops.log(scores) - ops.log1p(-scores)
    # Before infinite ones are scaled; NaN is in some bin, with weight NaN.
    scores = ops.clip(ops.nan_to_num(scores), -HIGHEST_LOGIT, HIGHEST_LOGIT)
    bins = (HIGHEST_LOGIT - scores) * (num_bins / (2 * HIGHEST_LOGIT))
    return ops.cast(ops.minimum(bins, num_bins - 1), "int32")


def _count(counts, slots, weights):
    """Adds weights to the variable `counts` at slots, indices when flat."""
    sums = ops.segment_sum(
        ops.reshape(weights, (-1,)),
        ops.reshape(slots, (-1,)),
        math.prod(counts.shape),
    )
    counts.assign(counts + ops.reshape(sums, counts.shape))


def _sum_precisions(pairs, hits):
    """Σ over the hits of the precision so far, from counts in bins.

    The order within a bin is not known. In a random one the i-th of its n
    pairs, if it is the j-th of its h hits, has j ≈ 1 + (i - 1)(h - 1)/(n - 1).
    With N pairs and H hits in the bins before, the mean of (H + j) / (N + i)
    over i = 1…n is taken at two points, the mean of i plus and minus its
    standard deviation √((n² - 1)/12): exact for n ≤ 2, a little low for many.

    Args:
        pairs: `(..., num_bins)`, falling scores.
        hits: `(..., num_bins)`, of the pairs.

    Returns:
        `(...)`.
    """
    pairs, hits = ops.convert_to_tensor(pairs), ops.convert_to_tensor(hits)
    hits_so_far = ops.cumsum(hits, axis=-1) - (hits - 1) / 2
    rank = ops.cumsum(pairs, axis=-1) - (pairs - 1) / 2
    rank_deviation = ops.sqrt(ops.maximum(pairs * pairs - 1, 0) / 12)
    slope = ops.divide_no_nan(hits - 1, pairs - 1)
    hits_deviation = slope * rank_deviation
    precision = (hits_so_far + hits_deviation) / (rank + rank_deviation)
    precision += (hits_so_far - hits_deviation) / (rank - rank_deviation)
    return ops.sum(hits * precision, axis=-1) / 2
