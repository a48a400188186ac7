"""Each sampler against a table worked out by hand."""

import numpy as np
import pytest

from yt8m_distill.frame_samplers.all_frames import AllFrames
from yt8m_distill.frame_samplers.jittered_uniform import JitteredUniform
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
