"""Videos read side by side are those that are read one at a time."""

import numpy as np
import pytest

from tests.test_shards import video as tf_video
from yt8m_distill import group_reader, layouts, record_writer, records
from yt8m_distill.errors import InputError
from yt8m_distill.records import ZERO_BYTE
from yt8m_distill.shards import Shards


def make_video(number, random, num_frames=None, audio_frames=None):
    """Labels with one, two and three bytes; lengths that meet and differ."""
    num_frames = num_frames or int(random.integers(1, 9))
    labels = random.choice([0, 127, 128, 3861, 16384], random.integers(0, 4))
    return record_writer.serialize(
        f"{number:04x}",
        labels.tolist(),
        {
            "rgb": random.integers(0, 256, (num_frames, 4), np.uint8),
            "audio": random.integers(
                0, 256, (audio_frames or num_frames, 2), np.uint8
            ),
        },
        key=f"{number}",
    )


def collected(shards, numbers, choose):
    """What `groups` yields, in the order of `numbers`."""
    found = {}
    for group in shards.groups(numbers, choose):
        labels = [[] for _ in group.places]
        for video, label in zip(*group.labels):
            labels[video].append(label)
        for row, place in enumerate(group.places.tolist()):
            assert place not in found
            found[place] = (
                group.video_ids[row],
                labels[row],
                group.num_frames,
                [values[row].copy() for values in group.features],
            )
    return [found[place] for place in range(len(numbers))]


@pytest.fixture
def shards(tmp_path):
    random = np.random.default_rng(0)
    for file in range(3):
        record_writer.write_shard(
            tmp_path / f"{file}.tfrecord",
            [make_video(100 * file + n, random) for n in range(60)],
        )
    return Shards(f"{tmp_path}/*", feature_sizes=(4, 2))


@pytest.mark.parametrize("block_size", [1, 1000, 1 << 20])
def test_all_frames(shards, block_size, monkeypatch):
    monkeypatch.setattr(group_reader, "BLOCK_SIZE", block_size)
    numbers = np.random.default_rng(1).permutation(len(shards))
    found = collected(shards, numbers, lambda num, _: slice(0, num, 1))
    for number, (video_id, labels, num_frames, features) in zip(numbers, found):
        expected = shards.video(number)
        assert video_id == expected[0]
        assert labels == expected[1]
        assert num_frames == len(expected[2][0])
        for values, wanted in zip(features, expected[2]):
            np.testing.assert_array_equal(values, wanted)


def test_ids_and_labels_without_frames(shards, monkeypatch):
    monkeypatch.setattr("yt8m_distill.shards.VIDEOS_AT_A_TIME", 50)
    expected = [shards.video(number)[:2] for number in range(len(shards))]
    assert list(shards.ids_and_labels()) == expected
    assert any(max(labels, default=0) > 16000 for _, labels in expected)


def test_each_video_s_own_frames(shards):
    numbers = np.arange(len(shards))
    chosen = np.random.default_rng(2).integers(0, 9, (len(shards), 3))
    found = collected(shards, numbers, lambda num, places: chosen[places] % num)
    for number, (_, _, num_frames, features) in zip(numbers, found):
        for values, wanted in zip(features, shards.video(number)[2]):
            np.testing.assert_array_equal(
                values, wanted[chosen[number] % num_frames]
            )


@pytest.mark.parametrize("chosen", [slice(0, 5, 1), np.array([0, 2, 4])])
def test_a_feature_with_fewer_frames_ends_in_zeros(tmp_path, chosen):
    random = np.random.default_rng(0)
    record_writer.write_shard(
        tmp_path / "a", [make_video(n, random, 5, 3) for n in range(4)]
    )
    shards = Shards(f"{tmp_path}/a", feature_sizes=(4, 2))
    for number, found in enumerate(
        collected(shards, np.arange(4), lambda *_: chosen)
    ):
        _, audio = found[3]
        padded = np.full((5, 2), ZERO_BYTE, np.uint8)
        padded[:3] = shards.video(number)[2][1]
        np.testing.assert_array_equal(audio, padded[chosen])


def test_entries_in_another_order_are_read(tmp_path):
    # Maps of protocol buffers have no order; these records differ in nothing
    # else and have one length.
    random = np.random.default_rng(0)
    values = {
        name: random.integers(0, 256, (3, size), np.uint8)
        for name, size in (("rgb", 4), ("audio", 2))
    }
    entries = {
        # Without the empty context, and tag and size of the lists
        name: record_writer.sequence_example(b"", {name: frames})[4:]
        for name, frames in values.items()
    }
    context = record_writer.context_message({"id": "a", "labels": [1]})
    head = b"\x0a" + bytes([len(context)]) + context
    body = [entries["rgb"], entries["audio"]]
    size = bytes([sum(map(len, body))])
    write = [
        head + b"\x12" + size + b"".join(order) for order in (body, body[::-1])
    ]
    record_writer.write_shard(tmp_path / "a", write * 3)
    shards = Shards(f"{tmp_path}/a", feature_sizes=(4, 2))
    found = collected(shards, np.arange(6), lambda num, _: slice(0, num, 1))
    for _, _, _, (rgb, audio) in found:
        np.testing.assert_array_equal(rgb, values["rgb"])
        np.testing.assert_array_equal(audio, values["audio"])


def test_more_orders_and_lengths_than_are_kept(shards, monkeypatch):
    monkeypatch.setattr(layouts, "MAX_LENGTHS", 2)
    monkeypatch.setattr(layouts, "MAX_ORDERS", 1)
    found = collected(
        shards, np.arange(len(shards)), lambda num, _: slice(0, num, 1)
    )
    assert [one[0] for one in found] == shards.video_ids()


def test_floats(tmp_path):
    random = np.random.default_rng(0)
    frames = random.standard_normal((5, 7, 4)).astype("float32")
    record_writer.write_shard(
        tmp_path / "a",
        [
            record_writer.serialize(f"{n}", [n], {"rgb": values})
            for n, values in enumerate(frames)
        ],
    )
    shards = Shards(f"{tmp_path}/a", feature_sizes=[4])
    assert shards.dtype == "float32"
    found = collected(shards, np.arange(5), lambda *_: np.array([1, 6]))
    for values, (_, labels, _, (taken,)) in zip(frames, found):
        np.testing.assert_array_equal(taken, values[[1, 6]])
    assert labels == [4]


def test_a_damaged_frame_is_refused_whether_it_is_taken_or_not(tmp_path):
    good = tf_video(b"aaaa", frames=6)
    bad = bytearray(tf_video(b"bbbb", frames=6))
    # The third rgb frame: its length says 5 instead of 4.
    at = bad.index(b"\x04\x02\x02\x02\x02")
    bad[at] = 5
    record_writer.write_shard(tmp_path / "a", [good, bytes(bad), bytes(bad)])
    for order in ([0, 1], [1, 0], [1, 2]):  # as the first of its length, too
        shards = Shards(f"{tmp_path}/a", feature_sizes=(4, 2))
        for chosen in (slice(0, 2, 1), slice(0, 3, 1), np.array([4, 5])):
            with pytest.raises(InputError, match="record [12]: "):
                list(shards.groups(order, lambda *_: chosen))


def test_headers_of_any_size(tmp_path):
    for size in (1, 120, 130, 20_000):
        frames = np.zeros((3, size), np.uint8)
        record = record_writer.serialize("a", [1], {"x": frames})
        bad = bytearray(record)
        # Each byte of the second frame's header, one at a time
        ((_, rows),) = [
            (None, records.read_frames(memoryview(record), "x", *span)[1])
            for number, start, stop in records.messages(
                memoryview(record), 0, len(record)
            )
            if number == 2
            for _, span in records.map_entries(memoryview(record), start, stop)
        ]
        first = rows.start + rows.distance
        block = np.frombuffer(bytes(bad) * 2, np.uint8).reshape(2, -1).copy()
        layout = layouts.Layouts("id", "labels", ("x",)).learn(record)
        for at in range(first, first + rows.header_size):
            block[1, at] ^= 1
            assert layout.matches(block).tolist() == [True, False]
            block[1, at] ^= 1
        assert layout.matches(block).all()


def test_empty_ids_as_in_mirrors_of_2017(tmp_path):
    record_writer.write_shard(tmp_path / "a", [tf_video(b"")] * 3)
    shards = Shards(f"{tmp_path}/a", feature_sizes=(4, 2))
    (group,) = shards.groups(range(3), lambda num, _: slice(0, num, 1))
    assert group.video_ids == [b""] * 3 == shards.video_ids()


def test_a_file_that_shrinks_is_named(tmp_path):
    record_writer.write_shard(tmp_path / "a", [tf_video(), tf_video()])
    shards = Shards(f"{tmp_path}/a", feature_sizes=(4, 2))
    with open(tmp_path / "a", "r+b") as opened:
        opened.truncate(20)
    with pytest.raises(InputError, match="a: record 0: .*shorter"):
        list(shards.groups([0], lambda *_: slice(0, 1, 1)))


def test_checksums_are_verified_where_asked_for(tmp_path):
    record_writer.write_shard(tmp_path / "a", [tf_video(), tf_video()])
    data = bytearray((tmp_path / "a").read_bytes())
    data[data.rindex(b"\x02\x02\x02\x02")] ^= 1
    (tmp_path / "a").write_bytes(data)
    trusting = Shards(f"{tmp_path}/a", feature_sizes=(4, 2))
    list(trusting.groups([0, 1], lambda num, _: slice(0, num, 1)))
    careful = Shards(
        f"{tmp_path}/a", feature_sizes=(4, 2), verify_checksums=True
    )
    list(careful.groups([0], lambda num, _: slice(0, num, 1)))
    for read in (
        lambda: careful.video(1),
        lambda: list(careful.groups([1], lambda num, _: slice(0, num, 1))),
    ):
        with pytest.raises(InputError, match="a: record 1: its checksum"):
            read()
