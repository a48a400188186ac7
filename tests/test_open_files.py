import gzip
import zlib

import pytest
import tensorflow as tf

from tests.test_shards import opened, video, write
from yt8m_distill import open_files
from yt8m_distill.errors import InputError
from yt8m_distill.shards import Shards
from yt8m_distill.skipped_records import SkippedRecords


@pytest.fixture
def plain(tmp_path):
    write(tmp_path / "plain", *[video(b"%d" % n) for n in range(9)])
    return tmp_path / "plain"


def ids(pattern, **options):
    shards = Shards(str(pattern), feature_sizes=(4, 2), **options)
    return shards.video_ids()


@pytest.mark.parametrize(
    "compress",
    [
        gzip.compress,
        zlib.compress,
        lambda data: gzip.compress(data[:70]) + gzip.compress(data[70:]),
    ],
    ids=["gzip", "zlib", "two members"],
)
def test_compressed_shards(plain, tmp_path, compress):
    (tmp_path / "packed").write_bytes(compress(plain.read_bytes()))
    assert ids(tmp_path / "packed") == ids(plain)


@pytest.mark.parametrize("kind", ["GZIP", "ZLIB"])
def test_what_tensorflow_compresses(plain, tmp_path, kind):
    with tf.io.TFRecordWriter(str(tmp_path / "packed"), kind) as writer:
        for record in tf.data.TFRecordDataset(str(plain)):
            writer.write(record.numpy())
    assert ids(tmp_path / "packed") == ids(plain)


@pytest.mark.parametrize("missing", [1, 20, 50])
def test_a_compressed_shard_that_ends_early(plain, tmp_path, missing):
    packed = gzip.compress(plain.read_bytes())
    (tmp_path / "packed").write_bytes(packed[: len(packed) - missing])
    with pytest.raises(InputError, match="packed: .*(is cut off|end early)"):
        opened(tmp_path / "packed")
    skipped = SkippedRecords()
    found = ids(tmp_path / "packed", skipped=skipped)
    assert found and found == ids(plain)[: len(found)]
    assert skipped.counts() == {"cut off": 1}


def test_a_damaged_compressed_shard(plain, tmp_path):
    packed = bytearray(gzip.compress(plain.read_bytes()))
    packed[15:40] = bytes(25)
    (tmp_path / "packed").write_bytes(packed)
    with pytest.raises(InputError, match="packed: damaged compressed file"):
        opened(tmp_path / "packed")


def test_remote_files_are_read_as_local_ones(plain):
    # TensorFlow's memory file system stands for gs:// and the like.
    for name in ("a", "b"):
        with tf.io.gfile.GFile(f"ram://shards/{name}.tfrecord", "wb") as file:
            file.write(plain.read_bytes())
    assert ids("ram://shards/*.tfrecord") == 2 * ids(plain)


def test_copies_that_were_given_up_are_made_again(plain, tmp_path, monkeypatch):
    monkeypatch.setattr(open_files, "LOCAL_COPIES", 1)
    for name in ("a.gz", "b.gz", "c.gz"):
        (tmp_path / name).write_bytes(gzip.compress(plain.read_bytes()))
    shards = opened(tmp_path / "*.gz")
    order = [0, 10, 20, 1, 11, 21]
    assert [shards.video(number)[0] for number in order] == [
        b"%d" % (number % 9) for number in order
    ]


def test_no_more_files_are_open_than_is_reasonable(
    plain, tmp_path, monkeypatch
):
    monkeypatch.setattr(open_files, "OPEN_FILES", 2)
    for number in range(5):
        (tmp_path / f"copy{number}").write_bytes(plain.read_bytes())
    shards = opened(tmp_path / "copy*")
    for number in range(len(shards)):
        shards.video(number)
    assert len(shards._files._local._kept) == 2
