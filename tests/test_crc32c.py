import numpy as np
import pytest
import tensorflow as tf

from yt8m_distill.crc32c import ROW_SIZE, crc32c, masked_crc32c


def slow_crc32c(data):
    """Bit by bit, by the definition."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def test_published_values():
    # RFC 3720, appendix B.4, and the usual check value
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E


@pytest.mark.parametrize(
    "size",
    [0, 1, 2 * ROW_SIZE - 1, 2 * ROW_SIZE, 2 * ROW_SIZE + 1, 1000, 4096, 9999],
)
def test_equals_the_definition(size):
    data = np.random.default_rng(size).bytes(size)
    assert crc32c(data) == slow_crc32c(data)


def test_is_that_of_tensorflow_s_files(tmp_path):
    records = [np.random.default_rng(n).bytes(n) for n in (0, 9, 300, 70_001)]
    path = tmp_path / "a.tfrecord"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
    data = path.read_bytes()
    position = 0
    for record in records:
        length = data[position : position + 8]
        stop = position + 12 + len(record)
        of_length = int.from_bytes(data[position + 8 : position + 12], "little")
        of_data = int.from_bytes(data[stop : stop + 4], "little")
        assert masked_crc32c(length) == of_length
        assert masked_crc32c(record) == of_data
        position = stop + 4
