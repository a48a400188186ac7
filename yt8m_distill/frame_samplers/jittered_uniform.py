"""Frames at equal distances, at a random phase while training."""

import keras
from keras import ops

from yt8m_distill.frame_samplers.uniform import Uniform


@keras.saving.register_keras_serializable(
    "yt8m_distill.frame_samplers.jittered_uniform"
)
class JitteredUniform(Uniform):
    """`uniform`, but a training step moves each video's frames together.

    In training frame i of n is ⌊(i + u) n / k⌋ with one u ~ U[0, 1) a video, so
    that over the epochs every frame is seen; otherwise u = 1/2, which is
    `uniform`. An augmentation: not in the paper.

    Args:
        k: int, frames to look at.

    Example:

    >>> JitteredUniform(k=2).indices([10], training=False)
    [[2, 7]]
    >>> JitteredUniform(k=2).indices([10], training=True, seed=3)  # or 0 … 4
    [[1, 6]]
    """

    random_in_training = True

    def select(self, num_frames, training, seed):
        if not training:
            return super().select(num_frames, training, seed)
        phase = keras.random.uniform(ops.shape(num_frames), seed=seed)
        positions = ops.arange(self.k, dtype="float32") + phase
        length = ops.cast(num_frames, "float32")
        return ops.cast(ops.floor(positions * length / self.k), "int32")
