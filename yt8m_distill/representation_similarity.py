"""How alike two models represent the same videos."""

from typing import NamedTuple

import numpy as np

# Videos whose distances to all others are computed together.
VIDEOS_AT_A_TIME = 512


class Closeness(NamedTuple):
    """How close two representations of one video are.

    Attributes:
        relative_distance: float, mean distance between both representations of
            one video, divided by that between representations of different
            videos; 0: they are the same, 1: no closer than chance.
        nearest_share: float in [0, 1], the share of videos whose nearest
            representation by the other model is that of the same video.
    """

    relative_distance: float
    nearest_share: float


def closeness(first, second):
    """How close representations are that lie in one space.

    Args:
        first, second: float `(videos, representation_dim)`, of the same videos.

    Returns:
        A `Closeness`: distances are Euclidean, between different videos those
        of all pairs of a `first` and a `second`; NaN with fewer than 2 videos.

    Raises:
        ValueError: the shapes differ.
    """
    first, second = (np.asarray(one, np.float64) for one in (first, second))
    if first.shape != second.shape:
        raise ValueError(
            f"representations {first.shape} and {second.shape} differ in shape"
        )
    num_videos = len(first)
    if num_videos < 2:
        return Closeness(np.nan, np.nan)
    own = np.linalg.norm(first - second, axis=1)
    squares = (second**2).sum(axis=1)
    total, nearest = 0.0, 0
    for start in range(0, num_videos, VIDEOS_AT_A_TIME):
        rows = np.arange(start, min(start + VIDEOS_AT_A_TIME, num_videos))
        # |a − b|² = |a|² + |b|² − 2 a·b
        distances = squares - 2 * first[rows] @ second.T
        distances += (first[rows] ** 2).sum(axis=1, keepdims=True)
        distances = np.sqrt(np.maximum(distances, 0))
        # Of videos nearly alike the products have lost too many digits.
        distances[np.arange(len(rows)), rows] = own[rows]
        total += distances.sum()
        nearest += (distances.argmin(axis=1) == rows).sum()
    others = (total - own.sum()) / (num_videos * (num_videos - 1))
    if not others:
        return Closeness(np.nan, nearest / num_videos)
    return Closeness(own.mean() / others, nearest / num_videos)


def linear_cka(first, second):
    """Linear centred kernel alignment (Kornblith et al., ICML 2019).

    It is 1 for representations that are equal up to rotation, scale and shift,
    and needs no common space.

    Args:
        first, second: float `(videos, …)`, of the same videos; widths may
            differ.

    Returns:
        float in [0, 1]; NaN where a representation is the same for all videos.

    Raises:
        ValueError: the numbers of videos differ.
    """
    if len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} videos")
    first, second = (
        np.asarray(one, np.float64) - np.mean(one, axis=0, dtype=np.float64)
        for one in (first, second)
    )
    if len(first) < min(first.shape[1], second.shape[1]):
        # Of few videos and wide representations these are smaller.
        first, second = first @ first.T, second @ second.T
        similar = np.vdot(first, second)
        own = np.linalg.norm(first) * np.linalg.norm(second)
    else:
        similar = np.linalg.norm(first.T @ second) ** 2
        own = np.linalg.norm(first.T @ first)
        own *= np.linalg.norm(second.T @ second)
    return float(similar / own) if own else float("nan")
