import numpy as np
import pytest
import tensorflow as tf

from tests import numpy_layers
from tests.numpy_layers import of_sublayer
from yt8m_distill.encoders.lstm import LstmEncoder
from yt8m_distill.layers.projected_lstm import ProjectedLSTM

FRAMES = np.random.default_rng(3).standard_normal((4, 6, 5)).astype("float32")
NUM_FRAMES = np.int32([6, 1, 3, 5])


def build(**arguments):
    """An encoder with random weights, and what it gives for `FRAMES`."""
    encoder = LstmEncoder((3, 2), cells=4, **arguments)
    encoder.build(FRAMES.shape)
    # Of both signs: with positive ones all of the output is close to 1.
    random = np.random.default_rng(0)
    encoder.set_weights(
        [random.uniform(-1, 1, w.shape) for w in encoder.get_weights()]
    )
    w = {
        weight.path.removeprefix(f"{encoder.name}/"): weight.numpy()
        for weight in encoder.weights
    }
    layers = [
        of_sublayer(w, f"lstm_{position}/lstm_cell")
        for position in range(len(encoder.lstm_layers))
    ]
    return encoder, np.array(
        [
            numpy_layers.lstm_stack(video[:count], layers)[-1]
            for video, count in zip(FRAMES, NUM_FRAMES)
        ]
    )


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("unroll", [False, True])
def test_equals_numpy(layers, unroll):
    encoder, expected = build(layers=layers, unroll=unroll)
    for training in (False, True):
        outputs = encoder(FRAMES, NUM_FRAMES, training=training)
        np.testing.assert_allclose(
            outputs["representation"], expected, atol=1e-5
        )


def test_is_the_same_in_a_graph_for_batches_of_any_length():
    encoder, expected = build()
    function = tf.function(
        lambda frames, num_frames: encoder(frames, num_frames),
        input_signature=[
            tf.TensorSpec((None, None, 5)),
            tf.TensorSpec((None,), tf.int32),
        ],
    )
    for padding in (0, 1, 300):
        frames = np.pad(
            FRAMES, ((0, 0), (0, padding), (0, 0)), constant_values=9
        )
        np.testing.assert_allclose(
            function(frames, NUM_FRAMES)["representation"], expected, atol=1e-5
        )
    np.testing.assert_allclose(
        function(FRAMES[1:2, :1], NUM_FRAMES[1:2])["representation"],
        expected[1:2],
        atol=1e-5,
    )


def test_the_order_of_the_frames_matters():
    encoder, expected = build()
    turned = encoder(FRAMES[:, ::-1], np.full(4, 6))["representation"]
    assert np.abs(turned[0] - expected[0]).max() > 0.01


def test_a_video_without_frames_is_zero_and_reaches_no_cudnn(monkeypatch):
    """cuDNN refuses a sequence without any step."""
    masks = []
    call = ProjectedLSTM.call
    monkeypatch.setattr(
        ProjectedLSTM,
        "call",
        lambda lstm, sequences, mask=None, **arguments: (
            masks.append(np.array(mask))
            or call(lstm, sequences, mask=mask, **arguments)
        ),
    )
    encoder, expected = build()
    found = encoder(FRAMES, np.int32([6, 0, 3, 0]))["representation"].numpy()
    np.testing.assert_allclose(found[[0, 2]], expected[[0, 2]], atol=1e-5)
    assert not found[[1, 3]].any()
    assert [mask.sum(1).tolist() for mask in masks] == [[6, 1, 3, 1]] * 2


def test_initial_weights_are_those_of_a_joint_glorot_kernel():
    encoder = LstmEncoder((60, 40), cells=64)
    encoder.build((None, 300, 100))
    for lstm, width in zip(encoder.lstm_layers, (100, 64)):
        limit = np.sqrt(6 / (width + 64 + 4 * 64))
        for kernel in (lstm.cell.kernel, lstm.cell.recurrent_kernel):
            assert np.abs(kernel).max() == pytest.approx(limit, rel=0.01)
        np.testing.assert_array_equal(
            lstm.cell.bias, np.repeat([0, 1, 0, 0], 64)
        )


def test_counts():
    encoder = LstmEncoder((1024, 128))
    encoder.build((None, 300, 1152))
    inputs, state = 1152 * 4096, 1024 * 4096
    assert encoder.count_params() == inputs + 3 * state + 2 * 4096
    assert encoder.count_flops(30) == 2 * 30 * (inputs + 3 * state)
    assert encoder.representation_dim == 1024
    assert [p.per_frame for p in encoder.products(30)] == [True] * 3


@pytest.mark.parametrize(
    "given", [{"cells": 0}, {"cells": 1.5}, {"layers": 0}, {"layers": True}]
)
def test_refuses_sizes_that_make_no_sense(given):
    with pytest.raises(ValueError, match="must be a whole number"):
        LstmEncoder(**given)


def test_is_rebuilt_from_its_config():
    encoder = LstmEncoder((3, 2), cells=4, layers=3, use_cudnn=False)
    config = encoder.get_config()
    assert LstmEncoder.from_config(config).get_config() == config
    assert (config["cells"], config["layers"]) == (4, 3)
    assert config["use_cudnn"] is False
