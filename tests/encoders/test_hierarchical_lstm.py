import numpy as np
import pytest

from tests import numpy_layers
from yt8m_distill.encoders.hierarchical_lstm import HierarchicalLstmEncoder

FRAMES = np.random.default_rng(3).standard_normal((4, 6, 5)).astype("float32")
NUM_FRAMES = np.int32([6, 1, 3, 5])


def test_equals_numpy():
    encoder = HierarchicalLstmEncoder((3, 2), units=4, block_length=2)
    encoder.build(FRAMES.shape)
    w = numpy_layers.of_sublayer(
        numpy_layers.randomize(encoder), "hierarchical_lstm"
    )
    mask = np.arange(6) < NUM_FRAMES[:, None]
    videos, blocks = numpy_layers.hierarchical_lstm(FRAMES, mask, w, 2, 2)
    outputs = encoder(FRAMES, NUM_FRAMES)
    np.testing.assert_allclose(outputs["representation"], videos, atol=1e-5)
    np.testing.assert_allclose(
        outputs["block_representations"], blocks, atol=1e-5
    )


def test_number_of_parameters():
    encoder = HierarchicalLstmEncoder((1024, 128))
    encoder.build((None, 300, 1152))
    lower = (1152 + 1024 + 1) * 4096 + (1024 + 1024 + 1) * 4096
    upper = (4096 + 1024 + 1) * 4096 + (1024 + 1024 + 1) * 4096
    assert encoder.count_params() == lower + upper
    assert encoder.representation_dim == 4096


@pytest.mark.parametrize("num_frames", [300, 30, 10])
def test_products(num_frames):
    encoder = HierarchicalLstmEncoder((1024, 128), num_blocks=5)
    encoder.build((None, num_frames, 1152))
    products = {p.name: p for p in encoder.products(num_frames)}
    inputs = products["lower level, inputs (feature 0)"]
    assert inputs.multiply_adds == num_frames * 1024 * 4096
    upper = products["upper level"]
    assert upper.multiply_adds == 5 * (5120 + 2048) * 4096
    assert [p.per_frame for p in products.values()] == [True] * 3 + [False]


def test_short_videos_fill_blocks_of_the_built_length():
    encoder = HierarchicalLstmEncoder((1024, 128), num_blocks=20)
    encoder.build((None, 300, 1152))
    products = {p.name: p.multiply_adds for p in encoder.products(30)}
    # 2 blocks of 15, not 20 of 2
    assert products["upper level"] == 2 * (5120 + 2048) * 4096
    assert products["lower level, rest"] == 30 * (1024 + 2048) * 4096
