"""Batch normalisation over the videos of all devices, without padding."""

import keras
from keras import ops

from yt8m_distill import replicas
from yt8m_distill.layers import batch_statistics


@keras.saving.register_keras_serializable(
    "yt8m_distill.layers.batch_normalization"
)
class BatchNormalization(keras.layers.BatchNormalization):
    """Keras' layer, with the statistics of the global batch in training.

    Ioffe and Szegedy, "Batch Normalization" (2015). Under a `tf.distribute`
    strategy of several replicas mean and variance are those of all replicas'
    inputs together, masked ones left out, and gradients flow through them: the
    layer computes what it computes on one device. (Keras' `synchronized=True`
    knows no mask.) Arguments, weights and their names are Keras'.

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

    def call(self, inputs, training=None, mask=None):
        last = self.axis in (-1, len(inputs.shape) - 1)
        if not (training and self.trainable):
            return super().call(inputs, training=training, mask=mask)
        if self.renorm or not (last and self.center and self.scale):
            if replicas.num_replicas() > 1:
                raise ValueError(
                    "over several replicas the axis must be the last, with "
                    "center=True, scale=True and renorm=False"
                )
            return super().call(inputs, training=training, mask=mask)
        rows = ops.reshape(ops.cast(inputs, "float32"), (-1, inputs.shape[-1]))
        if mask is None:
            weights = ops.ones((1, ops.shape(rows)[0]), "float32")
        else:
            weights = ops.reshape(ops.cast(mask, "float32"), (1, -1))
        outputs, mean, variance = batch_statistics.normalized(
            rows,
            weights,
            # Values: TensorFlow's custom gradients take no variables.
            ops.add(self.gamma, 0.0),
            ops.add(self.beta, 0.0),
            self.epsilon,
            replicas.sum_over_replicas,
        )
        for moving, value in (
            (self.moving_mean, mean),
            (self.moving_variance, variance),
        ):
            moving.assign(
                moving * self.momentum + value * (1.0 - self.momentum)
            )
        outputs = ops.reshape(outputs, ops.shape(inputs))
        return ops.cast(outputs, self.compute_dtype)
