"""The record formats: TFRecord framing and `tf.train.SequenceExample`.

Records are read where they lie. A frame feature comes back as a strided view
of the shard's bytes, so whoever needs k frames touches k frames; nothing is
decoded or copied before a frame was chosen. This works because the frames of
one feature have equal sizes, hence a constant distance in the record; a list
where that does not hold is read frame by frame instead.

Formats: TFRecord (length, masked CRC-32C of the length, data, masked CRC-32C
of the data) as written by TensorFlow, and the protocol buffers of
tensorflow/core/example/{example,feature}.proto.
"""

import struct
from typing import NamedTuple

import numpy as np

from yt8m_distill.errors import InputError

# The quantised value nearest to 0.0.
ZERO_BYTE = 127
# 8 bytes of length and 4 of its checksum before the data, 4 of checksum after.
HEADER_SIZE = 12
FOOTER_SIZE = 4


class RecordError(InputError):
    """A record (or shard) that cannot be read; the message says why."""


class Video(NamedTuple):
    """One record.

    Attributes:
        context: dict name → list of bytes, float or int values.
        features: dict name → `(num_frames, size)` array; uint8 (a view of the
            record) where the record holds bytes, float32 where it holds floats.
    """

    context: dict
    features: dict


def _crc32c_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


_CRC32C_TABLE = _crc32c_table()


def masked_crc32c(data):
    """CRC-32C of `data` (bytes), masked as TFRecord stores it; an int."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC32C_TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def index_records(buffer):
    """Finds the records of a shard by walking from length to length.

    Args:
        buffer: bytes-like, the whole shard.

    Returns:
        int64 array `(num_records, 2)`: where each record's data start, and
        their length, in bytes.

    Raises:
        RecordError: the bytes are no TFRecord file, or end inside a record.
    """
    size = len(buffer)
    index = []
    position = 0
    while position < size:
        data = position + HEADER_SIZE
        if data > size:
            raise RecordError(
                f"record {len(index)} is cut off: the file ends {data - size} "
                "bytes before the end of its header; copy the file anew"
            )
        length, checksum = struct.unpack_from("<QI", buffer, position)
        if masked_crc32c(bytes(buffer[position : position + 8])) != checksum:
            raise RecordError(
                "not an uncompressed TFRecord file"
                if not index
                else f"record {len(index)} starts with a damaged length; copy "
                "the file anew"
            )
        position = data + length + FOOTER_SIZE
        if position > size:
            raise RecordError(
                f"record {len(index)} is cut off: the file ends "
                f"{position - size} bytes too early; copy the file anew"
            )
        index.append((data, length))
    return np.array(index, np.int64).reshape(-1, 2)


def parse_sequence_example(buffer):
    """Reads one `SequenceExample` without copying its frames.

    Args:
        buffer: memoryview of the record's bytes.

    Returns:
        A `Video`; its uint8 features are views of `buffer`.

    Raises:
        RecordError: the bytes are not a SequenceExample, or the frames of one
            feature differ in kind or size.
    """
    context, features = {}, {}
    try:
        for number, start, stop in _messages(buffer, 0, len(buffer)):
            if number == 1:  # Features context
                for name, span in _map_entries(buffer, start, stop):
                    context[name] = _values(buffer, *span)
            elif number == 2:  # FeatureLists feature_lists
                for name, span in _map_entries(buffer, start, stop):
                    features[name] = _frames(buffer, name, *span)
    except (IndexError, UnicodeDecodeError, struct.error) as error:
        raise RecordError(f"not a SequenceExample ({error})") from None
    return Video(context, features)


def _varint(buffer, position):
    result = shift = 0
    while True:
        byte = buffer[position]
        position += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, position
        shift += 7
        if shift > 63:
            raise RecordError("not a SequenceExample (a number has no end)")


def _fields(buffer, start, stop):
    """Yields (field number, wire type, start, stop) of a message's fields."""
    while start < stop:
        tag, position = _varint(buffer, start)
        wire_type = tag & 7
        if wire_type == 2:
            length, position = _varint(buffer, position)
            start = position + length
        elif wire_type == 0:
            _, start = _varint(buffer, position)
        elif wire_type in (1, 5):
            start = position + (8 if wire_type == 1 else 4)
        else:
            raise RecordError(f"not a SequenceExample (wire type {wire_type})")
        if start > stop:
            raise RecordError("not a SequenceExample (a field has no end)")
        yield tag >> 3, wire_type, position, start


def _messages(buffer, start, stop):
    """Yields (field number, start, stop) of the nested messages."""
    for number, wire_type, first, last in _fields(buffer, start, stop):
        if wire_type == 2:
            yield number, first, last


def _map_entries(buffer, start, stop):
    """Yields (key, (start, stop) of the value) of a map<string, message>."""
    for number, first, last in _messages(buffer, start, stop):
        if number != 1:
            continue
        key, span = "", (last, last)
        for part, part_first, part_last in _messages(buffer, first, last):
            if part == 1:
                key = bytes(buffer[part_first:part_last]).decode()
            elif part == 2:
                span = (part_first, part_last)
        yield key, span


def _values(buffer, start, stop):
    """The values of one `Feature`: bytes, floats or ints, as a list."""
    values = []
    for kind, list_start, list_stop in _messages(buffer, start, stop):
        for number, wire_type, first, last in _fields(
            buffer, list_start, list_stop
        ):
            if number != 1:
                continue
            data = buffer[first:last]
            if kind == 1 and wire_type == 2:
                values.append(bytes(data))
            elif kind == 2 and wire_type in (2, 5):
                values.extend(np.frombuffer(_whole_floats(data), "<f4"))
            elif kind == 3 and wire_type in (0, 2):
                values.extend(_integers(data))
    return values


def _whole_floats(data):
    if len(data) % 4:
        raise RecordError(f"{len(data)} bytes are no whole number of floats")
    return data


def _integers(data):
    position = 0
    while position < len(data):
        value, position = _varint(data, position)
        # int64 is stored as its two's complement
        yield value - (1 << 64) if value >> 63 else value


def _frames(buffer, name, start, stop):
    """One `FeatureList` as an array `(num_frames, size)`."""
    if start == stop:
        return np.zeros((0, 0), np.uint8)
    number, _, first_start, first_stop = next(_fields(buffer, start, stop))
    if number != 1:
        return _uneven_frames(buffer, name, start, stop)
    kind, value_start, value_stop = _frame_value(
        buffer, first_start, first_stop
    )
    distance = first_stop - start
    offset = value_start - start
    num_frames, rest = divmod(stop - start, distance)
    if rest == 0 and value_stop == first_stop:
        rows = np.frombuffer(buffer, np.uint8, stop - start, start)
        rows = rows.reshape(num_frames, distance)
        if (rows[:, :offset] == rows[0, :offset]).all():
            values = rows[:, offset:]
            return values if kind == 1 else _as_floats(values, name)
    return _uneven_frames(buffer, name, start, stop)


def _uneven_frames(buffer, name, start, stop):
    """The frames of a list whose entries are not laid out alike."""
    frames = []
    kinds = set()
    for number, first, last in _messages(buffer, start, stop):
        if number != 1:
            continue
        kind, value_start, value_stop = _frame_value(buffer, first, last)
        kinds.add(kind)
        frames.append(
            np.frombuffer(
                buffer, np.uint8, value_stop - value_start, value_start
            )
        )
        if len(frames[-1]) != len(frames[0]) or len(kinds) > 1:
            raise RecordError(
                f"frame {len(frames) - 1} of feature {name!r} has "
                f"{len(frames[-1])} bytes, frame 0 has {len(frames[0])}; all "
                "frames of a feature need one kind and size"
            )
    values = np.stack(frames) if frames else np.zeros((0, 0), np.uint8)
    return values if kinds <= {1} else _as_floats(values, name)


def _as_floats(values, name):
    if values.shape[1] % 4:
        raise RecordError(
            f"a frame of feature {name!r} holds {values.shape[1]} bytes, no "
            "whole number of floats"
        )
    return np.ascontiguousarray(values).view("<f4")


def _frame_value(buffer, start, stop):
    """(kind, start, stop) of a frame's one value; kind 1 bytes, 2 float."""
    for kind, first, last in _messages(buffer, start, stop):
        if kind in (1, 2):
            for number, value_first, value_last in _messages(
                buffer, first, last
            ):
                if number == 1:
                    return kind, value_first, value_last
    raise RecordError("a frame holds neither bytes nor packed floats")
