"""From the bytes of a record to feature values."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("yt8m_distill.layers.dequantize")
class Dequantize(keras.layers.Layer):
    """Maps a byte b to b · 4/255 + 4/512 − 2.

    0 → −1.9921875, 255 → 2.0078125: the range [−2, 2] in 255 steps with a bias
    of 4/512. Matches `Dequantize` in utils.py of google/youtube-8m.

    Call arguments:
        frames: uint8 of any shape. Floats pass unchanged: features that were
            never quantised.

    Output shape:
        As the input, in the layer's compute dtype.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.built = True

    def call(self, frames):
        if keras.backend.is_float_dtype(frames.dtype):
            return ops.cast(frames, self.compute_dtype)
        values = ops.cast(frames, self.compute_dtype)
        return values * (4 / 255) + (4 / 512 - 2)

    def compute_output_spec(self, frames):
        return keras.KerasTensor(frames.shape, self.compute_dtype)
