import numpy as np
import pytest

from yt8m_distill import model
from yt8m_distill.distillation_losses.block_representation import (
    BlockRepresentationLoss,
)
from yt8m_distill.errors import InputError

RANDOM = np.random.default_rng(0)


def blocks(count, ends, num_blocks):
    return {
        "block_representations": RANDOM.standard_normal((2, count, 4)).astype(
            "float32"
        ),
        "block_ends": np.int32(ends),
        "num_blocks": np.int32(num_blocks),
    }


def test_equals_numpy():
    teacher = blocks(3, [[9, 19, 24], [9, 12, 12]], [3, 2])
    student = blocks(2, [[13, 23], [3, 12]], [2, 1])
    t = teacher["block_representations"]
    s = student["block_representations"]
    expected = [
        # 13 is nearer to 9 than to 19; 23 nearest to 24
        ((t[0, 0] - s[0, 0]) ** 2).sum() + ((t[0, 2] - s[0, 1]) ** 2).sum(),
        # only the first block of the second video is real
        ((t[1, 0] - s[1, 0]) ** 2).sum(),
    ]
    np.testing.assert_allclose(
        BlockRepresentationLoss()(teacher, student), expected, rtol=1e-5
    )


def test_blocks_without_frames_are_never_matched():
    teacher = blocks(3, [[9, 9, 9], [9, 9, 9]], [1, 1])
    student = blocks(1, [[9], [9]], [1, 1])
    loss = BlockRepresentationLoss()
    before = np.array(loss(teacher, student))
    teacher["block_representations"][:, 1:] = 99
    np.testing.assert_array_equal(loss(teacher, student), before)


def test_ends_of_blocks_are_frames_of_the_video():
    student = model.build(
        "uniform(k=4)",
        "hierarchical_lstm(units=2, block_length=2)",
        "logistic",
        num_classes=3,
        feature_sizes=(5,),
        max_frames=40,
    )
    frames = RANDOM.integers(0, 256, (3, 40, 5), np.uint8)
    batch = {"frames": frames, "num_frames": np.int32([40, 20, 3])}
    outputs = student(student.frame_sampler(batch))
    # Frames 5, 15, 25, 35; 2, 7, 12, 17; 0, 1, 2
    assert outputs["block_ends"].numpy().tolist() == [
        [15, 35],
        [7, 17],
        [1, 2],
    ]
    assert outputs["num_blocks"].numpy().tolist() == [2, 2, 2]


def test_other_widths_are_refused():
    with pytest.raises(InputError, match="have 4 values, the student's 6"):
        BlockRepresentationLoss().build(
            {"block_representations": (None, None, 4)},
            {"block_representations": (None, None, 6)},
        )
