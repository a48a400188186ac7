import re
import struct

import numpy as np
import pytest
import tensorflow as tf

from yt8m_distill import crc32c, records, tfrecord
from yt8m_distill.errors import RecordError


def feature(value):
    if isinstance(value[0], bytes):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=value))
    if isinstance(value[0], float):
        return tf.train.Feature(float_list=tf.train.FloatList(value=value))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=value))


def sequence_example(context, lists):
    return tf.train.SequenceExample(
        context=tf.train.Features(
            feature={name: feature(value) for name, value in context.items()}
        ),
        feature_lists=tf.train.FeatureLists(
            feature_list={
                name: tf.train.FeatureList(
                    feature=[feature([frame]) for frame in frames]
                    if not isinstance(frames, np.ndarray)
                    else [feature(row.tolist()) for row in frames]
                )
                for name, frames in lists.items()
            }
        ),
    ).SerializeToString()


def parse(data):
    return records.parse(memoryview(data))


def index_of(data):
    return tfrecord.index_records(
        lambda start, length: data[start : start + length], len(data)
    )


def test_context_comes_back_as_it_was_written():
    video = parse(
        sequence_example(
            {
                "id": [b"abcd"],
                "labels": [0, 3861, 300, 2**40, -5],
                "scores": [0.5, -1.0],
                "text": [b"a", b"b"],
            },
            {"rgb": [b"\x00\x01"]},
        )
    )
    assert video.context["id"] == [b"abcd"]
    assert video.context["labels"] == [0, 3861, 300, 2**40, -5]
    assert video.context["scores"].tolist() == [0.5, -1.0]
    assert video.context["text"] == [b"a", b"b"]


@pytest.mark.parametrize("size", [1, 127, 128, 1024, 20000])
@pytest.mark.parametrize("num_frames", [1, 2, 300])
def test_frames_are_bit_equal(size, num_frames):
    random = np.random.default_rng(size)
    frames = random.integers(0, 256, (num_frames, size), np.uint8)
    video = parse(
        sequence_example({"id": [b"x"]}, {"rgb": [f.tobytes() for f in frames]})
    )
    assert video.features["rgb"].dtype == np.uint8
    np.testing.assert_array_equal(video.features["rgb"], frames)


def test_frames_are_views_of_the_record():
    data = sequence_example({}, {"rgb": [bytes(8)] * 5})
    frames = parse(data).features["rgb"]
    assert not frames.flags.owndata
    assert frames.strides[0] > 8  # a row is a frame with its header


def test_float_frames():
    values = np.linspace(-2, 2, 12, dtype=np.float32).reshape(3, 4)
    frames = parse(sequence_example({}, {"RGB": values})).features["RGB"]
    assert frames.dtype == np.float32
    np.testing.assert_array_equal(frames, values)


def test_frames_with_uneven_headers_are_read_one_by_one():
    # entry 1: bytes_list{"abc"}; entry 2: the same with unknown field 9 = 1
    first = b"\x0a\x07\x0a\x05\x0a\x03abc"
    second = b"\x0a\x09\x48\x01\x0a\x05\x0a\x03def"
    list_message = first + second
    entry = b"\x0a\x03rgb\x12" + bytes([len(list_message)]) + list_message
    lists = b"\x0a" + bytes([len(entry)]) + entry
    data = b"\x12" + bytes([len(lists)]) + lists
    np.testing.assert_array_equal(
        parse(data).features["rgb"],
        np.frombuffer(b"abcdef", np.uint8).reshape(2, 3),
    )


def test_frames_of_different_sizes_are_refused():
    data = sequence_example({}, {"rgb": [b"abc", b"de"]})
    with pytest.raises(RecordError, match="frame 1 .* 2 bytes.* 3"):
        parse(data)


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_cut_record_is_refused(cut):
    data = sequence_example({"id": [b"abcd"]}, {"rgb": [bytes(30)] * 4})
    with pytest.raises(RecordError):
        parse(data[:-cut])


def test_a_varint_has_64_bits():
    # Ten bytes hold 70; TensorFlow takes the lower 64.
    context = b"\x0a\x06labels\x12\x0e\x1a\x0c\x0a\x0a" + b"\xff" * 9 + b"\x7f"
    entry = b"\x0a" + bytes([len(context)]) + context
    data = b"\x0a" + bytes([len(entry)]) + entry
    assert parse(data).context["labels"] == [-1]
    expected = tf.train.SequenceExample.FromString(data)
    assert expected.context.feature["labels"].int64_list.value == [-1]


def test_random_bytes_never_crash():
    random = np.random.default_rng(0)
    for _ in range(500):
        data = random.bytes(int(random.integers(1, 200)))
        try:
            parse(data)
        except RecordError:
            pass


def test_masked_crc_is_that_of_tensorflow(tmp_path):
    path = tmp_path / "a.tfrecord"
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(b"123456789")
    data = path.read_bytes()
    (of_length,) = struct.unpack("<I", data[8:12])
    (of_data,) = struct.unpack("<I", data[-4:])
    assert crc32c.masked_crc32c(data[:8]) == of_length
    assert crc32c.masked_crc32c(b"123456789") == of_data


def test_index_finds_every_record(tmp_path):
    path = tmp_path / "a.tfrecord"
    contents = [b"", b"a", b"bc" * 1000]
    with tf.io.TFRecordWriter(str(path)) as writer:
        for content in contents:
            writer.write(content)
    data = path.read_bytes()
    index, error = index_of(data)
    assert error is None
    assert [data[at : at + size] for at, size in index] == contents
    assert index_of(b"")[0].shape == (0, 2)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[:-1], "record 1 is cut off"),
        (lambda data: data[: 17 + 5], "record 1 is cut off"),
        (lambda data: data[:17] + b"\xff" + data[18:], "record 1 .*damaged"),
        (lambda data: b"\x1f\x8b" + data, "not a TFRecord"),
        (lambda data: b"VideoId,Label\n" * 9, "not a TFRecord"),
    ],
)
def test_damaged_shards_are_refused(tmp_path, damage, message):
    path = tmp_path / "a.tfrecord"
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(b"a")
        writer.write(b"b")
    index, error = index_of(damage(path.read_bytes()))
    assert re.search(message, str(error))
    assert len(index) == int("record 1" in message)
