"""The metrics against slow definitions in plain Python."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from yt8m_distill import full_rankings, ranked_pairs
from yt8m_distill.average_precision import AveragePrecisions
from yt8m_distill.metrics import MAP_CONVENTIONS, VideoMetrics, top_classes


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


def slow_metrics(predictions, labels, k, convention="present_classes"):
    num_videos, num_classes = predictions.shape
    pairs, per_class = [], {c: [] for c in range(num_classes)}
    hit_at_1 = perr = 0.0
    for row, truth in zip(predictions.tolist(), labels.tolist()):
        for c in slow_top(row, k):
            pairs.append((row[c], truth[c] > 0))
            if convention != "full_ranking":
                per_class[c].append((row[c], truth[c] > 0))
        if convention == "full_ranking":
            for c in range(num_classes):
                per_class[c].append((row[c], truth[c] > 0))
        hit_at_1 += truth[slow_top(row, 1)[0]] > 0
        count = sum(value > 0 for value in truth)
        if count:
            perr += (
                sum(truth[c] > 0 and row[c] > 0 for c in slow_top(row, count))
                / count
            )
    positives = [sum(v > 0 for v in column) for column in labels.T.tolist()]
    present = [c for c in range(num_classes) if positives[c]]
    total = sum(
        slow_average_precision(per_class[c], positives[c]) for c in present
    )
    averaged = num_classes if convention == "all_classes" else len(present)
    return {
        "gap": slow_average_precision(pairs, sum(positives))
        if present
        else 0.0,
        "map": total / max(1, averaged),
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


def as_float32(case):
    return case[0].astype(np.float32), case[1].astype(np.float32)


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
    "float32": as_float32(random_case(200, 600, 6)),
    "float32, full vocabulary": as_float32(random_case(8, 3862, 7)),
    "float32, tied": as_float32(random_case(30, 600, 8, levels=4)),
    "float32, all zero": as_float32((np.zeros((9, 600)), np.eye(9, 600))),
    "float32, logits": as_float32(
        (random_case(20, 600, 9)[0] - 0.5, random_case(20, 600, 9)[1])
    ),
    "float32, infinite": as_float32(
        (np.log(random_case(20, 600, 9, 2)[0] + 1e-300), np.eye(20, 600))
    ),
}


@pytest.mark.parametrize("convention", MAP_CONVENTIONS)
@pytest.mark.parametrize("name", CASES)
def test_equals_the_definition(name, convention):
    predictions, labels = CASES[name]
    metrics = VideoMetrics(predictions.shape[1], 20, convention)
    for start in range(0, len(predictions), 7):  # in batches
        metrics.update(
            predictions[start : start + 7], labels[start : start + 7]
        )
    expected = slow_metrics(predictions, np.asarray(labels), 20, convention)
    assert metrics.result() == pytest.approx(expected, abs=1e-9)


def test_what_does_not_fit_into_memory_changes_nothing(monkeypatch):
    predictions, labels = random_case(300, 25, levels=50)
    expected = slow_metrics(predictions, labels, 20)
    whole = slow_metrics(predictions, labels, 20, "full_ranking")
    monkeypatch.setattr(ranked_pairs, "RUN_LENGTH", 700)
    monkeypatch.setattr(ranked_pairs, "PAIRS_IN_MEMORY", 1500)
    monkeypatch.setattr(full_rankings, "VIDEOS_A_BLOCK", 100)
    monkeypatch.setattr(full_rankings, "BYTES_IN_MEMORY", 1000)
    for convention, wanted in (
        ("present_classes", expected),
        ("full_ranking", whole),
    ):
        metrics = VideoMetrics(25, 20, convention)
        for start in range(0, 300, 7):
            metrics.update(
                predictions[start : start + 7], labels[start : start + 7]
            )
        assert metrics.result() == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("levels", [None, 3])
def test_ranked_pairs_come_in_pieces_and_in_order(dtype, levels):
    random = np.random.default_rng(0)
    scores = random.normal(size=5000).astype(dtype)
    if levels:
        scores = np.round(scores * levels) / levels
        scores[scores == 0] *= random.choice([1, -1], (scores == 0).sum())
    classes = random.integers(0, 3862, 5000)
    hits = random.random(5000) < 0.2
    pairs = ranked_pairs.RankedPairs(run_length=450, pairs_in_memory=1000)
    for start in range(0, 5000, 130):
        some = slice(start, start + 130)
        pairs.add(scores[some], classes[some], hits[some])
    assert len(pairs) == 5000
    pieces = list(pairs.falling())
    order = np.argsort(-scores, kind="stable")
    assert max(len(piece) for piece, _ in pieces) < 2000
    np.testing.assert_array_equal(
        np.concatenate([piece for piece, _ in pieces]), classes[order]
    )
    np.testing.assert_array_equal(
        np.concatenate([piece for _, piece in pieces]), hits[order]
    )


def test_average_precision_of_each_class():
    predictions, labels = random_case(100, 12, 3)
    labels[:, 5] = 0
    metrics = VideoMetrics(12, 12)
    metrics.update(predictions, labels)
    found, positives = metrics.average_precisions()
    np.testing.assert_array_equal(positives, labels.sum(0))
    assert np.isnan(found[5])
    for c in set(range(12)) - {5}:
        assert found[c] == pytest.approx(
            average_precision_score(labels[:, c], predictions[:, c]), abs=1e-9
        )


def test_only_the_first_ranks_of_a_class_count():
    # As ap_at_n of the starter code: positives beyond n cannot be found.
    average_precisions = AveragePrecisions(2, max_rank=3)
    classes = np.array([0, 1, 0, 0, 1, 0, 1, 1])
    hits = np.array([1, 0, 0, 1, 1, 1, 0, 1], bool)
    average_precisions.add(classes[:3], hits[:3])
    average_precisions.add(classes[3:], hits[3:])
    found = average_precisions.result([5, 2])
    assert found == pytest.approx([(1 + 2 / 3) / 3, (1 / 2) / 2])


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


def test_gap_is_scikit_learn_s_over_the_pairs_that_count():
    predictions, labels = random_case(200, 60, 7)
    metrics = VideoMetrics(60, top_k=20)
    metrics.update(predictions, labels)
    classes = top_classes(predictions, 20)
    pooled = np.take_along_axis(labels, classes, 1).ravel()
    scores = np.take_along_axis(predictions, classes, 1).ravel()
    share = pooled.sum() / labels.sum()
    assert metrics.result()["gap"] == pytest.approx(
        average_precision_score(pooled, scores) * share, abs=1e-9
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
    with pytest.raises(ValueError, match="map_convention='mean'; give one of"):
        VideoMetrics(2, map_convention="mean")
    with pytest.raises(ValueError, match="need every prediction"):
        VideoMetrics(2, 20, "full_ranking").update_video([0], [0.5], {0})
    with pytest.raises(ValueError, match="differ in shape"):
        metrics.update(np.zeros((1, 2)), np.zeros((1, 3)))
