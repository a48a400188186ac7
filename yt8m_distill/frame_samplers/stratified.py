"""Frames at equal distances, each at random within its part while training."""

import keras
from keras import ops

from yt8m_distill.frame_samplers.uniform import Uniform


@keras.saving.register_keras_serializable(
    "yt8m_distill.frame_samplers.stratified"
)
class Stratified(Uniform):
    """`uniform`, but a training step draws a frame from each of `k` parts.

    In training frame i of n is one of ⌊i n / k⌋ … ⌊(i + 1) n / k⌋ − 1, each
    equally likely, drawn for each video and part; otherwise it is the part's
    middle, as of `uniform`. The sparse sampling of Wang et al., "Temporal
    Segment Networks" (ECCV 2016), section 3.1; a stronger augmentation than
    `jittered_uniform`, not in the paper of the students.

    Args:
        k: int, frames to look at.

    Example:

    >>> Stratified(k=2).indices([10], training=False)
    [[2, 7]]
    >>> Stratified(k=2).indices([10], training=True, seed=3)  # for instance
    [[4, 5]]
    """

    random_in_training = True

    def select(self, num_frames, training, seed):
        if not training:
            return super().select(num_frames, training, seed)
        part = ops.arange(self.k, dtype="int32")
        first = part * num_frames // self.k
        length = (part + 1) * num_frames // self.k - first
        drawn = keras.random.uniform(ops.shape(first), seed=seed)
        # Rounding up to 1 would leave the part.
        within = ops.floor(drawn * ops.cast(length, "float32"))
        return first + ops.minimum(ops.cast(within, "int32"), length - 1)
