"""A few videos with rated segments, as the shards of 2019 hold them."""

import numpy as np

from yt8m_distill import record_writer
from yt8m_distill.shards import Shards

# Of each video: frames, and its ratings as (start, class, score).
VIDEOS = [
    (12, [(5, 2, 1.0), (0, 2, 0.0), (5, 0, 0.0)]),
    (3, [(0, 1, 1.0)]),
    (5, []),
    (23, [(20, 4, 1.0), (10, 3, 0.5), (15, 4, 0.0), (10, 4, 1.0)]),
]


def frames_of(video):
    """The features of a video, random bytes."""
    random = np.random.default_rng(video)
    num_frames = VIDEOS[video][0]
    return {
        "rgb": random.integers(0, 256, (num_frames, 6), np.uint8),
        "audio": random.integers(0, 256, (num_frames, 2), np.uint8),
    }


def record(video, **other):
    """A video as a record, with other values in its context."""
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


def write_shards(folder):
    """Two shards of all videos in a folder, opened."""
    for number in range(2):
        record_writer.write_shard(
            folder / f"validate{number}",
            map(record, range(2 * number, 2 * number + 2)),
        )
    return Shards(f"{folder}/validate*", feature_sizes=[6, 2])


def window(video, start, context_frames):
    """The frames of a segment as the definition says."""
    joined = np.concatenate(list(frames_of(video).values()), axis=1)
    return joined[max(start - context_frames, 0) : start + 5 + context_frames]
