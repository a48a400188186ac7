"""Parts of the training videos that a model sees, or does not see."""

import zlib

import numpy as np

from yt8m_distill.errors import InputError


def folds(video_ids, num_folds):
    """The fold of each video, by its id, whatever shard it lies in.

    Args:
        video_ids: list of bytes.
        num_folds: int.

    Returns:
        int array, in `[0, num_folds)`.
    """
    return np.array([zlib.crc32(i) % num_folds for i in video_ids], int)


def without_fold(shards, num_folds, held_out_fold):
    """The shards without the videos of one fold.

    Args:
        shards: `Shards`.
        num_folds: int.
        held_out_fold: int in `[0, num_folds)`.

    Raises:
        InputError: there is no such fold, or no video is left.
    """
    if num_folds < 2:
        raise InputError(f"--num_folds={num_folds}; give at least 2")
    if not 0 <= held_out_fold < num_folds:
        raise InputError(
            f"--held_out_fold={held_out_fold} of --num_folds={num_folds}; give "
            f"0 to {num_folds - 1}"
        )
    kept = folds(shards.video_ids(), num_folds) != held_out_fold
    if not kept.any():
        raise InputError(
            f"no video of {shards.pattern} is outside fold {held_out_fold} of "
            f"{num_folds}; lower --num_folds"
        )
    return shards.select(np.flatnonzero(kept))


def fraction(shards, share):
    """A part of the shards' videos, the same whatever shards they lie in.

    A smaller share lies within a larger one.

    Args:
        shards: `Shards`.
        share: float, of the videos; at least one is kept.

    Raises:
        InputError: the share makes no sense.
    """
    if not 0 < share <= 1:
        raise InputError(
            f"--train_fraction={share}; give a number above 0, at most 1"
        )
    # Another hash than that of the folds, from which a share is independent.
    order = sorted(
        (zlib.crc32(b"fraction" + video_id), video_id, number)
        for number, video_id in enumerate(shards.video_ids())
    )
    kept = order[: max(1, round(share * len(order)))]
    return shards.select(np.sort([number for _, _, number in kept]))
