import numpy as np

from yt8m_distill.layers import frame_mask, l2_normalize


def test_marks_frames_before_the_end():
    mask = np.asarray(frame_mask(np.int32([0, 1, 3]), 3))
    assert mask.tolist() == [
        [False, False, False],
        [True, False, False],
        [True, True, True],
    ]


def test_l2_normalize():
    values = np.float32([[3.0, 4.0], [0.0, 0.0]])
    np.testing.assert_allclose(
        l2_normalize(values), [[0.6, 0.8], [0.0, 0.0]], rtol=1e-6
    )
