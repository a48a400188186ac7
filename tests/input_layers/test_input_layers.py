import numpy as np
import pytest

from yt8m_distill.input_layers.l2 import L2
from yt8m_distill.input_layers.none import NoNormalization

FRAMES = np.random.default_rng(0).integers(0, 256, (2, 3, 5), np.uint8)
NUM_FRAMES = np.int32([3, 1])


def dequantized():
    values = FRAMES.astype(np.float64) * 4 / 255 + 4 / 512 - 2
    values[1, 1:] = 0
    return values


def test_none_equals_numpy():
    np.testing.assert_allclose(
        NoNormalization()(FRAMES, NUM_FRAMES), dequantized(), atol=1e-6
    )


def test_l2_equals_numpy():
    values = dequantized()
    norms = np.linalg.norm(values, axis=-1, keepdims=True)
    expected = np.divide(values, norms, where=norms > 0, out=values * 0)
    np.testing.assert_allclose(L2()(FRAMES, NUM_FRAMES), expected, atol=1e-6)


@pytest.mark.parametrize("layer", [L2(), NoNormalization()])
def test_padding_is_exactly_zero(layer):
    assert not np.asarray(layer(FRAMES, NUM_FRAMES))[1, 1:].any()
