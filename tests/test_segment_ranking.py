import numpy as np
import pytest

from yt8m_distill.segment_ranking import SegmentRanking


def slow_ranking(predictions, ids, label, most):
    order = sorted(
        range(len(ids)),
        key=lambda number: (-predictions[number, label], number),
    )
    return [
        (ids[number].decode(), predictions[number, label])
        for number in order[:most]
    ]


@pytest.mark.parametrize("levels", [None, 4])
@pytest.mark.parametrize("most", [1, 7, 100, 5000])
@pytest.mark.parametrize("batch", [1, 64, 3000])
def test_the_highest_of_each_class(most, levels, batch):
    random = np.random.default_rng(0)
    num_segments = 300 if batch == 1 else 3000
    predictions = random.normal(size=(num_segments, 6)).astype("float32")
    # What comes later is better: everything is replaced time and again.
    predictions += np.linspace(0, 5, num_segments, dtype="float32")[:, None]
    if levels:
        predictions = np.floor(predictions * levels) / np.float32(levels)
    ids = [b"v%d:%d" % (n // 60, n % 60 * 5) for n in range(num_segments)]
    ranking = SegmentRanking([4, 0, 5], most)
    for start in range(0, num_segments, batch):
        ranking.add(
            ids[start : start + batch], predictions[start : start + batch]
        )
    found = list(ranking.rankings())
    assert [label for label, _, _ in found] == [0, 4, 5]
    for label, segment_ids, scores in found:
        expected = slow_ranking(predictions, ids, label, most)
        assert list(zip(segment_ids, scores)) == expected


def test_nothing_added_is_nothing_ranked():
    assert [len(ids) for _, ids, _ in SegmentRanking([0, 1], 3).rankings()] == [
        0,
        0,
    ]


def test_nan_is_refused():
    with pytest.raises(ValueError, match="diverged"):
        SegmentRanking([1], 3).add([b"a:0"], np.array([[0, np.nan]], "float32"))
