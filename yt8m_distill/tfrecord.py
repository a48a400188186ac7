"""TFRecord files: length, its checksum, data, their checksum, and so on.

The format is that of TensorFlow (tensorflow/core/lib/io/record_writer.h): a
little-endian uint64 length and the masked CRC-32C of its 8 bytes, then the data
and their masked CRC-32C.
"""

import functools
import struct

import numpy as np

from yt8m_distill.crc32c import masked_crc32c
from yt8m_distill.errors import RecordError

# 8 bytes of length and 4 of its checksum before the data, 4 of checksum after.
HEADER_SIZE = 12
FOOTER_SIZE = 4
_HEADER = struct.Struct("<QI")
# Equal lengths have equal checksums, and records of equal lengths are common.
_checksum_of_length = functools.lru_cache(4096)(masked_crc32c)


def index_records(read, size):
    """Finds the records of a file by walking from length to length.

    Args:
        read: function `(start, length)` → bytes of the file.
        size: int, the file's.

    Returns:
        `(index, error)`: int64 array `(num_records, 2)`, where each record's
        data start, and their length, in bytes; and None, or the `RecordError`
        that says why the records after these cannot be read.
    """
    index = []
    position = 0
    error = None
    while position < size:
        data = position + HEADER_SIZE
        if data > size:
            error = _cut_off(index, data - size)
            break
        header = read(position, HEADER_SIZE)
        length, checksum = _HEADER.unpack(header)
        if _checksum_of_length(header[:8]) != checksum:
            error = RecordError(
                f"record {len(index)} starts with a damaged length; copy the "
                "file anew"
                if index
                else "not a TFRecord file",
                "damaged length",
            )
            break
        position = data + length + FOOTER_SIZE
        if position > size:
            error = _cut_off(index, position - size)
            break
        index.append((data, length))
    return np.array(index, np.int64).reshape(-1, 2), error


def is_tfrecord(head):
    """Whether a file that starts with these bytes can be a TFRecord file."""
    if len(head) < HEADER_SIZE:
        return False
    _, checksum = _HEADER.unpack_from(head)
    return masked_crc32c(bytes(head[:8])) == checksum


def verify(data, checksum):
    """Compares the checksum of one record's data.

    Args:
        data: bytes-like.
        checksum: 4 bytes, as they follow the data in the file.

    Raises:
        RecordError: it is another.
    """
    if masked_crc32c(data) != int.from_bytes(checksum, "little"):
        raise RecordError(
            "its checksum is another than the file says; copy the file anew",
            "damaged data",
        )


def _cut_off(index, missing):
    return RecordError(
        f"record {len(index)} is cut off: the file ends {missing} bytes too "
        "early; copy the file anew",
        "cut off",
    )
