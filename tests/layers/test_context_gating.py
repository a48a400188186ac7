import numpy as np
import pytest

from tests import numpy_layers
from yt8m_distill.layers import ContextGating

X = np.random.default_rng(1).standard_normal((5, 6)).astype("float32")


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("batch_normalization", [False, True])
@pytest.mark.parametrize("remove_diagonal", [False, True])
def test_equals_numpy(training, batch_normalization, remove_diagonal):
    layer = ContextGating(batch_normalization, remove_diagonal)
    layer.build(X.shape)
    w = numpy_layers.randomize(layer)
    np.testing.assert_allclose(
        layer(X, training=training),
        numpy_layers.context_gating(X, w, training, remove_diagonal),
        atol=1e-5,
    )


def test_counts():
    layer = ContextGating()
    layer.build(X.shape)
    assert layer.count_params() == 6 * 6 + 4 * 6
    assert layer.count_flops() == 2 * 6 * 6
