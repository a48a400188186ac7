"""Stacks of LSTM layers over padded sequences, for layers and encoders."""

import math

import keras
from keras import ops

from yt8m_distill.layers.projected_lstm import ProjectedLSTM


def make_stack(name, num_layers, units, **arguments):
    """LSTM layers of which each reads what the one before it gives.

    Args:
        name: str; the layers are called `{name}_0`, `{name}_1`, …
        num_layers: int.
        units: int, cells of every layer.
        **arguments: more arguments of `keras.layers.LSTM`.

    Returns:
        list of `ProjectedLSTM`, to be built by `build_stack`.
    """
    return [
        ProjectedLSTM(
            units,
            return_sequences=position < num_layers - 1,
            return_state=True,
            name=f"{name}_{position}",
            **arguments,
        )
        for position in range(num_layers)
    ]


def build_stack(stack, sequences_shape):
    """Makes the weights, initialised as TensorFlow 1's LSTM cells.

    Glorot over the joint kernel of input and state; forget bias 1.

    Args:
        stack: as of `make_stack`.
        sequences_shape: `(batch, steps, D)`.
    """
    batch, steps, width = sequences_shape
    for lstm in stack:
        limit = math.sqrt(6 / (width + lstm.units + 4 * lstm.units))
        uniform = keras.initializers.RandomUniform(-limit, limit)
        lstm.cell.kernel_initializer = uniform
        lstm.cell.recurrent_initializer = uniform.clone()
        lstm.build((batch, steps, width))
        width = lstm.units


def read_stack(
    stack,
    sequences,
    mask,
    representation,
    dropout_layer=None,
    training=False,
):
    """The representation of each sequence after its last real step.

    Args:
        stack: as of `make_stack`, built.
        sequences: float `(batch, steps, D)`.
        mask: bool `(batch, steps)`, True for real steps, padding at the end;
            None: all are real.
        representation: `"state"`, all final states `[c1, h1, c2, h2, …]`; or
            `"output"`, the last layer's h.
        dropout_layer: layer through which go the values that one LSTM layer
            passes on to the next; None: as they are.
        training: bool.

    Returns:
        float `(batch, width)`, 0 for a sequence that the mask hides altogether.
    """
    steps_mask = mask
    if mask is not None:
        # cuDNN refuses a sequence without any step: it gets one, and what
        # comes of it is taken away again.
        none = ops.logical_not(ops.any(mask, axis=1, keepdims=True))
        first = ops.logical_or(mask[:, :1], none)
        steps_mask = ops.concatenate([first, mask[:, 1:]], axis=1)
    states = []
    for position, lstm in enumerate(stack):
        if position and dropout_layer is not None:
            sequences = dropout_layer(sequences, training=training)
        sequences, hidden, cell = lstm(
            sequences, mask=steps_mask, training=training
        )
        states += [cell, hidden]
    if representation == "output":
        values = states[-1]
    else:
        values = ops.concatenate(states, axis=-1)
    if mask is None:
        return values
    return ops.where(ops.any(mask, axis=1, keepdims=True), values, 0.0)
