import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import numpy_layers
from yt8m_distill.layers import HierarchicalLSTM
from yt8m_distill.layers.projected_lstm import ProjectedLSTM

FRAMES = np.random.default_rng(2).standard_normal((4, 8, 3)).astype("float32")
MASK = np.arange(8) < np.array([[8], [1], [5], [6]])


def build(**arguments):
    layer = HierarchicalLSTM(units=4, **arguments)
    layer.build(FRAMES.shape)
    random = np.random.default_rng(0)
    layer.set_weights(
        [random.uniform(-1, 1, w.shape) for w in layer.get_weights()]
    )
    w = {
        weight.path.removeprefix(f"{layer.name}/"): weight.numpy()
        for weight in layer.weights
    }
    return layer, w


@pytest.mark.parametrize("num_layers", [1, 2, 3])
@pytest.mark.parametrize("representation", ["state", "output"])
@pytest.mark.parametrize("block_length", [1, 3, 4, 8, 20])
def test_equals_numpy(num_layers, representation, block_length):
    layer, w = build(
        num_layers=num_layers,
        representation=representation,
        block_length=block_length,
    )
    length = min(block_length, 8)
    videos, blocks = numpy_layers.hierarchical_lstm(
        FRAMES, MASK, w, length, num_layers, representation == "output"
    )
    outputs = layer(FRAMES, mask=MASK)
    np.testing.assert_allclose(outputs[0], videos, atol=1e-5)
    np.testing.assert_allclose(outputs[1], blocks, atol=1e-5)
    assert layer.representation_dim == outputs[0].shape[-1]


@pytest.mark.parametrize(
    ("max_frames", "given", "shape"),
    [
        (300, {}, (15, 20)),
        (300, {"num_blocks": 20}, (20, 15)),
        (30, {"num_blocks": 5}, (5, 6)),
        (30, {"block_length": 5}, (6, 5)),
        (10, {"block_length": 3}, (4, 3)),
        (10, {}, (1, 10)),
        (6, {"num_blocks": 5}, (3, 2)),
        (3, {"num_blocks": 5}, (3, 1)),
    ],
)
def test_blocks_hold_all_frames(max_frames, given, shape):
    layer = HierarchicalLSTM(units=4, **given)
    assert layer.block_shape(max_frames) == shape


@pytest.mark.parametrize("unroll", [False, True])
def test_is_the_same_unrolled_and_in_a_graph(unroll):
    layer, w = build(block_length=3, unroll=unroll)
    videos, _ = numpy_layers.hierarchical_lstm(FRAMES, MASK, w, 3, 2)
    function = tf.function(layer)
    np.testing.assert_allclose(
        function(FRAMES, mask=MASK)[0], videos, atol=1e-5
    )


def test_no_sequence_is_without_a_step(monkeypatch):
    """cuDNN would refuse it; and padding stays at the end."""
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
    layer, _ = build(block_length=3)
    videos, blocks = layer(FRAMES, mask=np.arange(8) < np.c_[[8, 1, 0, 6]])
    assert len(masks) == 4
    for mask in masks:
        assert mask[:, 0].all()
        assert (np.diff(mask.astype(int), axis=1) <= 0).all()
    assert not videos[2].numpy().any() and not blocks[2].numpy().any()
    assert not blocks[1, 1:].numpy().any()


def test_a_hidden_frame_is_never_read():
    """Not even one that padding at the end would not explain."""
    layer, _ = build(block_length=3)
    for hidden in range(8):
        mask = np.arange(8) != np.full((4, 1), hidden)
        other = FRAMES.copy()
        other[:, hidden] = 9
        np.testing.assert_array_equal(
            layer(FRAMES, mask=mask)[0], layer(other, mask=mask)[0]
        )


def test_no_mask_means_all_frames():
    layer, _ = build(block_length=3)
    first = layer(FRAMES)
    second = layer(FRAMES, mask=np.ones((4, 8), bool))
    np.testing.assert_allclose(first[0], second[0], atol=1e-6)


def test_all_blocks_of_all_videos_are_read_at_once(monkeypatch):
    """300 frames take 20 + 15 sequential steps, not 300."""
    shapes = []
    call = ProjectedLSTM.call
    monkeypatch.setattr(
        ProjectedLSTM,
        "call",
        lambda lstm, sequences, **arguments: (
            shapes.append(tuple(sequences.shape))
            or call(lstm, sequences, **arguments)
        ),
    )
    HierarchicalLSTM(units=4)(np.zeros((2, 300, 3), "float32"))
    assert shapes == [(30, 20, 3), (30, 20, 4), (2, 15, 16), (2, 15, 4)]


def test_dropout_is_for_training_only():
    layer, _ = build(block_length=3, dropout=0.5)
    without, _ = build(block_length=3)
    np.testing.assert_array_equal(layer(FRAMES)[0], without(FRAMES)[0])
    first, second = (np.array(layer(FRAMES, training=True)[0]) for _ in "ab")
    assert np.abs(first - second).max() > 1e-3


def test_initial_weights_are_those_of_a_joint_glorot_kernel():
    layer = HierarchicalLSTM(units=64)
    layer.build((None, 300, 100))
    cell = layer.lower_layers[0].cell
    limit = np.sqrt(6 / (100 + 64 + 4 * 64))
    for kernel in (cell.kernel, cell.recurrent_kernel):
        assert np.abs(kernel).max() == pytest.approx(limit, rel=0.01)
    np.testing.assert_array_equal(cell.bias, np.repeat([0, 1, 0, 0], 64))


def test_counts():
    layer, _ = build(block_length=3)
    lower = (3 + 4 + 1) * 16 + (4 + 4 + 1) * 16
    upper = (16 + 4 + 1) * 16 + (4 + 4 + 1) * 16
    assert layer.count_params() == lower + upper
    # 8 frames fill 3 blocks of 3
    frames = 9 * ((3 + 4) * 16 + (4 + 4) * 16)
    blocks = 3 * ((16 + 4) * 16 + (4 + 4) * 16)
    assert layer.count_flops(8) == 2 * (frames + blocks)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"block_length": 3, "num_blocks": 5}, "were both given"),
        ({"block_length": 0}, "block_length must be a whole number"),
        ({"num_blocks": 2.5}, "num_blocks must be a whole number"),
        ({"representation": "mean"}, "give 'state' or 'output'"),
    ],
)
def test_refuses_what_makes_no_sense(given, message):
    with pytest.raises(ValueError, match=message):
        HierarchicalLSTM(units=4, **given)


def test_refuses_an_unknown_number_of_frames():
    with pytest.raises(ValueError, match="needs a fixed number of frames"):
        HierarchicalLSTM(units=4).build((None, None, 3))


def test_as_a_layer_of_a_functional_model(tmp_path):
    inputs = keras.Input((8, 3))
    video, blocks = HierarchicalLSTM(units=4, block_length=3)(inputs)
    model = keras.Model(inputs, video)
    assert video.shape == (None, 16) and blocks.shape == (None, 3, 16)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(FRAMES), model(FRAMES), atol=1e-6)
