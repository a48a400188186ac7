"""How much two models agree about the same videos."""

import numpy as np

from yt8m_distill.metrics import top_classes

# Videos that are looked through together.
VIDEOS_AT_A_TIME = 1024


def bernoulli_divergence(teacher_logits, student_logits):
    """Mean of L_pred: the KL divergences of all classes, summed.

    Args:
        teacher_logits, student_logits: float `(videos, num_classes)`.

    Returns:
        float, in nats a video.
    """
    total = 0.0
    for start in range(0, len(teacher_logits), VIDEOS_AT_A_TIME):
        rows = slice(start, start + VIDEOS_AT_A_TIME)
        teacher, student = (
            np.asarray(logits[rows], np.float64)
            for logits in (teacher_logits, student_logits)
        )
        # log p = −log(1 + exp(−z)) and log(1 − p) = −log(1 + exp(z))
        positive = np.logaddexp(0, -student) - np.logaddexp(0, -teacher)
        negative = np.logaddexp(0, student) - np.logaddexp(0, teacher)
        share = np.exp(-np.logaddexp(0, -teacher))
        total += (share * positive + (1 - share) * negative).sum()
    return float(total / len(teacher_logits))


def top_overlap(first_logits, second_logits, k):
    """Share of the k highest classes of a video that both models name.

    Args:
        first_logits, second_logits: float `(videos, num_classes)`.
        k: int, clamped to the vocabulary; 1: whether the highest is the same.

    Returns:
        float in [0, 1], the mean over the videos.
    """
    k = min(k, first_logits.shape[1])
    common = 0
    for start in range(0, len(first_logits), VIDEOS_AT_A_TIME):
        rows = slice(start, start + VIDEOS_AT_A_TIME)
        first = top_classes(np.asarray(first_logits[rows]), k)
        second = top_classes(np.asarray(second_logits[rows]), k)
        common += (first[:, :, None] == second[:, None, :]).sum()
    return float(common / (k * len(first_logits)))


def rank_correlation(first_logits, second_logits, labels):
    """Spearman's correlation of what two models predict for the labels.

    Args:
        first_logits, second_logits: float `(videos, num_classes)`.
        labels: bool `(videos, num_classes)`.

    Returns:
        float in [-1, 1] over all pairs of a video and one of its labels, ties
        with their mean rank; NaN where there are fewer than 2 pairs or all of a
        model's predictions are the same.
    """
    first, second = (
        _ranks(np.asarray(logits)[labels])
        for logits in (first_logits, second_logits)
    )
    if len(first) < 2 or not first.std() or not second.std():
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])


def _ranks(values):
    """Ranks from 0 on, equal values with the mean of theirs."""
    _, where, counts = np.unique(
        values, return_inverse=True, return_counts=True
    )
    ends = np.cumsum(counts)
    return (ends - (counts + 1) / 2)[where]
