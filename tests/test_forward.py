"""Batches are filled up to one size, and halved where memory ends."""

import numpy as np
import pytest
import tensorflow as tf

from yt8m_distill import model
from yt8m_distill.errors import InputError
from yt8m_distill.forward import Forward

NUM_CLASSES = 5


def built(encoder="netvlad(clusters=3, representation_dim=4)"):
    return model.build(
        "all_frames",
        encoder,
        "logistic",
        num_classes=NUM_CLASSES,
        feature_sizes=[6, 2],
        max_frames=12,
    )


def videos(count):
    random = np.random.default_rng(0)
    num_frames = random.integers(1, 13, count).astype(np.int32)
    frames = random.integers(0, 256, (count, 12, 8), np.uint8)
    frames[np.arange(12) >= num_frames[:, None]] = 0
    return tf.constant(frames), tf.constant(num_frames)


@pytest.mark.parametrize(
    "encoder",
    [
        "netvlad(clusters=3, representation_dim=4)",
        "nextvlad(clusters=3, groups=2, reduction=2, representation_dim=4)",
        "hierarchical_lstm(block_length=3, units=4)",
        "lstm(cells=4)",
        "dbof(clusters=3)",
        "mean_pooling",
    ],
)
def test_one_graph_for_all_sizes(encoder):
    one = built(encoder)
    frames, num_frames = videos(7)
    expected = one({"frames": frames, "num_frames": num_frames})["logits"]
    traces = []
    call = one.call

    def counted(*arguments, **options):
        traces.append(1)
        return call(*arguments, **options)

    one.call = counted
    forward = Forward(one)
    for count in (7, 4, 1, 0):
        predictions, logits = forward(frames[:count], num_frames[:count], 7)
        assert logits.shape == predictions.shape == (count, NUM_CLASSES)
        np.testing.assert_allclose(logits, expected[:count], atol=1e-5)
        np.testing.assert_allclose(
            predictions, 1 / (1 + np.exp(-expected[:count])), atol=1e-6
        )
    assert len(traces) == forward.num_graphs == 1


class LittleMemory(Forward):
    """Has room for so many videos; keeps what was computed."""

    def __init__(self, room):
        super().__init__(built())
        self.room = room
        self.sizes = []

    def _graph(self, frames):
        graph = super()._graph(frames)

        def limited(frames, num_frames):
            # The first pieces of a batch may have room, and others not.
            self.sizes.append(len(frames))
            if len(frames) > self.room:
                raise tf.errors.ResourceExhaustedError(None, None, "OOM")
            return graph(frames, num_frames)

        return limited


def test_what_does_not_fit_is_halved(capsys):
    frames, num_frames = videos(13)
    forward = LittleMemory(99)
    _, expected = forward(frames, num_frames, 13)
    forward.room, forward.sizes = 4, []
    _, logits = forward(frames, num_frames, 13)
    # As often as needed, one line each time.
    assert forward.sizes == [13, 7, 4, 4, 4, 4]
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[3] for line in lines] == ["13", "7"]
    assert lines[-1].endswith("going on with 4 at a time")
    np.testing.assert_allclose(logits, expected, atol=1e-6)
    _, logits = forward(frames[:5], num_frames[:5], 13)
    np.testing.assert_allclose(logits, expected[:5], atol=1e-6)
    assert capsys.readouterr().out == ""


def test_no_room_for_one_video():
    with pytest.raises(InputError, match="a single video does not fit"):
        LittleMemory(0)(*videos(3), 3)


def test_representations_come_if_wanted():
    one = built()
    frames, num_frames = videos(7)
    expected = one({"frames": frames, "num_frames": num_frames})
    forward = Forward(one, with_representation=True)
    for count in (7, 3, 0):
        _, logits, representation = forward(
            frames[:count], num_frames[:count], 4
        )
        assert representation.shape == (count, 4)
        for name, found in (
            ("logits", logits),
            ("representation", representation),
        ):
            np.testing.assert_allclose(found, expected[name][:count], atol=1e-5)
