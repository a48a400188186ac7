"""Batch normalisation over the videos of all devices, without padding."""

import keras
from keras import ops

from yt8m_distill import replicas


@keras.saving.register_keras_serializable(
    "yt8m_distill.layers.batch_normalization"
)
class BatchNormalization(keras.layers.BatchNormalization):
    """Keras' layer, with the statistics of the global batch in training.

    Ioffe and Szegedy, "Batch Normalization" (2015). Under a `tf.distribute`
    strategy of several replicas mean and variance are those of all replicas'
    inputs together, masked ones left out, and gradients flow through them: the
    layer computes what it computes on one device. (Keras' `synchronized=True`
    knows no mask.) With one replica it is Keras' own layer. Arguments, weights
    and their names are Keras'.

    The variance is the mean squared distance from the mean, in float32 whatever
    the policy: the difference of large moments would lose its digits.

    Call arguments:
        inputs: float `(batch, ..., channels)`.
        training: whether batch statistics are used and collected.
        mask: bool, of the inputs' shape without channels; False is left out.

    Example:

    >>> BatchNormalization()(keras.ops.ones((2, 8)), training=True)[0, 0]
    0.0
    """

    def _moments(self, inputs, mask):
        if replicas.num_replicas() == 1:
            return super()._moments(inputs, mask)
        if mask is None:
            weights = ops.ones_like(inputs[..., :1])
        else:
            weights = ops.cast(ops.expand_dims(mask, -1), inputs.dtype)
        if self.axis not in (-1, len(inputs.shape) - 1):
            raise ValueError(
                f"axis={self.axis}: over several replicas it must be the last"
            )
        axes = self._reduction_axes
        # As Keras does: what is masked may be anything, NaN too.
        inputs = ops.where(weights > 0, inputs, 0)
        sums = replicas.sum_over_replicas(
            ops.concatenate(
                [ops.sum(inputs, axes), ops.sum(weights, axes)], axis=0
            )
        )
        count = ops.maximum(sums[-1], keras.config.epsilon())
        mean = sums[:-1] / count
        distances = ops.square(inputs - mean) * weights
        variance = replicas.sum_over_replicas(ops.sum(distances, axes)) / count
        return mean, variance
