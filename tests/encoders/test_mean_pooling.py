import numpy as np

from yt8m_distill.encoders.mean_pooling import MeanPoolingEncoder

FRAMES = np.random.default_rng(3).standard_normal((3, 6, 5)).astype("float32")


def test_equals_numpy():
    outputs = MeanPoolingEncoder((3, 2))(FRAMES, np.int32([6, 1, 4]))
    expected = [FRAMES[0].mean(0), FRAMES[1, 0], FRAMES[2, :4].mean(0)]
    np.testing.assert_allclose(outputs["representation"], expected, atol=1e-6)
