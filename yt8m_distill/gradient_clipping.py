"""Clips the gradient of each variable as it is applied.

Keras clips what each replica found, before the replicas' gradients are summed,
and in four passes over every gradient, clipped or not.
"""

import tensorflow as tf


def clip_by_norm(gradient, norm):
    """The gradient, shortened to `norm` where it is longer.

    As `tf.clip_by_norm`, but a gradient that is short enough is read once and
    written never.

    Args:
        gradient: float tensor of any shape.
        norm: float.

    Returns:
        A tensor of the same shape and dtype.
    """
    found = tf.sqrt(2 * tf.nn.l2_loss(gradient))
    return tf.cond(
        found > norm, lambda: gradient * (norm / found), lambda: gradient
    )


def clipped(optimizer_class, norm):
    """A Keras optimizer class whose updates are clipped.

    Under a strategy it is the sum of the replicas' gradients that is clipped,
    as on one device.

    Args:
        optimizer_class: subclass of `keras.optimizers.Optimizer`.
        norm: float, largest norm of each variable's gradient; 0: not clipped.

    Returns:
        A subclass of the same name.
    """
    if not norm:
        return optimizer_class

    class Clipped(optimizer_class):
        def update_step(self, gradient, variable, learning_rate):
            super().update_step(
                clip_by_norm(gradient, norm), variable, learning_rate
            )

    # Keras names an optimizer's variables after its class.
    Clipped.__name__ = optimizer_class.__name__
    return Clipped
