import numpy as np
import pytest
from keras import ops

from yt8m_distill.layers import ContextGating


def randomize(layer, seed=0):
    """Random weights, so that no term hides behind a zero or a one."""
    random = np.random.default_rng(seed)
    layer.set_weights(
        [random.uniform(0.2, 1.0, w.shape) for w in layer.get_weights()]
    )
    return {w.name: ops.convert_to_numpy(w) for w in layer.weights}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize("training", [False, True])
def test_equals_numpy(training):
    x = np.random.default_rng(1).standard_normal((5, 6)).astype("float32")
    layer = ContextGating()
    layer.build(x.shape)
    w = randomize(layer)
    logits = x @ w["kernel"]
    mean, variance = (
        (logits.mean(0), logits.var(0))
        if training
        else (w["moving_mean"], w["moving_variance"])
    )
    normal = (logits - mean) / np.sqrt(variance + 1e-3)
    expected = x * sigmoid(normal * w["gamma"] + w["beta"])
    np.testing.assert_allclose(layer(x, training=training), expected, atol=1e-5)


def test_without_batch_normalization_equals_numpy():
    x = np.random.default_rng(1).standard_normal((5, 6)).astype("float32")
    layer = ContextGating(batch_normalization=False)
    layer.build(x.shape)
    w = randomize(layer)
    expected = x * sigmoid(x @ w["kernel"] + w["bias"])
    np.testing.assert_allclose(layer(x), expected, atol=1e-5)
    assert layer.count_params() == 6 * 6 + 6
