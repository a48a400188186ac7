"""Labels that are counted without their frames."""

import numpy as np
import pytest

from yt8m_distill import label_counts, record_writer
from yt8m_distill.errors import InputError
from yt8m_distill.open_files import OpenFile
from yt8m_distill.shards import Shards
from yt8m_distill.skipped_records import SkippedRecords

LABELS = [[3], [0, 3, 3], [], [6, 1, 0, 300, 70000], [2]]


def record(video, labels, **context):
    frames = np.full((400, 8), video, np.uint8)
    return record_writer.serialize(
        f"v{video}", labels, {"rgb": frames}, **context
    )


def write(folder, records):
    record_writer.write_shard(folder / "train0.tfrecord", records)
    return str(folder / "train*")


def expected_counts(num_classes, labels=LABELS):
    counts = np.zeros(num_classes, int)
    for own in labels:
        counts[list(set(own))] += 1
    return counts.tolist()


def opened(pattern, **arguments):
    return Shards(pattern, feature_sizes=[8], **arguments)


def bytes_read(monkeypatch):
    """The number of bytes of each reading from here on, a list."""
    sizes = []
    original = OpenFile.read

    def read(self, start, length):
        sizes.append(length)
        return original(self, start, length)

    monkeypatch.setattr(OpenFile, "read", read)
    return sizes


@pytest.mark.parametrize("labels_at_a_time", [2, 1 << 20])
def test_counts(labels_at_a_time, tmp_path, monkeypatch):
    monkeypatch.setattr(label_counts, "LABELS_AT_A_TIME", labels_at_a_time)
    shards = opened(
        write(tmp_path, [record(*one) for one in enumerate(LABELS)])
    )
    sizes = bytes_read(monkeypatch)
    counts = label_counts.count_labels(shards, 70001)
    assert counts.tolist() == expected_counts(70001)
    assert len(sizes) == len(LABELS) and max(sizes) == label_counts.FIRST_BYTES


def reordered(video, labels):
    """A record whose context comes after its frames."""
    one = memoryview(record(video, labels))
    size, start = one[1], 2
    assert one[0] == 0x0A and size < 0x80
    return bytes(one[start + size :]) + bytes(one[: start + size])


CASES = {
    "the labels after the frames": reordered,
    "a long context": lambda *one: record(*one, about=[b"x" * 2000]),
    "other values beside": lambda *one: record(
        *one, start=np.array([1.5], np.float32), end=[7]
    ),
    "the context in two parts": lambda video, labels: (
        record(video, labels) + record_writer.serialize("", labels, {})
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_records_of_other_forms(name, tmp_path):
    records = [CASES[name](*one) for one in enumerate(LABELS)]
    shards = opened(write(tmp_path, [record(9, [6]), *records]))
    # What reading the whole records says.
    whole = [labels for _, labels in shards.ids_and_labels()]
    assert whole[1:] == [sorted(one) for one in LABELS] or whole[1:] == LABELS
    assert label_counts.count_labels(shards, 70001).tolist() == expected_counts(
        70001, [[6], *LABELS]
    )


def test_verified_records_are_read_whole(tmp_path):
    pattern = write(tmp_path, [record(*one) for one in enumerate(LABELS)])
    path = tmp_path / "train0.tfrecord"
    data = bytearray(path.read_bytes())
    data[-10] ^= 1  # a frame of the last record
    path.write_bytes(data)
    assert label_counts.count_labels(opened(pattern), 70001)[2] == 1
    with pytest.raises(InputError, match="record 4.*checksum"):
        label_counts.count_labels(opened(pattern, verify_checksums=True), 70001)


def test_a_label_outside_the_vocabulary(tmp_path):
    pattern = write(tmp_path, [record(*one) for one in enumerate(LABELS)])
    with pytest.raises(InputError, match="record 3.*label .* outside"):
        label_counts.count_labels(opened(pattern), 7)
    skipped = SkippedRecords()
    counts = label_counts.count_labels(opened(pattern, skipped=skipped), 7)
    kept = LABELS[:3] + LABELS[4:]
    assert counts.tolist() == expected_counts(7, kept)
    assert len(skipped) == 1


def test_video_level_records(tmp_path):
    import tensorflow as tf

    def example(labels):
        features = {
            "id": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"a"])),
            "labels": tf.train.Feature(
                int64_list=tf.train.Int64List(value=labels)
            ),
            "mean_rgb": tf.train.Feature(
                float_list=tf.train.FloatList(value=range(1024))
            ),
        }
        return tf.train.Example(
            features=tf.train.Features(feature=features)
        ).SerializeToString()

    pattern = write(tmp_path, [example(own) for own in LABELS])
    counts = label_counts.count_labels(Shards(pattern), 70001)
    assert counts.tolist() == expected_counts(70001)


def test_real_data(real_data):
    for pattern in ("audioset/bal_train-00003*", "yt8m/yt8m_*.tfrecord"):
        shards = Shards(str(real_data / pattern))
        labels = [own for _, own in shards.ids_and_labels()]
        counts = label_counts.count_labels(shards, 3862)
        assert counts.tolist() == expected_counts(3862, labels)
