"""The contract of input layers."""

import keras
from keras import ops

from yt8m_distill.layers.dequantize import Dequantize
from yt8m_distill.layers.frame_mask import frame_mask


class InputLayer(keras.layers.Layer):
    """Dequantises frames, normalises them and zeroes the padding.

    A subclass overrides `normalize`; which one a model uses is saved in it.

    Args:
        feature_sizes: sizes of the features that make up a frame, in order.

    Call arguments:
        frames: uint8 (or float, never quantised) `(batch, max_frames, D)`.
        num_frames: int32 `(batch,)`.

    Output shape:
        float `(batch, max_frames, D)`, exactly 0 in padded frames.
    """

    def __init__(self, feature_sizes=(1024, 128), **kwargs):
        super().__init__(**kwargs)
        self.feature_sizes = tuple(feature_sizes)
        self.dequantize = Dequantize(dtype=self.dtype_policy)

    def normalize(self, frames):
        """Maps dequantised frames `(batch, max_frames, D)` to their input."""
        raise NotImplementedError

    def call(self, frames, num_frames):
        mask = frame_mask(num_frames, ops.shape(frames)[1])
        values = self.normalize(self.dequantize(frames))
        return ops.where(ops.expand_dims(mask, -1), values, 0.0)

    def compute_output_spec(self, frames, num_frames):
        return keras.KerasTensor(frames.shape, self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "feature_sizes": self.feature_sizes}
