"""Stacks of LSTM layers over padded sequences, for layers and encoders."""

import math

import keras
from keras import ops


def make_stack(name, num_layers, units, **arguments):
    """LSTM layers of which each reads what the one before it gives.

    Args:
        name: str; the layers are called `{name}_0`, `{name}_1`, …
        num_layers: int.
        units: int, cells of every layer.
        **arguments: more arguments of `keras.layers.LSTM`.

    Returns:
        list of `keras.layers.LSTM`, to be built by `build_stack`.
    """
    return [
        keras.layers.LSTM(
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
        sequences, hidden, cell = _read(lstm, sequences, steps_mask, training)
        states += [cell, hidden]
    if representation == "output":
        values = states[-1]
    else:
        values = ops.concatenate(states, axis=-1)
    if mask is None:
        return values
    return ops.where(ops.any(mask, axis=1, keepdims=True), values, 0.0)


def _read(lstm, sequences, mask, training):
    """What an LSTM layer gives, as the layer itself.

    Where no kernel of its own reads whole sequences, inputs of all steps are
    multiplied at once; in each step only the state is left to multiply. Large
    products are faster, and gradients of the kernel need not be added up: a
    tenth of the time.
    """
    if lstm.unroll or not lstm.supports_jit or sequences.shape[1] is None:
        return lstm(sequences, mask=mask, training=training)
    cell = lstm.cell
    sequences = ops.cast(sequences, lstm.compute_dtype)
    batch, steps, size = ops.shape(sequences)
    # Steps first: then those of one step lie together.
    by_step = ops.reshape(ops.transpose(sequences, (1, 0, 2)), (-1, size))
    projected = ops.reshape(
        ops.add(
            ops.matmul(by_step, _of(cell.kernel, lstm)), _of(cell.bias, lstm)
        ),
        (steps, -1, 4 * lstm.units),
    )
    recurrent_kernel = _of(cell.recurrent_kernel, lstm)
    zeros = ops.zeros((batch, lstm.units), lstm.compute_dtype)

    def step(state, inputs):
        hidden, memory = state
        gates = inputs[0] + ops.matmul(hidden, recurrent_kernel)
        enter, forget, change, leave = ops.split(gates, 4, axis=1)
        new_memory = ops.sigmoid(forget) * memory
        new_memory = new_memory + ops.sigmoid(enter) * ops.tanh(change)
        new_hidden = ops.sigmoid(leave) * ops.tanh(new_memory)
        if mask is not None:
            new_hidden = ops.where(inputs[1], new_hidden, hidden)
            new_memory = ops.where(inputs[1], new_memory, memory)
        return (new_hidden, new_memory), (new_hidden, new_memory)

    given = (projected,)
    if mask is not None:
        given += (ops.expand_dims(ops.transpose(mask), -1),)
    (hidden, memory), (outputs, _) = ops.scan(step, (zeros, zeros), given)
    return ops.transpose(outputs, (1, 0, 2)), hidden, memory


def _of(weight, lstm):
    return ops.cast(weight, lstm.compute_dtype)
