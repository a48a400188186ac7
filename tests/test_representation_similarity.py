import numpy as np
import pytest

from yt8m_distill import representation_similarity
from yt8m_distill.representation_similarity import closeness, linear_cka


def random_pair(noise, num_videos=50, dim=6):
    random = np.random.default_rng(0)
    first = random.normal(3, 1, (num_videos, dim))
    return first, first + noise * random.standard_normal(first.shape)


@pytest.mark.parametrize("noise", [0.1, 1.0, 10.0])
def test_closeness_is_that_of_all_pairs(noise, monkeypatch):
    monkeypatch.setattr(representation_similarity, "VIDEOS_AT_A_TIME", 16)
    first, second = random_pair(noise)
    distances = np.linalg.norm(first[:, None] - second[None], axis=2)
    others = distances[~np.eye(len(first), dtype=bool)]
    found = closeness(first, second)
    assert found.relative_distance == pytest.approx(
        np.diag(distances).mean() / others.mean(), abs=1e-12
    )
    assert found.nearest_share == np.mean(
        distances.argmin(axis=1) == np.arange(len(first))
    )


def test_the_same_and_chance():
    first, second = random_pair(0)
    assert closeness(first, first) == (0, 1)
    shuffled = closeness(first, second[::-1])
    assert shuffled.relative_distance == pytest.approx(1, abs=0.1)
    assert shuffled.nearest_share < 0.1
    # Far from 0, where products of float32 would tell nothing apart.
    far = (first + 1000).astype(np.float32)
    assert closeness(far, far) == (0, 1)


@pytest.mark.parametrize("dim", [6, 80])
def test_linear_cka_is_that_of_gram_matrices(dim):
    first, second = random_pair(0.7, dim=dim)
    second = np.concatenate([second, second[:, :2] ** 2], axis=1)
    n = len(first)
    centring = np.eye(n) - 1 / n
    grams = [centring @ one @ one.T @ centring for one in (first, second)]
    # Equation 2 and 4 of Kornblith et al., with a linear kernel.
    expected = (grams[0] * grams[1]).sum() / (
        np.linalg.norm(grams[0]) * np.linalg.norm(grams[1])
    )
    assert linear_cka(first, second) == pytest.approx(expected, abs=1e-12)


def test_linear_cka_knows_no_rotation_scale_and_shift():
    first, _ = random_pair(0)
    rotation, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(6, 6)))
    assert linear_cka(first, 7 * first @ rotation + 2) == pytest.approx(1)
    assert linear_cka(first, first @ np.diag([9, 1, 1, 1, 1, 0])) < 0.9


def test_nothing_to_compare():
    same = np.ones((5, 3))
    assert np.isnan(linear_cka(same, same))
    assert np.isnan(closeness(same, same).relative_distance)
    assert np.isnan(closeness(same[:1], same[:1]).nearest_share)
    with pytest.raises(ValueError, match="differ in shape"):
        closeness(same, same[:, :2])
    with pytest.raises(ValueError, match="5 and 4 videos"):
        linear_cka(same, same[:4])
