"""Every frame: what a teacher sees."""

import keras
from keras import ops

from yt8m_distill.frame_samplers.frame_sampler import FrameSampler


@keras.saving.register_keras_serializable(
    "yt8m_distill.frame_samplers.all_frames"
)
class AllFrames(FrameSampler):
    """All frames of a video, up to its first `max_frames`.

    Args:
        max_frames: int, frames of the longest video; 300 in YouTube-8M.

    Example:

    >>> AllFrames(max_frames=4).indices([3, 9])
    [[0, 1, 2, 2], [0, 1, 2, 3]]
    """

    def __init__(self, max_frames=300, **kwargs):
        super().__init__(max_frames, **kwargs)

    def select(self, num_frames, training, seed):
        return ops.expand_dims(ops.arange(self.k, dtype="int32"), 0)

    def call(self, batch, training=False):
        # None: the reader pads to the length of the batch, at most k.
        if batch["frames"].shape[1] in (self.k, None):
            return batch
        return super().call(batch, training)

    def get_config(self):
        config = super().get_config()
        return {"max_frames": config.pop("k"), **config}
