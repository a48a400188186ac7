"""Segments as a data set, against plain NumPy on the records they lie in."""

import numpy as np
import pytest

from tests.conftest import small_spec
from tests.rated_videos import VIDEOS, frames_of, window, write_shards
from yt8m_distill import parts, record_writer
from yt8m_distill.dataset import VideoDataset
from yt8m_distill.errors import RecordError
from yt8m_distill.found_segments import rated_segments, windows
from yt8m_distill.segments import Ratings
from yt8m_distill.shards import Shards


@pytest.fixture
def shards(tmp_path):
    return write_shards(tmp_path)


@pytest.mark.parametrize("context_frames", [0, 2, 30])
def test_rated_segments_as_a_batch(shards, context_frames):
    segments = rated_segments(shards, 6, context_frames)
    batch = VideoDataset(segments, 6, 5 + 2 * context_frames).read(
        range(len(segments))
    )
    expected = [(0, 0), (0, 5), (1, 0), (3, 10), (3, 15), (3, 20)]
    assert list(batch["video_id"]) == [
        f"v{video}:{start}".encode() for video, start in expected
    ]
    assert segments.ids() == list(batch["video_id"])
    for row, (video, start) in enumerate(expected):
        frames = window(video, start, context_frames)
        assert batch["num_frames"][row] == len(frames)
        np.testing.assert_array_equal(
            batch["frames"][row, : len(frames)], frames
        )
        assert not batch["frames"][row, len(frames) :].any()
        labels, weights = np.zeros(6), np.zeros(6)
        for rated_start, label, score in VIDEOS[video][1]:
            if rated_start == start:
                labels[label], weights[label] = score, 1
        np.testing.assert_array_equal(batch["labels"][row], labels)
        np.testing.assert_array_equal(batch["class_weights"][row], weights)


@pytest.mark.parametrize("context_frames", [0, 3])
@pytest.mark.parametrize("name", parts.names("frame_samplers"))
def test_every_sampler_chooses_within_the_window(shards, name, context_frames):
    spec = small_spec("frame_samplers", name, k=3)
    sampler = parts.get("frame_samplers", spec, max_frames=11)
    segments = rated_segments(shards, 6, context_frames)
    for training in (False, True):
        batch = VideoDataset(segments, 6, 11, sampler).read(
            range(len(segments)), training
        )
        for row, video_id in enumerate(batch["video_id"]):
            video, start = map(int, video_id.decode()[1:].split(":"))
            allowed = {
                frame.tobytes()
                for frame in window(video, start, context_frames)
            }
            num_frames = batch["num_frames"][row]
            assert 1 <= num_frames <= len(allowed)
            for frame in batch["frames"][row, :num_frames]:
                assert frame.tobytes() in allowed


def test_batches_go_through_tensorflow_as_they_are(shards):
    data = VideoDataset(rated_segments(shards, 6), 6, 5)
    (batch,) = data.batches(8, with_video_id=True)
    read = data.read(range(6))
    for key, value in batch.items():
        np.testing.assert_array_equal(value.numpy(), read[key])
    (training,) = data.training_batches(6, 0, 1)
    assert training["class_weights"].numpy().sum() == 8


def test_an_epoch_has_each_segment_once_in_an_order_of_its_own(shards):
    segments = rated_segments(shards, 6)
    orders = [segments.shuffled(0, epoch).tolist() for epoch in range(9)]
    assert all(sorted(order) == list(range(6)) for order in orders)
    assert len(set(map(tuple, orders))) > 1
    assert segments.shuffled(0, 3).tolist() == orders[3]


def test_ratings_of_some_segments():
    ratings = Ratings(
        np.array([0, 0, 2, 3, 3]), np.arange(5), np.arange(5, dtype="f4")
    )
    found = ratings.of(np.array([3, 1, 0, 3]))
    assert found.segments.tolist() == [0, 0, 2, 2, 3, 3]
    assert found.classes.tolist() == [3, 4, 0, 1, 3, 4]
    assert found.scores.tolist() == [3, 4, 0, 1, 3, 4]


def test_a_second_feature_may_be_shorter(tmp_path):
    features = frames_of(0)
    features["audio"] = features["audio"][:7]
    record_writer.write_shard(
        tmp_path / "a", [record_writer.serialize("x", [], features)]
    )
    shards = Shards(f"{tmp_path}/a", feature_sizes=[6, 2])
    batch = VideoDataset(windows(shards), 6, 5).read(range(3))
    np.testing.assert_array_equal(
        batch["frames"][1, :2, 6:], features["audio"][5:]
    )
    # As if they were 0.0.
    assert set(batch["frames"][1, 2:, 6:].ravel()) == {127}


def test_a_record_that_breaks_later_is_named(shards, tmp_path):
    segments = rated_segments(shards, 6)
    file = tmp_path / "validate1"
    file.write_bytes(file.read_bytes()[:300])
    with pytest.raises(RecordError, match="validate1: record"):
        VideoDataset(segments, 6, 5).read(range(len(segments)))
