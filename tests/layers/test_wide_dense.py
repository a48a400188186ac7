import keras
import numpy as np
import pytest
import tensorflow as tf

from yt8m_distill.layers.wide_dense import WideDense

INPUTS = np.random.default_rng(0).normal(size=(3, 7)).astype("float32")


@pytest.mark.parametrize("use_bias", [False, True])
@pytest.mark.parametrize("in_graph", [False, True])
def test_equals_numpy_with_its_gradients(use_bias, in_graph):
    layer = WideDense(4, use_bias=use_bias, bias_initializer="random_normal")
    layer.build((None, 7))
    upstream = np.random.default_rng(1).normal(size=(3, 4)).astype("float32")

    def call(inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs)
        return outputs, tape.gradient(
            outputs,
            [inputs, *(w.value for w in layer.trainable_variables)],
            upstream,
        )

    outputs, gradients = (tf.function(call) if in_graph else call)(
        tf.constant(INPUTS)
    )
    kernel, *bias = layer.get_weights()
    expected = INPUTS @ kernel + (bias[0] if use_bias else 0)
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-6)
    wanted = [upstream @ kernel.T, INPUTS.T @ upstream, upstream.sum(0)]
    for found, one in zip(gradients, wanted):
        np.testing.assert_allclose(found, one, rtol=1e-5, atol=1e-6)
    assert len(gradients) == 2 + use_bias


def test_half_precision():
    layer = WideDense(4, dtype="mixed_bfloat16")
    layer.build((None, 7))
    with tf.GradientTape() as tape:
        outputs = layer(INPUTS)
    assert outputs.dtype == tf.bfloat16
    gradient = tape.gradient(outputs, layer.kernel.value)
    assert gradient.dtype == tf.float32
    np.testing.assert_allclose(
        gradient, np.tile(INPUTS.sum(0)[:, None], 4), atol=0.05
    )


def test_its_weights_are_those_of_a_dense_layer():
    layer, plain = WideDense(4, name="one"), keras.layers.Dense(4, name="one")
    for one in (layer, plain):
        one.build((None, 7))
    assert [w.path for w in layer.weights] == [w.path for w in plain.weights]


def test_it_is_quantized_as_a_dense_layer():
    layer = WideDense(4)
    layer.build((None, 7))
    before = layer(INPUTS)
    layer.quantize("int8")
    assert layer.kernel.dtype == "int8"
    np.testing.assert_allclose(layer(INPUTS), before, atol=0.05)
