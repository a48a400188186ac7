"""Frames at equal distances: uniform-k."""

import keras
from keras import ops

from yt8m_distill.frame_samplers.frame_sampler import FrameSampler


@keras.saving.register_keras_serializable("yt8m_distill.frame_samplers.uniform")
class Uniform(FrameSampler):
    """The middle frame of each of `k` equal parts of the video.

    Frame i of n is ⌊(2i + 1) n / 2k⌋. "Uniform-k" of Bhardwaj et al.,
    "Efficient Video Classification Using Fewer Frames" (CVPR 2019), section
    5.1, centred, and measured on the video's own length.

    Args:
        k: int, frames to look at.

    Example:

    >>> Uniform(k=2).indices([10, 300])
    [[2, 7], [75, 225]]
    """

    def select(self, num_frames, training, seed):
        odd = 2 * ops.arange(self.k, dtype="int32") + 1
        return odd * num_frames // (2 * self.k)
