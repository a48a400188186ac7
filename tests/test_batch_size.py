"""The batch size of eval and inference where none is given."""

import pytest

from yt8m_distill import batch_size


def test_fewer_frames_more_videos():
    found = [batch_size.automatic(k, on_gpu=False) for k in (300, 30, 10, 1)]
    assert found == [64, 256, 256, 256]
    more = [batch_size.automatic(k, on_gpu=True) for k in (300, 30, 10, 1)]
    assert all(ours > theirs for ours, theirs in zip(more, found))


@pytest.mark.parametrize("on_gpu", [False, True])
def test_a_power_of_two_that_falls(on_gpu):
    sizes = [batch_size.automatic(k, on_gpu) for k in range(1, 400)]
    assert all(size & (size - 1) == 0 for size in sizes)
    assert sizes == sorted(sizes, reverse=True)
    assert batch_size.automatic(100_000, on_gpu) == batch_size.LEAST_VIDEOS
