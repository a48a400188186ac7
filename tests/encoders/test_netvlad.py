import numpy as np
import pytest

from tests import numpy_layers
from tests.numpy_layers import of_sublayer
from yt8m_distill.encoders.netvlad import NetVladEncoder

FRAMES = np.random.default_rng(3).standard_normal((4, 6, 5)).astype("float32")
NUM_FRAMES = np.int32([6, 1, 3, 5])
MASK = np.arange(6) < NUM_FRAMES[:, None]


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("input_normalization", [False, True])
@pytest.mark.parametrize("hidden_normalization", [False, True])
@pytest.mark.parametrize("gating", [None, "diagonal", "no diagonal"])
def test_equals_numpy(
    training, input_normalization, hidden_normalization, gating
):
    encoder = NetVladEncoder(
        feature_sizes=(3, 2),
        representation_dim=6,
        clusters=4,
        input_normalization=input_normalization,
        hidden_normalization=hidden_normalization,
        context_gating=gating is not None,
        remove_diagonal=gating == "no diagonal",
    )
    encoder.build(FRAMES.shape)
    w = numpy_layers.randomize(encoder)
    x = FRAMES
    if input_normalization:
        x = numpy_layers.batch_normalized(
            x, of_sublayer(w, "frame_normalization"), training, MASK
        )
    x = np.concatenate(
        [
            numpy_layers.netvlad(
                part, MASK, of_sublayer(w, f"netvlad_{position}"), training
            )
            for position, part in enumerate(np.split(x, [3], axis=-1))
        ],
        axis=-1,
    )
    x = numpy_layers.dense(x, of_sublayer(w, "hidden"))
    if hidden_normalization:
        x = numpy_layers.batch_normalized(
            x, of_sublayer(w, "hidden_normalization"), training
        )
    if gating:
        x = numpy_layers.context_gating(
            x,
            of_sublayer(w, "context_gating"),
            training,
            gating == "no diagonal",
        )
    outputs = encoder(FRAMES, NUM_FRAMES, training=training)
    np.testing.assert_allclose(outputs["representation"], x, atol=1e-5)


def test_number_of_parameters():
    encoder = NetVladEncoder((1024, 128), 1024, clusters=256)
    encoder.build((None, 300, 1152))
    vlad = 1024 * 256 * 2 + 256 * 4 + 128 * 128 * 2 + 128 * 4
    hidden = (1024 * 256 + 128 * 128) * 1024 + 1024 * 4
    gate = 1024 * 1024 + 1024 * 4
    assert encoder.count_params() == vlad + hidden + gate


def test_flops():
    encoder = NetVladEncoder((1024, 128), 1024, clusters=256)
    encoder.build((None, 300, 1152))
    frame = 2 * 2 * (1024 * 256 + 128 * 128)
    video = 2 * ((1024 * 256 + 128 * 128) * 1024 + 1024 * 1024)
    assert encoder.count_flops(300) == 300 * frame + video
    assert encoder.count_flops(30) == 30 * frame + video


def test_a_hidden_layer_of_low_rank():
    encoder = NetVladEncoder(
        feature_sizes=(3, 2),
        representation_dim=6,
        clusters=4,
        hidden_normalization=False,
        context_gating=False,
        hidden_rank=2,
    )
    encoder = NetVladEncoder.from_config(encoder.get_config())
    encoder.build(FRAMES.shape)
    w = numpy_layers.randomize(encoder)
    x = np.concatenate(
        [
            numpy_layers.netvlad(
                part, MASK, of_sublayer(w, f"netvlad_{position}"), False
            )
            for position, part in enumerate(np.split(FRAMES, [3], axis=-1))
        ],
        axis=-1,
    )
    assert w["hidden_factor/kernel"].shape == (3 * 4 + 2 * 2, 2)
    x = numpy_layers.dense(
        x @ w["hidden_factor/kernel"], of_sublayer(w, "hidden")
    )
    outputs = encoder(FRAMES, NUM_FRAMES)
    np.testing.assert_allclose(outputs["representation"], x, atol=1e-5)
    frames = 6 * (3 * 4 + 2 * 2) * 2
    assert encoder.count_flops(6) == 2 * (frames + 16 * 2 + 2 * 6)
