import numpy as np
import pytest
import tensorflow as tf

from tests.test_records import sequence_example
from tests.test_shards import opened, video, write
from yt8m_distill.dataset import VideoDataset
from yt8m_distill.errors import InputError
from yt8m_distill.frame_samplers.jittered_uniform import JitteredUniform
from yt8m_distill.frame_samplers.uniform import Uniform
from yt8m_distill.shards import Shards


@pytest.fixture
def shards(tmp_path):
    """Videos of 1 … 9 frames; frame i is full of bytes i."""
    write(
        tmp_path / "a",
        *[
            video(f"v{n}".encode(), labels=(n % 5,), frames=n)
            for n in range(1, 10)
        ],
    )
    return opened(f"{tmp_path}/*")


def test_all_frames(shards):
    batch = VideoDataset(shards, 5, max_frames=6).read([0, 4, 8])
    assert batch["frames"].shape == (3, 6, 6)
    assert batch["frames"].dtype == np.uint8
    assert batch["num_frames"].tolist() == [1, 5, 6]
    assert batch["frames"][..., 0].tolist() == [
        [0, 0, 0, 0, 0, 0],
        [0, 1, 2, 3, 4, 0],
        [0, 1, 2, 3, 4, 5],
    ]
    assert batch["labels"].tolist() == np.eye(5)[[1, 0, 4]].tolist()
    assert batch["video_id"].tolist() == [b"v1", b"v5", b"v9"]


def test_only_chosen_frames(shards):
    dataset = VideoDataset(shards, 5, 300, Uniform(2))
    batch = dataset.read(range(9))
    for n, (first, second) in enumerate(batch["frames"][..., 3], start=1):
        if n == 1:
            assert (first, second) == (0, 0)
        else:
            assert (first, second) == (n // 4, 3 * n // 4)
    assert batch["num_frames"].tolist() == [1] + 8 * [2]


def test_reading_k_frames_equals_sampling_all(shards):
    everything = VideoDataset(shards, 5, 9).read(range(9))
    everything.pop("video_id")
    sampled = Uniform(4)(everything)
    read = VideoDataset(shards, 5, 9, Uniform(4)).read(range(9))
    np.testing.assert_array_equal(sampled["frames"], read["frames"])
    np.testing.assert_array_equal(sampled["num_frames"], read["num_frames"])


def test_a_feature_with_fewer_frames_counts_as_zero(tmp_path):
    lists = {"rgb": [b"\x09"] * 3, "audio": [b"\x05"]}
    write(tmp_path / "a", sequence_example({"id": [b"a"]}, lists))
    batch = VideoDataset(
        Shards(f"{tmp_path}/*", feature_sizes=(1, 1)), 5, 4
    ).read([0])
    assert batch["num_frames"].tolist() == [3]
    assert batch["frames"][0].tolist() == [[9, 5], [9, 127], [9, 127], [0, 0]]
    assert abs(127 * 4 / 255 + 4 / 512 - 2) < 1e-4


def test_a_label_outside_the_vocabulary_is_refused(shards):
    dataset = VideoDataset(shards, 4)
    with pytest.raises(
        InputError, match="/a: record 3: label 4 is outside .*4 "
    ):
        dataset.read(range(9))
    with pytest.raises(InputError, match="--num_classes"):
        try:
            list(dataset.batches(2))
        except tf.errors.OpError:
            dataset.raise_own_error()


def as_numpy(batches):
    return [{k: v.numpy() for k, v in batch.items()} for batch in batches]


def assert_equal(first, second):
    assert len(first) == len(second)
    for one, other in zip(first, second):
        assert one.keys() == other.keys()
        for key in one:
            np.testing.assert_array_equal(one[key], other[key])


def test_every_video_once_in_order(shards):
    dataset = VideoDataset(shards, 5, 9)
    batches = dataset.batches(4, with_video_id=True)
    assert int(batches.cardinality()) == 3
    ids = [i for batch in as_numpy(batches) for i in batch["video_id"]]
    assert ids == [f"v{n}".encode() for n in range(1, 10)]


def test_training_sees_every_video_and_goes_on_anywhere(shards):
    dataset = VideoDataset(shards, 5, 9, JitteredUniform(2))
    batches = dataset.training_batches(3, seed=1, num_epochs=4)
    assert int(batches.cardinality()) == 12
    assert "video_id" not in batches.element_spec
    everything = as_numpy(batches)
    for epoch in range(4):
        of_epoch = everything[3 * epoch : 3 * epoch + 3]
        labels = sum(batch["labels"].sum(0) for batch in of_epoch)
        assert labels.tolist() == [1, 2, 2, 2, 2]
    for first_step in (1, 3, 7):
        rest = dataset.training_batches(3, 1, 4, first_step)
        assert_equal(as_numpy(rest), everything[first_step:])
    other = as_numpy(dataset.training_batches(3, seed=2, num_epochs=4))
    assert any(
        (one["frames"] != two["frames"]).any()
        for one, two in zip(other, everything)
    )


def test_fewer_videos_than_a_batch_are_refused(shards):
    with pytest.raises(
        InputError, match="9 videos, fewer than one batch of 10"
    ):
        VideoDataset(shards, 5).training_batches(10, 0, 1)


def test_the_real_video(real_data):
    shards = Shards(str(real_data / "yt8m" / "*.tfrecord"))
    dataset = VideoDataset(shards, 3862, 300, Uniform(30))
    batch = dataset.read([0])
    _, _, (rgb, audio) = shards.video(0)
    chosen = [(2 * i + 1) * 170 // 60 for i in range(30)]
    np.testing.assert_array_equal(
        batch["frames"][0], np.hstack([rgb, audio])[chosen]
    )
    assert np.flatnonzero(batch["labels"]).tolist() == [11]


def test_the_end_waits_for_no_tuner(shards):
    """TensorFlow's sleeps as long as it has run, and its end is waited for."""
    data = VideoDataset(shards, 5)
    for batches in (data.batches(2), data.training_batches(2, 0, 1)):
        assert batches.options().autotune.enabled is False
