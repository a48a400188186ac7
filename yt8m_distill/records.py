"""The record formats: `tf.train.SequenceExample` and `tf.train.Example`.

Records are read where they lie. A frame feature comes back as a strided view
of the shard's bytes, so whoever needs k frames touches k frames; nothing is
decoded or copied before a frame was chosen. This works because the frames of
one feature have equal sizes, hence a constant distance in the record; a list
where that does not hold is read frame by frame instead.

The protocol buffers are those of tensorflow/core/example (example.proto and
feature.proto).
Both messages have field 1, a map of features: the context of a SequenceExample
(frame level), all of an Example (video level).
"""

import struct
from typing import NamedTuple

import numpy as np

from yt8m_distill.errors import RecordError

# The quantised value nearest to 0.0.
ZERO_BYTE = 127
# Tag and length of a `Feature`, of the list in it and of that list's value.
LEAST_BYTES_AROUND_FRAME = 6


class Video(NamedTuple):
    """One record.

    Attributes:
        context: dict name → list of bytes or int values, or float32 array.
        features: dict name → `(num_frames, size)` array; uint8 (a view of the
            record) where the record holds bytes, float32 where it holds floats.
    """

    context: dict
    features: dict


def parse(buffer, keep=None):
    """Reads one record without copying its frames.

    Args:
        buffer: memoryview of the record's bytes.
        keep: names of the context and of frame features to read; None: all
            but frame features that hold integers (MediaPipe's time stamps).

    Returns:
        A `Video`; its uint8 features are views of `buffer`.

    Raises:
        RecordError: the bytes are not such a record, or the frames of one
            feature differ in kind or size.
    """
    context, features = {}, {}
    try:
        for number, start, stop in messages(buffer, 0, len(buffer)):
            if number == 1:
                context.update(read_context(buffer, start, stop, keep))
            elif number == 2:  # FeatureLists feature_lists
                for name, span in map_entries(buffer, start, stop):
                    if (
                        name in keep
                        if keep
                        else not _integers_in(buffer, *span)
                    ):
                        features[name], _ = read_frames(buffer, name, *span)
    except (IndexError, UnicodeDecodeError, struct.error) as error:
        raise RecordError(f"not a SequenceExample ({error})") from None
    return Video(context, features)


def read_context(buffer, start, stop, keep=None):
    """The named values of a `Features` message, as `Video.context`."""
    return {
        name: _values(buffer, *span)
        for name, span in map_entries(buffer, start, stop)
        if keep is None or name in keep
    }


def context_bytes(buffer):
    """The bytes of a record's `Features` message.

    Args:
        buffer: memoryview of the record's bytes.
    """
    return b"".join(
        bytes(buffer[start:stop])
        for number, start, stop in messages(buffer, 0, len(buffer))
        if number == 1
    )


def only_list_value(buffer, start, stop):
    """The one value of a `Feature` that is a list of one entry.

    Args:
        buffer: memoryview.
        start, stop: ints, the feature's bytes in it.

    Returns:
        `(kind, start, stop)`: 1 a byte string, 2 packed floats, 3 packed
        integers, and its bytes; kind None for an empty list.

    Raises:
        RecordError: it is no such list.
    """
    found = [
        (kind, wire_type, *span)
        for kind, first, last in messages(buffer, start, stop)
        for number, wire_type, *span in fields(buffer, first, last)
        if number == 1
    ]
    if not found:
        return None, stop, stop
    if len(found) > 1 or found[0][1] != 2:
        raise RecordError("a list has several entries")
    kind, _, *span = found[0]
    return kind, *span


def varint(buffer, position):
    result = shift = 0
    while True:
        byte = buffer[position]
        position += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result & 0xFFFFFFFFFFFFFFFF, position
        shift += 7
        if shift > 63:
            raise RecordError("not a SequenceExample (a number has no end)")


def fields(buffer, start, stop):
    """Yields (field number, wire type, start, stop) of a message's fields."""
    while start < stop:
        tag, position = varint(buffer, start)
        wire_type = tag & 7
        if wire_type == 2:
            length, position = varint(buffer, position)
            start = position + length
        elif wire_type == 0:
            _, start = varint(buffer, position)
        elif wire_type in (1, 5):
            start = position + (8 if wire_type == 1 else 4)
        else:
            raise RecordError(f"not a SequenceExample (wire type {wire_type})")
        if start > stop:
            raise RecordError("not a SequenceExample (a field has no end)")
        yield tag >> 3, wire_type, position, start


def messages(buffer, start, stop):
    """Yields (field number, start, stop) of the nested messages."""
    for number, wire_type, first, last in fields(buffer, start, stop):
        if wire_type == 2:
            yield number, first, last


def map_entries(buffer, start, stop):
    """Yields (key, (start, stop) of the value) of a map<string, message>."""
    for number, first, last in messages(buffer, start, stop):
        if number != 1:
            continue
        key, span = "", (last, last)
        for part, part_first, part_last in messages(buffer, first, last):
            if part == 1:
                key = bytes(buffer[part_first:part_last]).decode()
            elif part == 2:
                span = (part_first, part_last)
        yield key, span


def _values(buffer, start, stop):
    """The values of one `Feature`: list of bytes or ints, or float32 array."""
    values, floats = [], []
    for kind, list_start, list_stop in messages(buffer, start, stop):
        for number, wire_type, first, last in fields(
            buffer, list_start, list_stop
        ):
            if number != 1:
                continue
            data = buffer[first:last]
            if kind == 1 and wire_type == 2:
                values.append(bytes(data))
            elif kind == 2 and wire_type in (2, 5):
                floats.append(np.frombuffer(_whole_floats(data), "<f4"))
            elif kind == 3 and wire_type in (0, 2):
                values.extend(integers(data))
    return np.concatenate(floats) if floats else values


def _whole_floats(data):
    if len(data) % 4:
        raise RecordError(f"{len(data)} bytes are no whole number of floats")
    return data


def integers(data):
    position = 0
    while position < len(data):
        value, position = varint(data, position)
        # int64 is stored as its two's complement
        yield value - (1 << 64) if value >> 63 else value


class FrameRows(NamedTuple):
    """Where the frames of a feature lie, all laid out alike.

    Attributes:
        start: int, first byte of the first frame's header.
        num_frames: int.
        distance: int, bytes from one frame to the next.
        header_size: int, bytes of a frame before its values.
        is_float: bool, little-endian float32 values instead of bytes.
    """

    start: int
    num_frames: int
    distance: int
    header_size: int
    is_float: bool

    def view(self, block):
        """The frames with their headers.

        Args:
            block: uint8 `(records, length)`.

        Returns:
            A view, uint8 `(records, num_frames, distance)`.
        """
        stop = self.start + self.num_frames * self.distance
        return block[:, self.start : stop].reshape(
            len(block), self.num_frames, self.distance
        )

    def values(self, view):
        """The values of frames with their headers, a view or float32 array."""
        values = view[..., self.header_size :]
        if self.is_float:
            return np.ascontiguousarray(values).view("<f4")
        return values


def read_frames(buffer, name, start, stop):
    """One `FeatureList` as an array.

    Args:
        buffer: memoryview.
        name: str, for the message.
        start, stop: ints, the list's bytes in `buffer`.

    Returns:
        `(values, rows)`: the array `(num_frames, size)`, and its `FrameRows`,
        or None where the frames do not have equal headers.

    Raises:
        RecordError: frames differ in kind or size, or hold something else than
            one byte string or one packed list of floats.
    """
    if start == stop:
        return np.zeros((0, 0), np.uint8), None
    number, _, first_start, first_stop = next(fields(buffer, start, stop))
    if number == 1:
        kind, value_start, value_stop = _frame_value(
            buffer, first_start, first_stop, name
        )
        distance = first_stop - start
        num_frames, rest = divmod(stop - start, distance)
        if rest == 0 and value_stop == first_stop:
            header_size = value_start - start
            rows = FrameRows(
                start, num_frames, distance, header_size, kind == 2
            )
            (view,) = rows.view(np.frombuffer(buffer, np.uint8)[None])
            headers = view[:, :header_size]
            if (headers == headers[0]).all():
                return rows.values(view), rows
    return _uneven_frames(buffer, name, start, stop), None


def _uneven_frames(buffer, name, start, stop):
    """The frames of a list whose entries are not laid out alike."""
    frames = []
    kinds = set()
    for number, first, last in messages(buffer, start, stop):
        if number != 1:
            continue
        kind, value_start, value_stop = _frame_value(buffer, first, last, name)
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
                "frames of a feature need one kind and size",
                "uneven frames",
            )
    values = np.stack(frames) if frames else np.zeros((0, 0), np.uint8)
    return values if kinds <= {1} else values.view("<f4")


def _frame_value(buffer, start, stop, name):
    """(kind, start, stop) of a frame's one value; kind 1 bytes, 2 float."""
    found = []
    for kind, first, last in messages(buffer, start, stop):
        for number, wire_type, value_first, value_last in fields(
            buffer, first, last
        ):
            if number == 1:
                found.append((kind, wire_type, value_first, value_last))
    if len(found) != 1 or found[0][:2] not in ((1, 2), (2, 2)):
        raise RecordError(
            f"a frame of feature {name!r} holds {len(found)} values that are "
            "no bytes or packed floats; it needs one byte string or one list",
            "uneven frames",
        )
    kind, _, value_start, value_stop = found[0]
    if kind == 2 and (value_stop - value_start) % 4:
        raise RecordError(
            f"a frame of feature {name!r} holds {value_stop - value_start} "
            "bytes, no whole number of floats",
            "uneven frames",
        )
    return kind, value_start, value_stop


def _integers_in(buffer, start, stop):
    """Whether the first frame of a list holds integers."""
    for _, first, last in messages(buffer, start, stop):
        return any(kind == 3 for kind, _, _ in messages(buffer, first, last))
    return False
