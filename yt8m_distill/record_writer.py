"""Writes records and shards, as the releases hold them.

The bytes are those of TensorFlow's protocol buffers, map entries in the order
of their names. Frames are written as rows of an array, not one by one.
"""

import os
import pathlib

import numpy as np

from yt8m_distill import tfrecord


def serialize(
    video_id, labels, features, id_key="id", labels_key="labels", **context
):
    """One `SequenceExample` as bytes.

    Args:
        video_id: str or bytes.
        labels: list of int.
        features: dict name → uint8 or float32 `(num_frames, size)`.
        id_key: str, `"id"` (2018 release) or `"video_id"` (2017, AudioSet).
        labels_key: str.
        **context: further named values, as of `context_message`.

    Returns:
        bytes; the same arguments give the same bytes.

    Raises:
        ValueError: frames of another dtype.
    """
    values = {id_key: video_id, labels_key: list(labels), **context}
    return sequence_example(context_message(values), features)


def sequence_example(context, features):
    """One `SequenceExample` of a context that was written before.

    Args:
        context: bytes of a `Features` message.
        features: dict name → uint8 or float32 `(num_frames, size)`.

    Returns:
        bytes.
    """
    lists = b"".join(
        _map_entry(name, _frames(np.asarray(features[name])))
        for name in sorted(features)
    )
    return _field(1, context) + _field(2, lists)


def example(values):
    """One `Example` (video level) of values as of `context_message`, bytes."""
    return _field(1, context_message(values))


def context_message(values):
    """A `Features` message as bytes.

    Args:
        values: dict name → str, bytes, list of str or bytes, list of int, or
            float array. An empty list is one of integers.
    """
    return b"".join(
        _map_entry(name, _feature(values[name])) for name in sorted(values)
    )


def quantize(values, low=-2.0, high=2.0):
    """Float32 values to bytes, as the official feature extractor does.

    Args:
        values: float32 array.
        low, high: floats, the values of bytes 0 and 255; others are clipped.

    Returns:
        uint8 array, halves rounded to even.
    """
    steps = (np.clip(values, low, high) - low) * (255.0 / (high - low))
    return np.rint(steps).astype(np.uint8)


def write_shard(path, examples):
    """Writes one shard; the file takes its name when it is complete.

    Args:
        path: path of the shard.
        examples: iterable of bytes, serialized records.

    Returns:
        int, bytes written.
    """
    import tensorflow as tf

    def write(temporary):
        with tf.io.TFRecordWriter(str(temporary)) as writer:
            for one in examples:
                writer.write(one)

    return _whole(path, write)


def copy_records(path, read, spans):
    """Writes one shard of records of another, checksums and all.

    Args:
        path: path of the new shard.
        read: function `(start, length)` → bytes of the other shard.
        spans: iterable of (start, length) of records' data in it.

    Returns:
        int, bytes written.
    """
    around = tfrecord.HEADER_SIZE + tfrecord.FOOTER_SIZE

    def write(temporary):
        with open(temporary, "wb") as target:
            for start, length in spans:
                target.write(
                    read(start - tfrecord.HEADER_SIZE, length + around)
                )

    return _whole(path, write)


def _whole(path, write):
    path = pathlib.Path(path)
    temporary = path.with_name(f".{path.name}.partial")
    try:
        write(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path.stat().st_size


def _varint(value):
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _header(number, size):
    """Tag and length of a field of bytes."""
    return _varint(number << 3 | 2) + _varint(size)


def _field(number, data):
    return _header(number, len(data)) + data


def _map_entry(name, value):
    return _field(1, _field(1, name.encode()) + _field(2, value))


def _feature(values):
    """One `Feature`: a list of bytes (1), floats (2) or integers (3)."""
    if isinstance(values, (str, bytes)):
        values = [values]
    if isinstance(values, np.ndarray) and values.dtype.kind == "f":
        return _field(2, _field(1, values.astype("<f4").tobytes()))
    if len(values) and isinstance(values[0], (str, bytes)):
        data = [v.encode() if isinstance(v, str) else v for v in values]
        return _field(1, b"".join(_field(1, one) for one in data))
    # int64 is stored as its two's complement
    packed = b"".join(_varint(int(value) % (1 << 64)) for value in values)
    return _field(3, _field(1, packed) if packed else b"")


def _frames(frames):
    """One `FeatureList` of bytes or floats, an entry a frame."""
    is_float = frames.dtype.kind == "f"
    if not is_float and frames.dtype != np.uint8:
        raise ValueError(f"frames are uint8 or floats, not {frames.dtype}")
    if is_float:
        frames = frames.astype("<f4")
    rows = np.ascontiguousarray(frames).view(np.uint8)
    if not len(rows):
        return b""
    size = rows.shape[1]
    value = _header(1, size)
    kind = _header(2 if is_float else 1, len(value) + size) + value
    header = _header(1, len(kind) + size) + kind
    headers = np.frombuffer(header * len(rows), np.uint8)
    return np.concatenate(
        [headers.reshape(len(rows), -1), rows], axis=1
    ).tobytes()
