import numpy as np
from keras import ops

from yt8m_distill.layers import Dequantize


def test_every_byte():
    bytes_ = np.arange(256, dtype=np.uint8)
    values = ops.convert_to_numpy(Dequantize()(bytes_))
    expected = bytes_.astype(np.float64) * (2 - -2) / 255 + 4 / 512 + -2
    np.testing.assert_allclose(values, expected, atol=1e-6)
    assert values[0] == -1.9921875
    assert abs(values[255] - 2.0078125) < 1e-6


def test_floats_pass_unchanged():
    values = np.float32([[-3.5, 0.0, 7.25]])
    np.testing.assert_array_equal(Dequantize()(values), values)
