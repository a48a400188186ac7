"""Segments as a data set, against plain NumPy on the records they lie in."""

import numpy as np
import pytest

from tests.conftest import small_spec
from yt8m_distill import parts, record_writer
from yt8m_distill.dataset import VideoDataset
from yt8m_distill.errors import InputError, RecordError
from yt8m_distill.found_segments import rated_segments, windows
from yt8m_distill.segments import Ratings
from yt8m_distill.shards import Shards
from yt8m_distill.skipped_records import SkippedRecords

# Of each video: frames, and its ratings as (start, class, score).
VIDEOS = [
    (12, [(5, 2, 1.0), (0, 2, 0.0), (5, 0, 0.0)]),
    (3, [(0, 1, 1.0)]),
    (5, []),
    (23, [(20, 4, 1.0), (10, 3, 0.5), (15, 4, 0.0), (10, 4, 1.0)]),
]


def frames_of(video):
    random = np.random.default_rng(video)
    num_frames = VIDEOS[video][0]
    return {
        "rgb": random.integers(0, 256, (num_frames, 6), np.uint8),
        "audio": random.integers(0, 256, (num_frames, 2), np.uint8),
    }


def record(video, **other):
    rated = VIDEOS[video][1]
    context = {
        "segment_start_times": [start for start, _, _ in rated],
        "segment_end_times": [start + 5 for start, _, _ in rated],
        "segment_labels": [label for _, label, _ in rated],
        "segment_scores": np.array([s for _, _, s in rated], "float32"),
    }
    return record_writer.serialize(
        f"v{video}", [1, 3], frames_of(video), **{**context, **other}
    )


@pytest.fixture
def shards(tmp_path):
    for number in range(2):
        record_writer.write_shard(
            tmp_path / f"validate{number}",
            map(record, range(2 * number, 2 * number + 2)),
        )
    return Shards(f"{tmp_path}/validate*", feature_sizes=[6, 2])


def window(video, start, context_frames):
    """The frames of a segment as the definition says."""
    joined = np.concatenate(list(frames_of(video).values()), axis=1)
    return joined[max(start - context_frames, 0) : start + 5 + context_frames]


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


def test_windows_cover_every_frame_once(shards):
    segments = windows(shards)
    batch = VideoDataset(segments, 6, 5).read(range(len(segments)))
    assert [video_id.decode() for video_id in batch["video_id"]] == (
        ["v0:0", "v0:5", "v0:10", "v1:0", "v2:0"]
        + [f"v3:{start}" for start in range(0, 23, 5)]
    )
    assert batch["num_frames"].tolist() == [5, 5, 2, 3, 5, 5, 5, 5, 5, 3]
    assert "class_weights" not in batch
    for video in range(4):
        own = [
            frames[:count]
            for frames, count, video_id in zip(
                batch["frames"], batch["num_frames"], batch["video_id"]
            )
            if video_id.startswith(b"v%d" % video)
        ]
        np.testing.assert_array_equal(np.concatenate(own), window(video, 0, 99))


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


@pytest.mark.parametrize(
    "other, message",
    [
        ({"segment_labels": [2, 2]}, "3 segment_start_times, 2 segment_labels"),
        ({"segment_start_times": [5, 12, 5]}, "second 12 of a video of 12"),
        ({"segment_labels": [2, 6, 0]}, "label 6"),
        (
            {"segment_scores": np.array([1, np.nan, 0], "float32")},
            "segment_scores holds nan",
        ),
        (
            {"segment_scores": np.array([1, -1, 0], "float32")},
            "segment_scores holds -1.0",
        ),
        (
            {"segment_start_times": np.array([5, 0, 5], "float32")},
            "segment_start_times holds",
        ),
        ({"segment_scores": ["1", "0", "0"]}, "segment_scores holds b'1'"),
    ],
)
def test_bad_ratings_are_named_or_skipped(tmp_path, other, message):
    record_writer.write_shard(
        tmp_path / "a", [record(1), record(0, **other), record(3)]
    )
    pattern = f"{tmp_path}/a"
    with pytest.raises(RecordError, match=f"record 1: .*{message}"):
        rated_segments(Shards(pattern, feature_sizes=[6, 2]), 6)
    skipped = SkippedRecords()
    segments = rated_segments(
        Shards(pattern, feature_sizes=[6, 2], skipped=skipped), 6
    )
    assert len(skipped) == 1
    batch = VideoDataset(segments, 6, 5).read(range(len(segments)))
    assert [one.split(b":")[0] for one in batch["video_id"]] == (
        [b"v1"] + [b"v3"] * 3
    )


def test_shards_without_ratings_are_refused(tmp_path):
    record_writer.write_shard(
        tmp_path / "a", [record_writer.serialize("x", [1], frames_of(0))]
    )
    shards = Shards(f"{tmp_path}/a", feature_sizes=[6, 2])
    with pytest.raises(InputError, match="holds no rated segments"):
        rated_segments(shards, 6)


def test_a_record_that_breaks_later_is_named(shards, tmp_path):
    segments = rated_segments(shards, 6)
    file = tmp_path / "validate1"
    file.write_bytes(file.read_bytes()[:300])
    with pytest.raises(RecordError, match="validate1: record"):
        VideoDataset(segments, 6, 5).read(range(len(segments)))


def test_of_a_pair_rated_twice_the_last_rating_counts(tmp_path):
    rated = {
        "segment_start_times": [5, 5, 0],
        "segment_labels": [2, 2, 1],
        "segment_scores": np.array([1, 0, 1], "float32"),
    }
    record_writer.write_shard(tmp_path / "a", [record(0, **rated)])
    shards = Shards(f"{tmp_path}/a", feature_sizes=[6, 2])
    segments = rated_segments(shards, 6)
    assert segments.ratings.classes.tolist() == [1, 2]
    assert segments.ratings.scores.tolist() == [1, 0]


def test_windows_go_on_past_bad_records(tmp_path):
    records = [record(0), record(1)[:-9], record(2)]
    record_writer.write_shard(tmp_path / "a", records)
    pattern = f"{tmp_path}/a"
    with pytest.raises(RecordError, match="record 1"):
        windows(Shards(pattern, feature_sizes=[6, 2]))
    skipped = SkippedRecords()
    segments = windows(Shards(pattern, feature_sizes=[6, 2], skipped=skipped))
    batch = VideoDataset(segments, 6, 5).read(range(len(segments)))
    assert len(skipped) == 1
    assert list(batch["video_id"]) == [b"v0:0", b"v0:5", b"v0:10", b"v2:0"]
