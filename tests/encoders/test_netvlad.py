import numpy as np
import pytest
from keras import ops

from tests.layers.test_context_gating import sigmoid
from tests.layers.test_netvlad import netvlad
from yt8m_distill.encoders.netvlad import NetVladEncoder

FRAMES = np.random.default_rng(3).standard_normal((4, 6, 5)).astype("float32")
NUM_FRAMES = np.int32([6, 1, 3, 5])


def weights_of(layer):
    return {w.name: ops.convert_to_numpy(w) for w in layer.weights}


@pytest.mark.parametrize("hidden_normalization", [False, True])
@pytest.mark.parametrize("context_gating", [False, True])
def test_equals_numpy(hidden_normalization, context_gating):
    encoder = NetVladEncoder(
        feature_sizes=(3, 2),
        representation_dim=6,
        clusters=4,
        hidden_normalization=hidden_normalization,
        context_gating=context_gating,
    )
    encoder.build(FRAMES.shape)
    random = np.random.default_rng(0)
    for layer in encoder._flatten_layers():
        if not layer._layers:
            layer.set_weights(
                [random.uniform(0.2, 1, w.shape) for w in layer.get_weights()]
            )
    mask = np.arange(6) < NUM_FRAMES[:, None]
    x = np.concatenate(
        [
            netvlad(part, mask, weights_of(aggregation), False)
            for part, aggregation in zip(
                np.split(FRAMES, [3], axis=-1), encoder.aggregations
            )
        ],
        axis=-1,
    )
    hidden = weights_of(encoder.hidden)
    x = x @ hidden["kernel"] + hidden.get("bias", 0)
    if hidden_normalization:
        x = normalized(x, weights_of(encoder.normalization))
    if context_gating:
        gate = weights_of(encoder.gating)
        x = x * sigmoid(normalized(x @ gate["kernel"], gate))
    np.testing.assert_allclose(
        encoder(FRAMES, NUM_FRAMES)["representation"], x, atol=1e-5
    )


def normalized(x, w):
    x = (x - w["moving_mean"]) / np.sqrt(w["moving_variance"] + 1e-3)
    return x * w["gamma"] + w["beta"]


def test_number_of_parameters():
    encoder = NetVladEncoder((1024, 128), 1024, clusters=256)
    encoder.build((None, 300, 1152))
    vlad = 1024 * 256 * 2 + 256 * 4 + 128 * 128 * 2 + 128 * 4
    hidden = (1024 * 256 + 128 * 128) * 1024 + 1024 * 4
    gate = 1024 * 1024 + 1024 * 4
    assert encoder.count_params() == vlad + hidden + gate


def test_flops():
    encoder = NetVladEncoder((1024, 128), 1024, clusters=256)
    frame = 2 * 2 * (1024 * 256 + 128 * 128)
    video = 2 * ((1024 * 256 + 128 * 128) * 1024 + 1024 * 1024)
    assert encoder.count_flops(300) == 300 * frame + video
    assert encoder.count_flops(30) == 30 * frame + video
