"""MAP@K over rated segments against a slow definition in plain Python."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from tests.test_metrics import slow_average_precision
from yt8m_distill.segment_metrics import SegmentMetrics


def slow_metrics(predictions, labels, weights, most, over_all=False):
    num_segments, num_classes = predictions.shape
    found, positives_of, pooled = [], [], []
    hit_at_1 = perr = 0.0
    for c in range(num_classes):
        pairs = [
            (predictions[s, c], labels[s, c] > 0)
            for s in range(num_segments)
            if weights[s, c] > 0
        ]
        ranked = sorted(pairs, key=lambda pair: -pair[0])
        positives = sum(hit for _, hit in pairs)
        positives_of.append(positives)
        if positives:
            found.append(
                slow_average_precision(ranked[:most], min(positives, most))
            )
    for s in range(num_segments):
        rated = [c for c in range(num_classes) if weights[s, c] > 0]
        ranked = sorted(rated, key=lambda c: -predictions[s, c])
        count = sum(labels[s, c] > 0 for c in rated)
        hit_at_1 += bool(ranked) and labels[s, ranked[0]] > 0
        if count:
            perr += sum(labels[s, c] > 0 for c in ranked[:count]) / count
        pooled += [(predictions[s, c], labels[s, c] > 0) for c in rated]
    return {
        "gap": slow_average_precision(pooled, sum(positives_of))
        if sum(positives_of)
        else 0.0,
        "map": sum(found) / (num_classes if over_all else max(1, len(found))),
        "hit_at_1": hit_at_1 / num_segments,
        "perr": perr / num_segments,
        "num_videos": num_segments,
        "num_empty_classes": positives_of.count(0),
    }


def random_case(seed=0, levels=None, dtype="float64", shape=(150, 9)):
    random = np.random.default_rng(seed)
    predictions = random.random(shape).astype(dtype)
    if levels:
        predictions = np.floor(predictions * levels) / levels
    weights = (random.random(shape) < 0.2).astype("float32")
    labels = (random.random(shape) < 0.4) * weights
    return predictions, labels, weights


CASES = {
    "random": random_case(),
    "float32": random_case(1, dtype="float32"),
    "tied": random_case(2, levels=3),
    "one class": random_case(3, shape=(40, 1)),
    "many classes": random_case(4, shape=(12, 3862)),
    "nothing rated": (np.ones((3, 2)), np.zeros((3, 2)), np.zeros((3, 2))),
    "no positive": (np.ones((3, 2)), np.zeros((3, 2)), np.ones((3, 2))),
}


@pytest.mark.parametrize("most", [4, 100_000])
@pytest.mark.parametrize("over_all", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_equals_the_definition(name, over_all, most):
    case = CASES[name]
    convention = "all_classes" if over_all else "present_classes"
    metrics = SegmentMetrics(
        case[0].shape[1], max_segments=most, map_convention=convention
    )
    for start in range(0, len(case[0]), 7):
        metrics.update(*(values[start : start + 7] for values in case))
    expected = slow_metrics(*case, most, over_all)
    assert metrics.result() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_what_was_not_rated_changes_nothing(name):
    predictions, labels, weights = CASES[name]
    results = []
    for seed in range(3):
        random = np.random.default_rng(seed).normal(size=predictions.shape)
        other = np.where(weights > 0, predictions, random)
        metrics = SegmentMetrics(predictions.shape[1])
        metrics.update(other.astype(predictions.dtype), labels, weights)
        results.append(metrics.result())
    assert results[0] == results[1] == results[2]


def test_is_scikit_learn_s_where_everything_is_rated():
    predictions, labels, _ = random_case(5, shape=(200, 6))
    metrics = SegmentMetrics(6)
    metrics.update(predictions, labels, np.ones_like(labels))
    assert metrics.result()["map"] == pytest.approx(
        average_precision_score(labels, predictions, average="macro"), abs=1e-9
    )


def test_only_the_classes_of_segments_are_averaged():
    predictions, labels, weights = random_case(6)
    labels[:, 7] = 0
    metrics = SegmentMetrics(9, [1, 4, 7], map_convention="all_classes")
    metrics.update(predictions, labels, weights)
    found, positives = metrics.average_precisions()
    assert metrics.result()["map"] == pytest.approx((found[1] + found[4]) / 3)
    assert metrics.result()["num_empty_classes"] == 1
    np.testing.assert_array_equal(positives, (labels > 0).sum(0))


def test_a_rated_segment_that_was_not_predicted_was_not_found():
    metrics = SegmentMetrics(1)
    metrics.update_rated(
        np.array([0, 1, 2, 3]),
        np.zeros(4, int),
        np.array([-np.inf, -1.0, -0.0, -np.inf]),
        np.array([True, True, False, False]),
        4,
    )
    result = metrics.result()
    assert result["map"] == pytest.approx(0.5 / 2)
    assert result["hit_at_1"] == 1 / 4


def test_what_cannot_be_scored_is_refused():
    with pytest.raises(ValueError, match="map_convention='full_ranking'"):
        SegmentMetrics(2, map_convention="full_ranking")
    metrics = SegmentMetrics(2)
    with pytest.raises(ValueError, match="no segment"):
        metrics.result()
    with pytest.raises(ValueError, match="diverged"):
        metrics.update(
            np.array([[np.nan, 0.0]]), np.array([[1, 0]]), np.array([[1, 1]])
        )
