"""Each sampler against a table worked out by hand."""

import numpy as np
import pytest

from yt8m_distill.frame_samplers.all_frames import AllFrames
from yt8m_distill.frame_samplers.every_nth import EveryNth
from yt8m_distill.frame_samplers.first import First
from yt8m_distill.frame_samplers.first_middle_last import FirstMiddleLast
from yt8m_distill.frame_samplers.jittered_uniform import JitteredUniform
from yt8m_distill.frame_samplers.last import Last
from yt8m_distill.frame_samplers.middle import Middle
from yt8m_distill.frame_samplers.random import Random
from yt8m_distill.frame_samplers.random_sequence import RandomSequence
from yt8m_distill.frame_samplers.stratified import Stratified
from yt8m_distill.frame_samplers.uniform import Uniform


@pytest.mark.parametrize(
    ("sampler", "num_frames", "expected"),
    [
        (AllFrames(4), 2, [0, 1, 1, 1]),
        (AllFrames(4), 4, [0, 1, 2, 3]),
        (AllFrames(4), 9, [0, 1, 2, 3]),
        (Uniform(2), 10, [2, 7]),
        (Uniform(3), 300, [50, 150, 250]),
        (Uniform(1), 7, [3]),
        (Uniform(5), 5, [0, 1, 2, 3, 4]),
        (Uniform(4), 6, [0, 2, 3, 5]),
        (Uniform(4), 2, [0, 1, 1, 1]),
        (Uniform(3), 0, [0, 0, 0]),
        (JitteredUniform(3), 300, [50, 150, 250]),
        (Stratified(3), 300, [50, 150, 250]),
        (First(3), 10, [0, 1, 2]),
        (First(3), 2, [0, 1, 1]),
        (Last(3), 10, [7, 8, 9]),
        (Last(3), 3, [0, 1, 2]),
        (Last(3), 1, [0, 0, 0]),
        (Middle(3), 10, [3, 4, 5]),
        (Middle(4), 10, [3, 4, 5, 6]),
        (Middle(3), 2, [0, 1, 1]),
        (RandomSequence(3), 10, [3, 4, 5]),
        (RandomSequence(3), 2, [0, 1, 1]),
        (FirstMiddleLast(6), 20, [0, 1, 9, 10, 18, 19]),
        (FirstMiddleLast(4), 20, [0, 1, 9, 19]),
        (FirstMiddleLast(5), 20, [0, 1, 9, 10, 19]),
        (FirstMiddleLast(10), 300, [0, 1, 2, 3, 148, 149, 150, 297, 298, 299]),
        (FirstMiddleLast(4), 5, [0, 1, 2, 4]),
        (FirstMiddleLast(2), 9, [0, 4]),
        (FirstMiddleLast(1), 9, [0]),
        (FirstMiddleLast(6), 4, [0, 1, 2, 3, 3, 3]),
        (EveryNth(10, 30), 30, [0, 10, 20]),
        (EveryNth(10, 25), 25, [0, 10, 20]),
        (EveryNth(10, 30), 300, [0, 10, 20]),
        (EveryNth(10, 30), 11, [0, 10, 10]),
        (EveryNth(10, 30), 1, [0, 0, 0]),
    ],
)
def test_indices(sampler, num_frames, expected):
    assert np.asarray(sampler.indices([num_frames])).tolist() == [expected]


def test_uniform_is_the_middle_of_equal_parts():
    for n in range(10, 301):
        expected = [int(np.floor((i + 0.5) * n / 10 + 1e-9)) for i in range(10)]
        assert np.asarray(Uniform(10).indices([n]))[0].tolist() == expected


def test_jitter_reaches_every_frame_at_equal_distances():
    sampler = JitteredUniform(2)
    indices = np.asarray(
        sampler.indices(np.full(500, 10), training=True, seed=1)
    )
    assert set(indices.ravel().tolist()) == set(range(10))
    assert (indices[:, 1] - indices[:, 0] == 5).all()


def test_jitter_follows_its_seed():
    first, again, other = (
        np.asarray(
            JitteredUniform(2).indices(np.full(9, 300), True, seed=seed)
        ).tolist()
        for seed in (1, 1, 2)
    )
    assert first == again != other


@pytest.mark.parametrize(
    ("num_frames", "expected"),
    [(300, 30), (291, 30), (290, 29), (25, 3), (10, 1), (1, 1), (0, 0)],
)
def test_every_nth_has_fewer_frames_of_short_videos(num_frames, expected):
    assert int(EveryNth(10, 300).num_chosen(num_frames)) == expected


def test_every_set_of_random_frames_is_as_likely():
    indices = Random(2, max_frames=8).indices(np.full(6000, 4), True, seed=1)
    sets, counts = np.unique(indices, axis=0, return_counts=True)
    assert len(sets) == 6  # of 4 frames, 2
    # 1,000 each; the standard deviation is 29
    assert np.abs(counts - 1000).max() < 120


def test_random_frames_are_fixed_at_evaluation():
    sampler = Random(3, max_frames=20)
    first = np.asarray(sampler.indices([20, 9, 20]))
    np.testing.assert_array_equal(first[0], first[2])
    again = np.asarray(Random(3, max_frames=20).indices([20, 9, 20]))
    np.testing.assert_array_equal(first, again)
    assert first[0].tolist() not in ([0, 1, 2], [3, 10, 16], [17, 18, 19])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Random(30, max_frames=10), "k=30 is more than max_frames=10"),
        (lambda: Stratified(30, 1, max_frames=10), "k=30 is more than"),
        (lambda: Stratified(6, 4), "parts=4 does not divide k=6"),
        (lambda: Stratified(6, 0), "parts=0; give a whole number"),
        (lambda: EveryNth(0), "stride must be a whole number"),
        (lambda: First(0), "k must be a whole number"),
    ],
)
def test_refuses_what_makes_no_sense(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_sampling_a_batch():
    frames = np.arange(2 * 6 * 3, dtype=np.uint8).reshape(2, 6, 3)
    batch = {
        "frames": frames,
        "num_frames": np.int32([6, 1]),
        "labels": np.ones((2, 4)),
    }
    sampled = Uniform(2)(batch)
    np.testing.assert_array_equal(
        sampled["frames"], [frames[0, [1, 4]], [frames[1, 0], [0, 0, 0]]]
    )
    assert np.asarray(sampled["num_frames"]).tolist() == [2, 1]
    np.testing.assert_array_equal(sampled["labels"], batch["labels"])


@pytest.mark.parametrize("k", [0, -1, 2.5, "3"])
def test_a_senseless_k_is_refused(k):
    with pytest.raises(ValueError, match="k must be a whole number"):
        Uniform(k)


def test_a_random_sequence_starts_anywhere():
    indices = np.asarray(
        RandomSequence(3).indices(np.full(500, 7), training=True, seed=1)
    )
    starts, counts = np.unique(indices[:, 0], return_counts=True)
    assert starts.tolist() == [0, 1, 2, 3, 4]
    assert counts.min() > 60
    assert (indices == indices[:, :1] + np.arange(3)).all()


@pytest.mark.parametrize("parts", [None, 2, 1])
@pytest.mark.parametrize("num_frames", [4, 5, 10, 60])
def test_stratified_draws_each_frame_of_each_part_alike(num_frames, parts):
    sampler, videos = Stratified(4, parts, max_frames=60), 20_000
    chosen = np.asarray(
        sampler.indices(np.full(videos, num_frames), training=True, seed=1)
    )
    assert (np.diff(chosen, axis=1) > 0).all()  # different, and rising
    parts = parts or 4
    each = 4 // parts
    bounds = np.arange(parts + 1) * num_frames // parts
    for part, (first, end) in enumerate(zip(bounds, bounds[1:])):
        of_part = chosen[:, part * each : (part + 1) * each]
        counts = np.bincount(of_part.ravel(), minlength=num_frames)
        assert counts[:first].sum() == 0 and counts[end:].sum() == 0
        expected = videos * each / (end - first)
        # Six standard deviations of a binomial count
        assert np.abs(counts[first:end] - expected).max() < 6 * expected**0.5


def test_stratified_draws_parts_and_videos_apart():
    chosen = np.asarray(
        Stratified(2).indices(np.full(10_000, 100), training=True, seed=1)
    )
    late = (chosen - [0, 50]) >= 25
    assert abs(np.corrcoef(late[:, 0], late[:, 1])[0, 1]) < 0.05
    assert abs(np.corrcoef(late[1:, 0], late[:-1, 0])[0, 1]) < 0.05


def test_stratified_takes_short_videos_whole():
    for seed in range(5):
        indices = Stratified(4).indices([2, 0], training=True, seed=seed)
        assert np.asarray(indices).tolist() == [[0, 1, 1, 1], [0, 0, 0, 0]]
