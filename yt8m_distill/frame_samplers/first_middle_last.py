"""A third of the frames from the start, the middle and the end."""

import keras
from keras import ops

from yt8m_distill.frame_samplers.frame_sampler import FrameSampler


@keras.saving.register_keras_serializable(
    "yt8m_distill.frame_samplers.first_middle_last"
)
class FirstMiddleLast(FrameSampler):
    """⌈k/3⌉ first frames, about k/3 in the middle, ⌊k/3⌋ last ones.

    What 3 leaves over of k goes to the first frames, then to the middle, which
    is moved aside where it would overlap the others. "First-Middle-Last-k" of
    Bhardwaj et al. (CVPR 2019), section 5.4; measured on the video's own
    length.

    Args:
        k: int, frames to look at.

    Example:

    >>> FirstMiddleLast(k=6).indices([20])
    [[0, 1, 9, 10, 18, 19]]
    """

    def select(self, num_frames, training, seed):
        first, middle = (self.k + 2) // 3, (self.k + 1) // 3
        last = self.k - first - middle
        start = ops.clip(
            (num_frames - middle) // 2, first, num_frames - last - middle
        )
        row = ops.arange(self.k, dtype="int32")
        return ops.where(
            row < first,
            row,
            ops.where(
                row < first + middle,
                start + row - first,
                num_frames - self.k + row,
            ),
        )
