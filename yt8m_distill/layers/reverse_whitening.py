"""Undoing the whitening that YouTube-8M's frame features went through."""

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable(
    "yt8m_distill.layers.reverse_whitening"
)
class ReverseWhitening(keras.layers.Layer):
    """y = (x − offset) · (√eigenvalues + 1e-4), for each value of a frame.

    YouTube-8M's rgb features were projected on principal components and divided
    by the square root of their eigenvalues; this gives the components back
    their variance. Matches `reverse_whitening` of linrongc/youtube-8m, which
    also takes off the offset that dequantisation adds.

    Args:
        eigenvalues: D floats ≥ 0 in an array or sequence of any shape, saved
            with the layer.
        offset: float.

    Call arguments:
        frames: float `(…, D)`, dequantised.

    Output shape:
        As the input.

    Raises:
        ValueError: an eigenvalue is negative or not finite, or the input has
            another number of values.

    Example:

    >>> ReverseWhitening([4.0, 1.0], offset=0.0)(np.ones((1, 2)))
    [[2.0001, 1.0001]]
    """

    def __init__(self, eigenvalues, offset=4 / 512, **kwargs):
        super().__init__(**kwargs)
        self.eigenvalues = tuple(np.ravel(eigenvalues).astype(float).tolist())
        self.offset = offset
        values = np.array(self.eigenvalues)
        if not (np.isfinite(values).all() and (values >= 0).all()):
            raise ValueError("eigenvalues must be finite and not negative")
        self.scale = np.sqrt(values) + 1e-4

    def build(self, frames_shape):
        if frames_shape[-1] != len(self.eigenvalues):
            raise ValueError(
                f"{len(self.eigenvalues)} eigenvalues for frames of "
                f"{frames_shape[-1]} values; give one for each value"
            )

    def call(self, frames):
        frames = ops.cast(frames, self.compute_dtype)
        return (frames - self.offset) * ops.cast(self.scale, frames.dtype)

    def compute_output_spec(self, frames):
        return keras.KerasTensor(frames.shape, self.compute_dtype)

    def get_config(self):
        return {
            **super().get_config(),
            "eigenvalues": self.eigenvalues,
            "offset": self.offset,
        }
