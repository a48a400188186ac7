import numpy as np
import pytest

from yt8m_distill.layers import ReverseWhitening


def test_equals_numpy():
    x = np.random.default_rng(0).standard_normal((2, 3, 4)).astype("float32")
    eigenvalues = [9.0, 4.0, 0.25, 0.0]
    np.testing.assert_allclose(
        ReverseWhitening(eigenvalues)(x),
        (x - 4 / 512) * (np.sqrt(eigenvalues) + 1e-4),
        atol=1e-6,
    )


def test_takes_the_official_file_as_it_is():
    column = np.float32([[9.0], [4.0]])  # eigenvals.npy is (2048, 1)
    assert ReverseWhitening(column).eigenvalues == (9.0, 4.0)


@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf])
def test_refuses_what_is_no_variance(value):
    with pytest.raises(ValueError, match="finite and not negative"):
        ReverseWhitening([1.0, value])


def test_refuses_frames_of_another_size():
    with pytest.raises(ValueError, match="2 eigenvalues for frames of 3"):
        ReverseWhitening([1.0, 2.0])(np.zeros((1, 3), "float32"))
