"""Frames as they were before they were quantised."""

import keras

from yt8m_distill.input_layers.input_layer import InputLayer


@keras.saving.register_keras_serializable("yt8m_distill.input_layers.none")
class NoNormalization(InputLayer):
    """Dequantised frames, not normalised.

    Args:
        feature_sizes: sizes of the features that make up a frame, in order.

    Example:

    >>> NoNormalization(feature_sizes=(2,))(np.uint8([[[0, 255]]]), [1])
    [[[-1.992, 2.008]]]
    """

    def normalize(self, frames):
        return frames
