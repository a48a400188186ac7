"""Which frames of a padded batch are real."""

from keras import ops


def frame_mask(num_frames, max_frames):
    """Marks the real frames of each video.

    Args:
        num_frames: int `(batch,)`.
        max_frames: int, frames in the padded batch.

    Returns:
        bool `(batch, max_frames)`, True for frames before `num_frames`.
    """
    positions = ops.expand_dims(ops.arange(max_frames, dtype="int32"), 0)
    return positions < ops.expand_dims(ops.cast(num_frames, "int32"), 1)
