"""The frames in the middle."""

import keras
from keras import ops

from yt8m_distill.frame_samplers.frame_sampler import FrameSampler


@keras.saving.register_keras_serializable("yt8m_distill.frame_samplers.middle")
class Middle(FrameSampler):
    """Frames s … s + k − 1 of n with s = ⌊(n − k) / 2⌋.

    "Middle-k" of Bhardwaj et al. (CVPR 2019), section 5.4; measured on the
    video's own length.

    Args:
        k: int, frames to look at.

    Example:

    >>> Middle(k=2).indices([10])
    [[4, 5]]
    """

    def select(self, num_frames, training, seed):
        start = (num_frames - self.k) // 2
        return start + ops.arange(self.k, dtype="int32")
