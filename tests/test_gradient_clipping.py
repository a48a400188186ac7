import keras
import numpy as np
import pytest
import tensorflow as tf

from yt8m_distill.gradient_clipping import clip_by_norm, clipped


@pytest.mark.parametrize("norm", [0.5, 3.0, 100.0])
@pytest.mark.parametrize("in_graph", [False, True])
def test_longer_gradients_are_shortened(norm, in_graph):
    gradient = np.random.default_rng(0).normal(size=(4, 5)).astype("float32")
    found = tf.function(clip_by_norm) if in_graph else clip_by_norm
    np.testing.assert_allclose(
        found(tf.constant(gradient), norm),
        gradient * min(1, norm / np.linalg.norm(gradient)),
        rtol=1e-5,
    )


def test_a_gradient_of_zeros_stays():
    assert not clip_by_norm(tf.zeros(3), 1.0).numpy().any()


def test_each_variable_has_a_norm_of_its_own():
    optimizer = clipped(keras.optimizers.SGD, 1.0)(1.0)
    variables = [keras.Variable([0.0, 0.0]), keras.Variable([0.0, 0.0])]
    optimizer.build(variables)
    optimizer.apply(
        [tf.constant([3.0, 4.0]), tf.constant([0.3, 0.4])], variables
    )
    np.testing.assert_allclose(variables[0].numpy(), [-0.6, -0.8], rtol=1e-6)
    np.testing.assert_allclose(variables[1].numpy(), [-0.3, -0.4], rtol=1e-6)


def test_no_norm_no_clipping():
    assert clipped(keras.optimizers.SGD, 0.0) is keras.optimizers.SGD
