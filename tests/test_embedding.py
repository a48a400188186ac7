import numpy as np
import pytest

from yt8m_distill.embedding import embed


@pytest.mark.parametrize("dim", [1, 3, 70])
def test_what_is_near_stays_near(dim):
    random = np.random.default_rng(0)
    of_cluster = np.repeat([0, 1], 40)
    vectors = 20 * of_cluster[:, None] + random.normal(size=(80, dim))
    points = embed(vectors)
    assert points.shape == (80, 2) and np.isfinite(points).all()
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (of_cluster[distances.argmin(axis=1)] == of_cluster).all()
    np.testing.assert_array_equal(points, embed(vectors))


def test_few_vectors():
    assert embed(np.eye(3)).shape == (3, 2)
