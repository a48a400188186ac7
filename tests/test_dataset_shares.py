"""What each of several workers reads of a batch."""

import numpy as np
import pytest

from tests.conftest import small_spec
from yt8m_distill import parts
from yt8m_distill.dataset import VideoDataset
from yt8m_distill.shards import Shards
from yt8m_distill.unlabelled import WithUnlabelled

SHARES = [slice(0, 4), slice(4, 8)]


@pytest.mark.parametrize("sampler", ["random(k=3)", "uniform(k=3)"])
@pytest.mark.parametrize("unlabelled", [False, True])
def test_shares_make_up_the_batches(sampler, unlabelled, synthetic_shards):
    shards = Shards(f"{synthetic_shards}/train*")
    if unlabelled:
        shards = WithUnlabelled(shards, Shards(f"{synthetic_shards}/validate*"))

    def batches(share):
        # Each worker has a data set of its own.
        dataset = VideoDataset(
            shards,
            7,
            12,
            parts.get("frame_samplers", sampler, max_frames=12),
        )
        return list(dataset.training_batches(8, 3, 2, 4, share))

    whole = batches(slice(None))
    for batch, *shared in zip(whole, *map(batches, SHARES), strict=True):
        assert ("label_weight" in batch) == unlabelled
        for key, expected in batch.items():
            np.testing.assert_array_equal(
                expected, np.concatenate([one[key] for one in shared])
            )


def test_every_sampler_draws_each_video_for_itself():
    """Of other videos a worker does not know the lengths."""
    lengths = np.int32([9, 3, 12, 1, 7])
    others = np.where(np.arange(5) == 2, lengths, 12)
    for name in parts.names("frame_samplers"):
        sampler = parts.get(
            "frame_samplers",
            small_spec("frame_samplers", name, k=3, stride=3),
            max_frames=12,
            num_frames=12,
        )
        chosen = [
            np.asarray(sampler.indices(n, True, 5)) for n in (lengths, others)
        ]
        np.testing.assert_array_equal(chosen[0][2], chosen[1][2], name)
