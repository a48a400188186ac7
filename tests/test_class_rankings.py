"""GAP and the AP of each class, against plain Python."""

import math

import numpy as np
import pytest

from tests.test_metrics import slow_average_precision
from yt8m_distill import class_rankings, ranked_pairs


def slow_average_precision_at(pairs, positives, max_rank=None):
    """That of the `max_rank` highest pairs; NaN without positives."""
    ranked = sorted(pairs, key=lambda pair: -pair[0])[:max_rank]
    counted = positives if max_rank is None else min(positives, max_rank)
    return slow_average_precision(ranked, counted) if counted else math.nan


def slow_result(pairs, positives, num_classes, max_rank):
    """`(gap, average_precisions)` of `(score, class, hit)` triples."""
    gap = slow_average_precision_at(
        [(score, hit) for score, _, hit in pairs], len(positives)
    )
    return gap, [
        slow_average_precision_at(
            [(score, hit) for score, of, hit in pairs if of == label],
            positives.count(label),
            max_rank,
        )
        for label in range(num_classes)
    ]


def check(rankings, pairs, positives, num_classes, max_rank):
    gap, of_classes = rankings.result()
    expected = slow_result(pairs, positives, num_classes, max_rank)
    assert gap == pytest.approx(expected[0], abs=1e-12)
    np.testing.assert_allclose(of_classes, expected[1], rtol=1e-12)
    assert rankings.positives.tolist() == [
        positives.count(label) for label in range(num_classes)
    ]


@pytest.mark.parametrize("run_length", [None, 7])
@pytest.mark.parametrize("max_rank", [None, 1, 4])
@pytest.mark.parametrize("levels", [None, 3])
def test_batches_against_plain_python(
    levels, max_rank, run_length, monkeypatch
):
    if run_length:  # many runs to merge
        monkeypatch.setattr(ranked_pairs, "RUN_LENGTH", run_length)
    random = np.random.default_rng(0)
    num_classes = 6
    rankings = class_rankings.ClassRankings(num_classes, max_rank)
    pairs, positives = [], []
    for size in (1, 40, 0, 25):
        scores = random.random(size).astype("float32")
        if levels:  # ties, broken in the order of adding
            scores = np.floor(scores * levels) / np.float32(levels)
        classes = random.integers(0, 5, size)  # none of the last class
        hits = random.random(size) < 0.4
        # Positives for which no pair stands count too; class 1 has none.
        missed = random.integers(2, 5, size // 8)
        hits &= classes != 1
        own = [*classes[hits].tolist(), *missed.tolist()]
        rankings.add(scores, classes, hits, np.array(own, int))
        pairs += zip(scores.tolist(), classes.tolist(), hits.tolist())
        positives += own
        # What comes after a result counts in the next one.
        if positives:
            check(rankings, pairs, positives, num_classes, max_rank)
    assert np.isnan(rankings.result()[1][[1, 5]]).all()


def test_pairs_are_ranked_once(monkeypatch):
    calls = []
    falling = ranked_pairs.RankedPairs.falling
    monkeypatch.setattr(
        ranked_pairs.RankedPairs,
        "falling",
        lambda self: calls.append(self) or falling(self),
    )
    rankings = class_rankings.ClassRankings(2)
    one = np.array([1])
    rankings.add(np.float32([0.5]), one, np.array([True]), one)
    assert rankings.result() is rankings.result() and len(calls) == 1
    rankings.add(np.float32([0.7]), one, np.array([False]), one[:0])
    assert rankings.result()[0] == 0.5 and len(calls) == 2


def test_nothing_added_scores_nothing():
    gap, of_classes = class_rankings.ClassRankings(3).result()
    assert gap == 0.0
    assert np.isnan(of_classes).all()
