"""The mean of the frames."""

import keras
from keras import ops

from yt8m_distill.encoders.encoder import Encoder
from yt8m_distill.layers.frame_mask import frame_mask


@keras.saving.register_keras_serializable("yt8m_distill.encoders.mean_pooling")
class MeanPoolingEncoder(Encoder):
    """The mean of the real frames; it has no weights.

    With a logistic head, `FrameLevelLogisticModel` of google/youtube-8m.

    Args:
        feature_sizes: sizes of the features that make up a frame, in order; the
            representation has as many values as a frame.

    Example:

    >>> encoder = MeanPoolingEncoder(feature_sizes=(1024, 128))
    >>> encoder(frames, num_frames)["representation"].shape
    (batch, 1152)
    """

    def __init__(self, feature_sizes=(1024, 128), **kwargs):
        super().__init__(feature_sizes, sum(feature_sizes), **kwargs)

    def call(self, frames, num_frames, training=False):
        mask = frame_mask(num_frames, ops.shape(frames)[1])
        total = ops.sum(
            ops.where(ops.expand_dims(mask, -1), frames, 0.0), axis=1
        )
        count = ops.maximum(ops.expand_dims(num_frames, -1), 1)
        return {"representation": total / ops.cast(count, total.dtype)}

    def products(self, num_frames):
        return []

    def get_config(self):
        config = super().get_config()
        del config["representation_dim"]  # follows from feature_sizes
        return config
