"""Which segments shards hold, and what is known of them."""

import numpy as np
import pytest

from tests.rated_videos import VIDEOS, frames_of, record, window, write_shards
from yt8m_distill import record_writer
from yt8m_distill.dataset import VideoDataset
from yt8m_distill.errors import InputError, RecordError
from yt8m_distill.found_segments import rated_segments, windows
from yt8m_distill.shards import Shards
from yt8m_distill.skipped_records import SkippedRecords


@pytest.fixture
def shards(tmp_path):
    return write_shards(tmp_path)


def test_the_rated_segments_and_their_ratings(shards):
    segments = rated_segments(shards, 6)
    expected = sorted(
        (f"v{video}:{start}".encode(), label, score)
        for video, (_, rated) in enumerate(VIDEOS)
        for start, label, score in rated
    )
    ids = segments.ids()
    assert len(set(ids)) == len(ids)
    numbers, classes, scores = segments.ratings
    assert (np.diff(numbers) >= 0).all()
    found = zip([ids[number] for number in numbers], classes, scores)
    assert sorted(found) == expected
    assert scores.dtype == np.float32


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
