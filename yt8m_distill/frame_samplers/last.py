"""The last frames."""

import keras
from keras import ops

from yt8m_distill.frame_samplers.frame_sampler import FrameSampler


@keras.saving.register_keras_serializable("yt8m_distill.frame_samplers.last")
class Last(FrameSampler):
    """Frames n − k … n − 1 of n.

    "Last-k" of Bhardwaj et al. (CVPR 2019), section 5.4; measured on the
    video's own length.

    Args:
        k: int, frames to look at.

    Example:

    >>> Last(k=2).indices([10])
    [[8, 9]]
    """

    def select(self, num_frames, training, seed):
        return num_frames - self.k + ops.arange(self.k, dtype="int32")
