"""Exponential moving averages of the weights that are trained."""

import contextlib

import keras
from keras import ops


class WeightAverages(keras.layers.Layer):
    """The averages of some weights over the training steps.

    After step t every average moves towards its weight,

        average ← m average + (1 − m) weight, m = min(momentum, (1+t)/(10+t)),

    so that it forgets the initial weights within a few steps whatever the
    momentum is; as `tf.train.ExponentialMovingAverage` with `num_updates`.

    Args:
        weights: list of `keras.Variable`; the averages start as their values.
        momentum: float in (0, 1).
    """

    def __init__(self, weights, momentum, **kwargs):
        super().__init__(dtype="float32", trainable=False, **kwargs)
        self.momentum = momentum
        # Behind a function, so that Keras does not save them here too.
        self._get_weights = lambda: weights
        self.averages = [
            self.add_weight(
                name=f"average_{number}",
                shape=weight.shape,
                initializer=_as(weight),
                trainable=False,
                autocast=False,
            )
            for number, weight in enumerate(weights)
        ]
        self.built = True

    def update(self, step):
        """Moves the averages.

        Args:
            step: scalar tensor, steps that are done, this one included.
        """
        step = ops.cast(step, "float32")
        keep = ops.minimum(self.momentum, (1 + step) / (10 + step))
        for average, weight in zip(self.averages, self._get_weights()):
            average.assign(keep * average + (1 - keep) * weight)

    @contextlib.contextmanager
    def in_place(self):
        """Within it, the weights have the averages' values."""
        weights = self._get_weights()
        values = [weight.numpy() for weight in weights]
        for weight, average in zip(weights, self.averages):
            weight.assign(average.numpy())
        try:
            yield
        finally:
            for weight, value in zip(weights, values):
                weight.assign(value)


def _as(weight):
    """An initializer that gives a weight's value."""
    return lambda shape, dtype=None: ops.convert_to_tensor(weight.numpy())
