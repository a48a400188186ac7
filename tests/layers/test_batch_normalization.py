"""On one device; over several, tests/test_devices.py."""

import keras
import numpy as np
import pytest

from yt8m_distill.layers import BatchNormalization

RANDOM = np.random.default_rng(0)
INPUTS = RANDOM.normal(3, 2, (4, 5, 3)).astype("float32")
MASK = np.arange(5) < np.array([[1], [5], [2], [4]])


@pytest.mark.parametrize("mask", [None, MASK])
def test_one_device_computes_what_keras_computes(mask):
    layers = BatchNormalization(), keras.layers.BatchNormalization()
    outputs = [
        keras.ops.convert_to_numpy(layer(INPUTS, training=True, mask=mask))
        for layer in layers
    ]
    np.testing.assert_allclose(*outputs, rtol=1e-5, atol=1e-5)
    for one, other in zip(layers[0].weights, layers[1].weights, strict=True):
        assert one.name == other.name
        np.testing.assert_allclose(one, other, rtol=1e-5)


def test_masked_values_change_nothing():
    others = np.where(MASK[..., None], INPUTS, -1e4).astype("float32")
    outputs = []
    for inputs in (INPUTS, others):
        layer = BatchNormalization()
        found = layer(inputs, training=True, mask=MASK)
        outputs.append(keras.ops.convert_to_numpy(found)[MASK])
    np.testing.assert_allclose(*outputs, rtol=1e-6)
    np.testing.assert_allclose(outputs[0].mean(0), 0, atol=1e-5)


def test_it_is_saved_by_name(tmp_path):
    model = keras.Sequential([keras.Input((3,)), BatchNormalization()])
    model(INPUTS[:, 0], training=True)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded.layers[-1]) is BatchNormalization
    np.testing.assert_array_equal(
        model(INPUTS[:, 1]).numpy(), loaded(INPUTS[:, 1]).numpy()
    )
