"""The metrics against slow definitions in plain Python."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from yt8m_distill.metrics import VideoMetrics, top_classes


def slow_top(row, k):
    return sorted(range(len(row)), key=lambda c: (-row[c], c))[:k]


def slow_average_precision(pairs, positives):
    """`pairs` of (score, hit) in the order in which ties are broken."""
    hits, total = 0, 0.0
    ranked = sorted(pairs, key=lambda pair: -pair[0])
    for rank, (_, hit) in enumerate(ranked, start=1):
        if hit:
            hits += 1
            total += hits / rank
    return total / positives


def slow_metrics(predictions, labels, k):
    num_videos, num_classes = predictions.shape
    pairs, per_class = [], {c: [] for c in range(num_classes)}
    hit_at_1 = perr = 0.0
    for row, truth in zip(predictions.tolist(), labels.tolist()):
        for c in slow_top(row, k):
            pairs.append((row[c], truth[c] > 0))
            per_class[c].append((row[c], truth[c] > 0))
        hit_at_1 += truth[slow_top(row, 1)[0]] > 0
        count = sum(value > 0 for value in truth)
        if count:
            perr += (
                sum(truth[c] > 0 and row[c] > 0 for c in slow_top(row, count))
                / count
            )
    positives = (labels > 0).sum(0)
    present = [c for c in range(num_classes) if positives[c]]
    return {
        "gap": slow_average_precision(pairs, positives.sum())
        if present
        else 0.0,
        "map": sum(
            slow_average_precision(per_class[c], positives[c]) for c in present
        )
        / max(1, len(present)),
        "hit_at_1": hit_at_1 / num_videos,
        "perr": perr / num_videos,
        "num_videos": num_videos,
        "num_empty_classes": num_classes - len(present),
    }


def random_case(videos, classes, seed=0, levels=None):
    random = np.random.default_rng(seed)
    predictions = random.random((videos, classes))
    if levels:  # many ties
        predictions = np.floor(predictions * levels) / levels
    return predictions, random.random((videos, classes)) < 0.1


CASES = {
    "random": random_case(200, 30),
    "tied": random_case(200, 30, 1, levels=4),
    "all equal": (np.full((20, 5), 0.5), random_case(20, 5)[1]),
    "zeros": (np.zeros((20, 5)), random_case(20, 5)[1]),
    "no labels": (random_case(20, 30)[0], np.zeros((20, 30))),
    "one class": random_case(50, 1, 2),
    "fewer classes than k": random_case(50, 7, 3),
    "full vocabulary": random_case(8, 3862, 4),
    "soft labels": (random_case(9, 30)[0], random_case(9, 30, 5)[0] - 0.5),
}


@pytest.mark.parametrize("name", CASES)
def test_equals_the_definition(name):
    predictions, labels = CASES[name]
    metrics = VideoMetrics(predictions.shape[1], top_k=20)
    for start in range(0, len(predictions), 7):  # in batches
        metrics.update(
            predictions[start : start + 7], labels[start : start + 7]
        )
    expected = slow_metrics(predictions, np.asarray(labels), 20)
    assert metrics.result() == pytest.approx(expected, abs=1e-9)


def test_equals_scikit_learn_where_all_pairs_count():
    predictions, labels = random_case(300, 15, 6)
    metrics = VideoMetrics(15, top_k=15)
    metrics.update(predictions, labels)
    result = metrics.result()
    assert result["gap"] == pytest.approx(
        average_precision_score(labels.ravel(), predictions.ravel()), abs=1e-9
    )
    assert result["map"] == pytest.approx(
        average_precision_score(labels, predictions, average="macro"), abs=1e-9
    )


def test_a_missed_label_lowers_gap():
    metrics = VideoMetrics(3, top_k=1)
    metrics.update(np.array([[0.9, 0.5, 0.1]]), np.array([[1, 1, 0]]))
    assert metrics.result()["gap"] == 0.5


def test_top_classes_fall_and_break_ties_by_class():
    predictions = np.array([[0.1, 0.7, 0.7, 0.9, 0.1]])
    assert top_classes(predictions, 4).tolist() == [[3, 1, 2, 0]]
    assert top_classes(predictions, 5).tolist() == [[3, 1, 2, 0, 4]]


def test_what_cannot_be_scored_is_refused():
    metrics = VideoMetrics(2)
    with pytest.raises(ValueError, match="no video"):
        metrics.result()
    with pytest.raises(ValueError, match="diverged"):
        metrics.update(np.array([[np.nan, 0.0]]), np.array([[1, 0]]))
    with pytest.raises(ValueError, match="differ in shape"):
        metrics.update(np.zeros((1, 2)), np.zeros((1, 3)))
