import numpy as np
import pytest

from tests import numpy_layers
from yt8m_distill.layers import SqueezeExcitationGating

X = np.random.default_rng(1).standard_normal((5, 6)).astype("float32")


@pytest.mark.parametrize("training", [False, True])
def test_equals_numpy(training):
    layer = SqueezeExcitationGating(reduction=2)
    layer.build(X.shape)
    w = numpy_layers.randomize(layer)
    np.testing.assert_allclose(
        layer(X, training=training),
        numpy_layers.squeeze_excitation_gating(X, w, training),
        atol=1e-5,
    )


def test_counts():
    layer = SqueezeExcitationGating(reduction=2)
    layer.build(X.shape)
    assert layer.count_params() == 2 * 6 * 3 + 4 * 3
    assert layer.count_flops() == 2 * 2 * 6 * 3


def test_refuses_to_squeeze_to_nothing():
    with pytest.raises(ValueError, match="reduction=8 leaves nothing of 6"):
        SqueezeExcitationGating(reduction=8).build((None, 6))
