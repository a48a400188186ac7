"""The first frames."""

import keras
from keras import ops

from yt8m_distill.frame_samplers.frame_sampler import FrameSampler


@keras.saving.register_keras_serializable("yt8m_distill.frame_samplers.first")
class First(FrameSampler):
    """Frames 0 … k − 1.

    "First-k" of Bhardwaj et al. (CVPR 2019), section 5.4.

    Args:
        k: int, frames to look at.

    Example:

    >>> First(k=2).indices([10])
    [[0, 1]]
    """

    def select(self, num_frames, training, seed):
        return ops.expand_dims(ops.arange(self.k, dtype="int32"), 0)
