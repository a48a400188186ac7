"""Writes shards of `SequenceExample`s, as the releases hold them."""

import os
import pathlib


def serialize(video_id, labels, features, id_key="id"):
    """One `SequenceExample` as bytes.

    Args:
        video_id: str or bytes.
        labels: list of int.
        features: dict name → uint8 `(num_frames, size)`.
        id_key: str, `"id"` (2018 release) or `"video_id"` (2017, AudioSet).

    Returns:
        bytes; the same arguments give the same bytes.
    """
    import tensorflow as tf

    def feature_list(frames):
        return tf.train.FeatureList(
            feature=[
                tf.train.Feature(
                    bytes_list=tf.train.BytesList(value=[frame.tobytes()])
                )
                for frame in frames
            ]
        )

    if isinstance(video_id, str):
        video_id = video_id.encode()
    return tf.train.SequenceExample(
        context=tf.train.Features(
            feature={
                id_key: tf.train.Feature(
                    bytes_list=tf.train.BytesList(value=[video_id])
                ),
                "labels": tf.train.Feature(
                    int64_list=tf.train.Int64List(value=labels)
                ),
            }
        ),
        feature_lists=tf.train.FeatureLists(
            feature_list={
                name: feature_list(frames) for name, frames in features.items()
            }
        ),
    ).SerializeToString(deterministic=True)


def write_shard(path, examples):
    """Writes one shard; the file takes its name when it is complete.

    Args:
        path: path of the shard.
        examples: iterable of bytes, serialized records.

    Returns:
        int, bytes written.
    """
    import tensorflow as tf

    path = pathlib.Path(path)
    temporary = path.with_suffix(".partial")
    try:
        with tf.io.TFRecordWriter(str(temporary)) as writer:
            for example in examples:
                writer.write(example)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path.stat().st_size
