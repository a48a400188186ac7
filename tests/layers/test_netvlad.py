import keras
import numpy as np
import pytest
from keras import ops

from tests import numpy_layers
from yt8m_distill.layers import NetVLAD

FRAMES = np.random.default_rng(2).standard_normal((3, 7, 4)).astype("float32")
MASK = np.arange(7) < np.array([[7], [1], [4]])


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("batch_normalization", [False, True])
def test_equals_numpy(training, batch_normalization):
    layer = NetVLAD(5, batch_normalization=batch_normalization)
    layer.build(FRAMES.shape)
    w = numpy_layers.randomize(layer)
    np.testing.assert_allclose(
        layer(FRAMES, mask=MASK, training=training),
        numpy_layers.netvlad(FRAMES, MASK, w, training),
        atol=1e-5,
    )


def test_moving_statistics_are_those_of_the_real_frames():
    layer = NetVLAD(5, momentum=0.0)
    layer.build(FRAMES.shape)
    w = numpy_layers.randomize(layer)
    layer(FRAMES, mask=MASK, training=True)
    real = (FRAMES @ w["assignment_kernel"])[MASK]
    np.testing.assert_allclose(
        layer.normalization.moving_mean, real.mean(0), atol=1e-5
    )
    np.testing.assert_allclose(
        layer.normalization.moving_variance, real.var(0), atol=1e-5
    )


def test_no_mask_means_all_frames():
    layer = NetVLAD(5)
    np.testing.assert_allclose(
        layer(FRAMES), layer(FRAMES, mask=np.ones((3, 7), bool)), atol=1e-6
    )


def test_number_of_parameters():
    layer = NetVLAD(5)
    layer.build((None, 7, 4))
    # kernel and centres; gamma, beta, moving mean and variance
    assert layer.count_params() == 2 * 4 * 5 + 4 * 5
    assert layer.count_flops(num_frames=7) == 4 * 7 * 4 * 5


def test_as_a_layer_of_a_functional_model(tmp_path):
    inputs = keras.Input((7, 4))
    model = keras.Model(inputs, NetVLAD(5)(inputs))
    assert model.output_shape == (None, 20)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(FRAMES), model(FRAMES), atol=1e-6)


def test_gradients_of_an_empty_video_are_finite():
    import tensorflow as tf

    layer = NetVLAD(5)
    layer.build(FRAMES.shape)
    with tf.GradientTape() as tape:
        outputs = layer(FRAMES, mask=np.zeros((3, 7), bool), training=True)
        total = ops.sum(outputs)
    for gradient in tape.gradient(total, layer.trainable_variables):
        assert np.isfinite(gradient).all()
