import keras
import numpy as np
import pytest
import tensorflow as tf

from yt8m_distill.layers.batch_statistics import normalized

COUNTED = np.arange(12) % 5 != 2


@pytest.fixture
def arrays():
    generator = np.random.default_rng(0)
    return {
        "inputs": generator.normal(3, 2, (12, 4)).astype("float32"),
        "gamma": generator.normal(size=4).astype("float32"),
        "beta": generator.normal(size=4).astype("float32"),
    }


def call(arrays, counted):
    weights = counted[None].astype("float32")
    return normalized(**arrays, weights=weights, epsilon=1e-3)


@pytest.mark.parametrize("counted", [COUNTED, np.ones(12, bool)])
def test_equals_numpy(arrays, counted):
    outputs, mean, variance = call(arrays, counted)
    real = arrays["inputs"][counted].astype(float)
    np.testing.assert_allclose(mean, real.mean(0), rtol=1e-5)
    np.testing.assert_allclose(variance, real.var(0), rtol=1e-5)
    expected = (arrays["inputs"] - real.mean(0)) / np.sqrt(real.var(0) + 1e-3)
    expected = expected * arrays["gamma"] + arrays["beta"]
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-5)


def test_no_row_counts(arrays):
    outputs, mean, variance = call(arrays, np.zeros(12, bool))
    assert np.isfinite(outputs).all()
    assert not np.any(mean) and not np.any(variance)


@pytest.mark.parametrize("in_graph", [False, True])
def test_gradients_are_those_of_keras(arrays, in_graph):
    layer = keras.layers.BatchNormalization()
    layer.build((12, 4))
    upstream = np.random.default_rng(1).normal(size=(12, 4)).astype("float32")

    def gradients(own):
        given = {key: tf.constant(value) for key, value in arrays.items()}
        with tf.GradientTape() as tape:
            tape.watch(given)
            if own:
                outputs = call(given, COUNTED)[0]
            else:
                layer.gamma.assign(given["gamma"])
                layer.beta.assign(given["beta"])
                outputs = layer(given["inputs"], training=True, mask=COUNTED)
            total = tf.reduce_sum(outputs * upstream)
        if own:
            return tape.gradient(total, list(given.values()))
        return tape.gradient(
            total, [given["inputs"], layer.gamma.value, layer.beta.value]
        )

    if in_graph:
        gradients = tf.function(gradients)
    for found, expected in zip(gradients(True), gradients(False), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
