"""CRC-32C (Castagnoli), the checksum of TFRecord files.

CRCs are linear over GF(2): the CRC of two blocks in a row is that of the first,
carried over the second's length, XOR that of the second. So the rows of a large
block are summed side by side, with NumPy, and folded in pairs.
"""

import functools

import numpy as np

POLYNOMIAL = 0x82F63B78
# Bytes that are summed one after the other in each row of a large block.
ROW_SIZE = 128
_MASK_DELTA = 0xA282EAD8


def masked_crc32c(data):
    """The checksum of `data` as TFRecord stores it.

    Args:
        data: bytes-like.

    Returns:
        int: the CRC-32C, rotated right by 15 bits plus a constant.
    """
    crc = crc32c(data)
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & 0xFFFFFFFF


def crc32c(data):
    """CRC-32C of `data` (bytes-like), an int."""
    values = np.frombuffer(data, np.uint8)
    if len(values) < 2 * ROW_SIZE:
        crc = 0xFFFFFFFF
        for byte in values.tolist():
            crc = _BYTE_TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
        return crc ^ 0xFFFFFFFF
    # Zero bytes in front change nothing when the sum starts at 0; starting at
    # all ones is the same as inverting the first four bytes.
    num_rows = 1 << (-(-len(values) // ROW_SIZE) - 1).bit_length()
    block = np.zeros(num_rows * ROW_SIZE, np.uint8)
    start = len(block) - len(values)
    block[start:] = values
    block[start : start + 4] ^= 0xFF
    low, high = _word_tables()
    sums = np.zeros(num_rows, np.uint32)
    for words in block.view("<u4").reshape(num_rows, -1).T.copy():
        sums ^= words
        sums = low[sums & 0xFFFF] ^ high[sums >> 16]
    size = ROW_SIZE
    while len(sums) > 1:
        sums = _carried(sums[::2], size) ^ sums[1::2]
        size *= 2
    return int(sums[0]) ^ 0xFFFFFFFF


def _byte_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return table


_BYTE_TABLE = _byte_table()


@functools.cache
def _word_tables():
    """What four bytes leave: of their low 16 bits, and of their high 16."""
    table = np.array(_BYTE_TABLE, np.uint32)
    tables = []
    for shift in (0, 16):
        sums = np.arange(1 << 16, dtype=np.uint32) << np.uint32(shift)
        for _ in range(4):
            sums = table[sums & 0xFF] ^ (sums >> 8)
        tables.append(sums)
    return tables


def _carried(sums, size):
    """CRCs (uint32 array) after another `size` zero bytes."""
    low, high = _carry_tables(size)
    return low[sums & 0xFFFF] ^ high[sums >> 16]


@functools.cache
def _carry_tables(size):
    """As `_word_tables`, for CRCs that `size` zero bytes follow; 2^n × 4."""
    if size == 4:
        return _word_tables()
    low, high = _carry_tables(size // 2)
    return [low[t & 0xFFFF] ^ high[t >> 16] for t in (low, high)]
