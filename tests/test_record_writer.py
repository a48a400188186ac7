import numpy as np
import pytest
import tensorflow as tf

from yt8m_distill import record_writer


def feature(value):
    if isinstance(value, np.ndarray):
        return tf.train.Feature(float_list=tf.train.FloatList(value=value))
    if isinstance(value, bytes):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
    if value and isinstance(value[0], bytes):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=value))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=value))


def features(values):
    return tf.train.Features(
        feature={name: feature(value) for name, value in values.items()}
    )


CONTEXT = {
    "id": b"abcd",
    "labels": [0, 127, 128, 3861, 2**40, -5],
    "segment_scores": np.array([0, 1, 0.5], "float32"),
    "texts": [b"a", b"bc"],
}


@pytest.mark.parametrize("size", [1, 127, 128, 1024, 20000])
@pytest.mark.parametrize("num_frames", [0, 1, 300])
def test_a_sequence_example_is_that_of_tensorflow(size, num_frames):
    random = np.random.default_rng(size)
    lists = {
        "rgb": random.integers(0, 256, (num_frames, size), np.uint8),
        "AUDIO": random.standard_normal((num_frames, size)).astype("float32"),
    }
    expected = tf.train.SequenceExample(
        context=features(CONTEXT),
        feature_lists=tf.train.FeatureLists(
            feature_list={
                name: tf.train.FeatureList(
                    feature=[
                        feature(
                            frame.tobytes()
                            if frame.dtype == np.uint8
                            else frame
                        )
                        for frame in frames
                    ]
                )
                for name, frames in lists.items()
            }
        ),
    ).SerializeToString(deterministic=True)
    context = dict(CONTEXT)
    written = record_writer.serialize(
        context.pop("id"), context.pop("labels"), lists, **context
    )
    assert written == expected


def test_an_example_is_that_of_tensorflow():
    values = {**CONTEXT, "mean_rgb": np.linspace(-2, 2, 1024, dtype="float32")}
    expected = tf.train.Example(features=features(values))
    assert record_writer.example(values) == expected.SerializeToString(
        deterministic=True
    )


def test_no_labels_are_an_empty_list():
    written = record_writer.serialize("a", [], {"rgb": np.zeros((1, 2), "u1")})
    read = tf.train.SequenceExample.FromString(written)
    assert read.context.feature["labels"].WhichOneof("kind") == "int64_list"
    assert not read.context.feature["labels"].int64_list.value


def test_a_shard_is_whole_or_not_there(tmp_path):
    def broken():
        yield b"a"
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        record_writer.write_shard(tmp_path / "a.tfrecord", broken())
    assert not list(tmp_path.iterdir())
    size = record_writer.write_shard(tmp_path / "a.tfrecord", [b"a", b"bc"])
    assert size == (tmp_path / "a.tfrecord").stat().st_size
    read = tf.data.TFRecordDataset(str(tmp_path / "a.tfrecord"))
    assert [record.numpy() for record in read] == [b"a", b"bc"]
