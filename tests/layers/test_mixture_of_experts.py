import numpy as np
import pytest
import tensorflow as tf

from tests import numpy_layers
from yt8m_distill.layers import MixtureOfExperts

X = np.random.default_rng(1).standard_normal((6, 4)).astype("float32")


def build(**arguments):
    layer = MixtureOfExperts(5, **arguments)
    layer.build(X.shape)
    return layer, numpy_layers.randomize(layer)


def logit(p):
    return np.log(p) - np.log1p(-p)


@pytest.mark.parametrize("num_mixtures", [1, 2, 4])
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("gating", [None, "diagonal", "no diagonal"])
def test_equals_numpy(num_mixtures, training, gating):
    layer, w = build(
        num_mixtures=num_mixtures,
        probability_gating=gating is not None,
        remove_diagonal=gating == "no diagonal",
    )
    p = numpy_layers.mixture_of_experts(
        X.astype("float64"), w, num_mixtures, training, gating
    )
    np.testing.assert_allclose(
        layer(X, training=training), logit(p), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("probability_gating", [False, True])
def test_logits_stay_exact_where_probabilities_round(probability_gating):
    layer, _ = build(probability_gating=probability_gating)
    large = X * 300
    with tf.GradientTape() as tape:
        logits = layer(large)
        total = tf.reduce_sum(logits)
    assert np.isfinite(logits).all()
    assert np.abs(logits).max() > 100  # a float32 p is 0 or 1 from 17 or 104 on
    for gradient in tape.gradient(total, layer.trainable_variables):
        assert np.isfinite(gradient).all()


def test_penalty_is_half_the_squares():
    layer, w = build(l2_penalty=0.1)
    squares = sum((w[f"{n}/kernel"] ** 2).sum() for n in ("gates", "experts"))
    np.testing.assert_allclose(sum(layer.losses), 0.05 * squares, rtol=1e-5)


def test_counts():
    layer, _ = build(num_mixtures=2, probability_gating=True)
    # gates without bias, experts with; the gate of probabilities
    assert layer.count_params() == 4 * 15 + (4 * 10 + 10) + (25 + 4 * 5)
    assert layer.count_flops() == 2 * (4 * 25 + 25)
