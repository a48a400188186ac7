import numpy as np
import pytest
import tensorflow as tf

from tests.test_records import sequence_example
from yt8m_distill.errors import InputError
from yt8m_distill.shards import Shards


def write(path, *contents):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for content in contents:
            writer.write(content)


def opened(pattern, **arguments):
    return Shards(str(pattern), feature_sizes=(4, 2), **arguments)


def video(video_id=b"a", labels=(1,), frames=3, rgb=4, audio=2, key="id"):
    lists = {}
    if rgb:
        lists["rgb"] = [bytes([i] * rgb) for i in range(frames)]
    if audio:
        lists["audio"] = [bytes([i] * audio) for i in range(frames)]
    context = {key: [video_id]}
    if labels:
        context["labels"] = list(labels)
    return sequence_example(context, lists)


def test_finds_keys_names_and_sizes(tmp_path):
    write(tmp_path / "a.tfrecord", video(b"x", key="video_id"))
    shards = opened(tmp_path / "*.tfrecord")
    assert shards.id_key == "video_id"
    assert shards.feature_names == ("rgb", "audio")
    assert shards.feature_sizes == (4, 2)
    assert shards.dtype == "uint8"
    video_id, labels, (rgb, audio) = shards.video(0)
    assert (video_id, labels) == (b"x", [1])
    assert rgb.shape == (3, 4) and audio.shape == (3, 2)


def test_features_can_be_chosen(tmp_path):
    write(tmp_path / "a.tfrecord", video())
    shards = Shards(str(tmp_path / "*"), ["audio"], [2])
    assert [array.shape for array in shards.video(0)[2]] == [(3, 2)]


def test_videos_without_labels_have_none(tmp_path):
    write(tmp_path / "a.tfrecord", video(labels=()))
    assert opened(tmp_path / "*").video(0)[1] == []


def test_several_patterns(tmp_path):
    for name in "abc":
        write(tmp_path / name, video(name.encode()), video(name.encode()))
    shards = opened(f"{tmp_path}/[bc],{tmp_path}/a")
    ids = [shards.video(number)[0] for number in range(len(shards))]
    assert ids == [b"a", b"a", b"b", b"b", b"c", b"c"]


def test_shuffled_is_a_permutation_that_follows_seed_and_epoch(tmp_path):
    for name in "abcdef":
        write(tmp_path / name, *[video(name.encode())] * 5)
    shards = opened(f"{tmp_path}/*")
    order = shards.shuffled(0, 0).tolist()
    assert sorted(order) == list(range(30))
    assert order == shards.shuffled(0, 0).tolist()
    assert order != shards.shuffled(0, 1).tolist()
    assert order != shards.shuffled(1, 0).tolist()
    assert np.abs(np.diff(order)).mean() > 5


def test_no_file(tmp_path):
    with pytest.raises(InputError, match="no file matches .*x\\*"):
        Shards(f"{tmp_path}/x*")


@pytest.mark.parametrize(
    ("contents", "options", "message"),
    [
        ([], {}, "a.tfrecord: holds no record"),
        ([b"\xff" * 20], {}, "a.tfrecord: record 0: not a SequenceExample"),
        ([sequence_example({"x": [b"a"]}, {})], {}, "no video id .*'x'"),
        ([sequence_example({"id": [b"a"]}, {})], {}, "no frame features"),
        ([video(frames=0)], {}, "no frame"),
        ([video()], {"feature_names": ["flow"]}, "no feature 'flow', only"),
        (
            [video()],
            {"feature_names": ["rgb"], "feature_sizes": [1024]},
            "'rgb' has 4 values a frame, expected 1024",
        ),
        ([video()], {}, "'rgb' has 4 values a frame, expected 1024"),
        ([video()], {"feature_sizes": [4]}, "1 feature sizes for the 2"),
    ],
)
def test_bad_first_records(tmp_path, contents, options, message):
    write(tmp_path / "a.tfrecord", *contents)
    with pytest.raises(InputError, match=message):
        Shards(f"{tmp_path}/*", **options)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (video(rgb=0), "a.tfrecord: record 1: no feature 'rgb', only 'audio'"),
        (video(rgb=5), "record 1: .*'rgb' has 5 values a frame, expected 4"),
        (video(key="name"), "record 1: no video id 'id'"),
        (b"\x0a\xff", "record 1: not a SequenceExample"),
        (
            sequence_example(
                {"id": [b"a"]},
                {"rgb": np.zeros((2, 4)), "audio": [b"ab"]},
            ),
            "record 1: feature 'rgb' holds float32 values, the first",
        ),
    ],
    # Not the bytes, whose order is another in each process.
    ids=["feature", "size", "id", "form", "type"],
)
def test_bad_later_records(tmp_path, content, message):
    write(tmp_path / "a.tfrecord", video(), content)
    shards = opened(f"{tmp_path}/*")
    with pytest.raises(InputError, match=message):
        shards.video(1)


def test_a_record_number_counts_within_its_file(tmp_path):
    write(tmp_path / "a", video(), video())
    write(tmp_path / "b", video(), b"\x0a\xff")
    with pytest.raises(InputError, match="/b: record 1: "):
        opened(f"{tmp_path}/*").video(3)


def test_float_features_of_mediapipe(tmp_path):
    values = np.linspace(-2, 2, 8, dtype="float32").reshape(2, 4)
    write(
        tmp_path / "a",
        sequence_example({"id": [b"a"]}, {"RGB/feature/floats": values}),
    )
    shards = Shards(f"{tmp_path}/*")
    assert shards.dtype == "float32"
    np.testing.assert_array_equal(shards.video(0)[2][0], values)


def test_the_real_youtube_8m_video(real_data):
    shards = Shards(str(real_data / "yt8m" / "*.tfrecord"))
    video_id, labels, (rgb, audio) = shards.video(0)
    assert (video_id, labels) == (b"SjJ3", [11])
    assert rgb.shape == (170, 1024) and audio.shape == (170, 128)
    (record,) = tf.data.TFRecordDataset(shards.files)
    _, lists = tf.io.parse_single_sequence_example(
        record,
        sequence_features={
            name: tf.io.FixedLenSequenceFeature([], tf.string)
            for name in ("rgb", "audio")
        },
    )
    for name, frames in (("rgb", rgb), ("audio", audio)):
        expected = tf.io.decode_raw(lists[name], tf.uint8).numpy()
        np.testing.assert_array_equal(frames, expected)


def test_audioset_is_found_without_flags(real_data):
    shards = Shards(str(real_data / "audioset" / "bal_train-*.tfrecord"))
    assert len(shards) == 22160
    assert shards.id_key == "video_id"
    assert shards.feature_names == ("audio_embedding",)
    assert shards.feature_sizes == (128,)
    labels = [shards.video(number)[1] for number in range(len(shards))]
    assert sum(map(len, labels)) == 52882
    assert max(map(max, labels)) == 526


def test_another_layout_is_refused(real_data):
    with pytest.raises(
        InputError, match="not_yt8m_layout.tfrecord: record 0: "
    ):
        Shards(str(real_data / "malformed" / "*.tfrecord"))


@pytest.mark.parametrize("count", [1, 2, 3, 5, 7])
def test_parts_are_disjoint_and_together_all(count, tmp_path):
    for name in "abc":
        write(
            tmp_path / name,
            *[video(b"%s%d" % (name.encode(), n)) for n in range(4)],
        )
    shards = opened(tmp_path / "*")
    parts = [
        opened(tmp_path / "*", part=(index, count)).video_ids()
        for index in range(count)
    ]
    assert sum(parts, []) == shards.video_ids()
    if count <= 3:  # whole files
        for ids in parts:
            assert len(ids) == 4 * len({one[:1] for one in ids})


def test_an_empty_part_is_refused(tmp_path):
    write(tmp_path / "a", video(), video())
    for index in range(3):  # no process goes on alone
        with pytest.raises(InputError, match="3 parts of .*there are 2; make"):
            opened(tmp_path / "a", part=(index, 3))


def test_only_the_files_of_a_part_are_opened(tmp_path):
    write(tmp_path / "a", video())
    (tmp_path / "b").write_bytes(b"no shard")
    assert len(opened(tmp_path / "*", part=(0, 2))) == 1
    with pytest.raises(InputError, match="b: "):
        opened(tmp_path / "*", part=(1, 2))
