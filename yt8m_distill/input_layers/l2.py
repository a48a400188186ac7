"""Frames of unit length."""

import keras

from yt8m_distill.input_layers.input_layer import InputLayer
from yt8m_distill.layers.l2_normalize import l2_normalize


@keras.saving.register_keras_serializable("yt8m_distill.input_layers.l2")
class L2(InputLayer):
    """Scales each frame, all its features together, to unit length.

    The convention of google/youtube-8m, WILLOW and Bhardwaj et al.

    Args:
        feature_sizes: sizes of the features that make up a frame, in order.

    Example:

    >>> L2(feature_sizes=(2,))(np.uint8([[[0, 255]]]), [1])
    [[[-0.70, 0.71]]]
    """

    def normalize(self, frames):
        return l2_normalize(frames)
