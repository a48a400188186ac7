"""Parts of the training videos that a model does not see."""

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
