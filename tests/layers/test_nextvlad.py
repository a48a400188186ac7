import keras
import numpy as np
import pytest

from tests import numpy_layers
from yt8m_distill.layers import NeXtVLAD, nextvlad

FRAMES = np.random.default_rng(2).standard_normal((3, 7, 4)).astype("float32")
MASK = np.arange(7) < np.array([[7], [1], [4]])


def build(**arguments):
    layer = NeXtVLAD(5, groups=2, expansion=3, **arguments)
    layer.build(FRAMES.shape)
    return layer, numpy_layers.randomize(layer)


# Kernels are multiplied first in batches of many frames.
@pytest.mark.parametrize("folded_from", [0, 1000])
@pytest.mark.parametrize("training", [False, True])
def test_equals_numpy(training, folded_from, monkeypatch):
    monkeypatch.setattr(nextvlad, "FOLDED_FROM", folded_from)
    layer, w = build()
    np.testing.assert_allclose(
        layer(FRAMES, mask=MASK, training=training),
        numpy_layers.nextvlad(FRAMES, MASK, w, training, groups=2),
        atol=1e-5,
        rtol=1e-5,
    )


def test_moving_statistics_are_those_of_the_real_frames():
    layer, w = build(momentum=0.0)
    layer(FRAMES, mask=MASK, training=True)
    expanded = FRAMES @ w["expansion_kernel"] + w["expansion_bias"]
    real = (expanded @ w["assignment_kernel"])[MASK]
    moving = layer.assignment_normalization
    np.testing.assert_allclose(moving.moving_mean, real.mean(0), rtol=1e-4)
    np.testing.assert_allclose(moving.moving_variance, real.var(0), rtol=1e-4)


def test_no_mask_means_all_frames():
    layer, _ = build()
    np.testing.assert_allclose(
        layer(FRAMES), layer(FRAMES, mask=np.ones((3, 7), bool)), atol=1e-6
    )


def test_a_batch_of_unknown_size_is_not_folded():
    layer, _ = build()
    frames = np.tile(FRAMES, (10, 1, 1))
    assert frames.shape[0] * 7 > nextvlad.FOLDED_FROM * 12
    unknown = keras.Input((7, 4))
    np.testing.assert_allclose(
        keras.Model(unknown, layer(unknown)).predict(frames, verbose=0),
        layer(frames),
        atol=1e-5,
    )


def test_counts():
    layer, _ = build()
    expanded, group = 12, 6
    assert layer.count_params() == (
        (4 * expanded + expanded)  # expansion
        + (expanded * 2 + 2)  # attention
        + (expanded * 2 * 5 + 4 * 2 * 5)  # assignment, batch-normalised
        + group * 5  # centres
        + 4 * group * 5  # normalisation of the output
    )
    products = 4 * 12 + 12 * 2 + 12 * 2 * 5 + 2 * 6 * 5
    assert layer.count_flops(num_frames=7) == 2 * 7 * products


def test_refuses_groups_that_do_not_divide():
    with pytest.raises(ValueError, match="groups=5 does not divide the 12"):
        NeXtVLAD(5, groups=5, expansion=3).build(FRAMES.shape)


def test_as_a_layer_of_a_functional_model(tmp_path):
    inputs = keras.Input((None, 4))
    model = keras.Model(inputs, NeXtVLAD(5, groups=2)(inputs))
    assert model.output_shape == (None, 20)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(FRAMES), model(FRAMES), atol=1e-6)
