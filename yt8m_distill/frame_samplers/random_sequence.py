"""A run of frames at random."""

import keras
from keras import ops

from yt8m_distill.frame_samplers.middle import Middle


@keras.saving.register_keras_serializable(
    "yt8m_distill.frame_samplers.random_sequence"
)
class RandomSequence(Middle):
    """`k` frames in a row, in training from a random one on.

    `SampleRandomSequence` of google/youtube-8m (model_utils.py), where in
    training all n − k + 1 starts are equally likely (there the last one never
    comes); otherwise the frames are those of `middle`, so that scores can be
    repeated.

    Args:
        k: int, frames to look at.

    Example:

    >>> RandomSequence(k=3).indices([10], training=True, seed=1)  # for instance
    [[5, 6, 7]]
    """

    random_in_training = True

    def select(self, num_frames, training, seed):
        if not training:
            return super().select(num_frames, training, seed)
        starts = ops.cast(num_frames - self.k + 1, "float32")
        draw = keras.random.uniform(ops.shape(num_frames), seed=seed)
        start = ops.cast(ops.floor(draw * starts), "int32")
        return start + ops.arange(self.k, dtype="int32")
