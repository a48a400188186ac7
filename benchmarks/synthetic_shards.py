"""Shards of synthetic 300-frame videos for the benchmarks."""

import loading


def make(folder, num_videos, num_classes):
    """Writes `test*.tfrecord` in 4 shards.

    Args:
        folder: str.
        num_videos: int, all of 300 frames, 1024 rgb and 128 audio bytes each.
        num_classes: int.
    """
    loading.load("tools/make_synthetic_shards.py").make_shards(
        folder,
        {"test": num_videos},
        4,
        num_classes,
        min_frames=300,
        max_frames=300,
        label_noise=0.0,
        seed=0,
    )
