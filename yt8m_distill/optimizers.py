"""Optimizers by name: those of Keras, and those of tf.train that it has."""

import keras

from yt8m_distill.errors import InputError
from yt8m_distill.fused_adam import FusedAdam
from yt8m_distill.gradient_clipping import clipped

# Keras optimizers that work with a learning rate and nothing else.
KERAS = (
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lamb",
    "Lion",
    "Nadam",
    "RMSprop",
    "SGD",
)
# Of tf.train: the class in Keras, and what it takes to compute the same.
# Without penalties, which the starter code does not give them, the proximal
# ones are the plain ones.
TF_TRAIN = {
    "AdadeltaOptimizer": ("Adadelta", {"epsilon": 1e-8}),
    "AdagradOptimizer": ("Adagrad", {}),
    "AdamOptimizer": ("Adam", {}),
    "FtrlOptimizer": ("Ftrl", {}),
    "GradientDescentOptimizer": ("SGD", {}),
    "ProximalAdagradOptimizer": ("Adagrad", {}),
    "ProximalGradientDescentOptimizer": ("SGD", {}),
    "RMSPropOptimizer": ("RMSprop", {"epsilon": 1e-10}),
}
DEFAULTS = {"Adam": {"epsilon": 1e-8}}


class RMSPropOptimizer(keras.optimizers.RMSprop):
    """That of tf.train: the mean of squared gradients starts at 1.

    Keras' starts at 0, which makes the first steps several times as large.
    """

    def add_variable_from_reference(
        self, reference_variable, name=None, initializer="zeros"
    ):
        return super().add_variable_from_reference(
            reference_variable, name, "ones"
        )


# Where Keras' own class computes something else, or more slowly.
_OWN = {
    "Adam": FusedAdam,
    "AdamOptimizer": FusedAdam,
    "RMSPropOptimizer": RMSPropOptimizer,
}


def build(name, learning_rate, clip_gradient_norm=0.0, scale_loss=False):
    """Builds an optimizer.

    Args:
        name: str of `KERAS` or `TF_TRAIN`. Adam has the ε of tf.train, 1e-8.
        learning_rate: float or Keras schedule.
        clip_gradient_norm: float, largest norm of each variable's gradient; 0:
            not clipped.
        scale_loss: whether the loss is scaled, as float16 needs it: by a factor
            that is halved, and the step left out, when a gradient overflows,
            and doubled after 2,000 steps without (Micikevicius et al., "Mixed
            precision training", 2018).

    Returns:
        A Keras optimizer.

    Raises:
        InputError: there is no such optimizer; lists those that are.
    """
    if name == "MomentumOptimizer":
        raise InputError(
            "--optimizer=MomentumOptimizer needs a momentum, for which the "
            "starter code has no flag; give GradientDescentOptimizer or Adam"
        )
    keras_name, arguments = TF_TRAIN.get(name, (name, {}))
    if keras_name not in KERAS:
        raise InputError(
            f"--optimizer={name}; known: {', '.join((*KERAS, *TF_TRAIN))}"
        )
    optimizer_class = _OWN.get(name) or getattr(keras.optimizers, keras_name)
    optimizer = clipped(optimizer_class, clip_gradient_norm)(
        learning_rate,
        **DEFAULTS.get(keras_name, {}),
        **arguments,
    )
    if scale_loss:
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def scales_loss(optimizer):
    """Whether an optimizer scales the loss, and leaves steps out."""
    return isinstance(optimizer, keras.optimizers.LossScaleOptimizer)


def last_learning_rate(optimizer):
    """The learning rate of the step that was made last, a float.

    That of the optimizer itself is already the next step's.
    """
    if scales_loss(optimizer):
        optimizer = optimizer.inner_optimizer
    rate = optimizer._learning_rate
    if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        rate = rate(keras.ops.maximum(optimizer.iterations - 1, 0))
    return float(rate)
