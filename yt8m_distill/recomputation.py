"""Training in less memory: LSTMs that compute again in the backward pass.

What an LSTM leaves for the backward pass, a dozen values a cell and step, is
most of the memory of a model that reads every frame with it. Here it reads a
few sequences at a time, keeps nothing but what goes in and comes out, and the
backward pass computes each few sequences again right before it needs them. An
LSTM knows neither batch statistics nor, without dropout of its own, chance: so
results are the same, and nothing has to be remembered of moving statistics and
dropout masks.

The same for NeXtVLAD, from the assignment's logits to the residuals, was
written and measured: it needed more memory, not less, as TensorFlow frees most
of what is in between by itself.
"""

import keras
import tensorflow as tf

from yt8m_distill import micro_batches

# The most chunks of a batch; more save little and make small matrix products.
MOST_CHUNKS = 8


def apply(model, batch_size):
    """Makes a model's LSTMs recompute in training.

    Args:
        model: a `VideoClassifier`.
        batch_size: int, videos in each batch that it is trained on.

    Returns:
        int, how many LSTM layers there are.
    """
    chunks = max(
        count for count in range(1, MOST_CHUNKS + 1) if not batch_size % count
    )
    layers = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.LSTM)
        # Dropout in the recurrence would be drawn anew.
        and not (layer.dropout or layer.recurrent_dropout)
    ]
    for layer in layers:
        # Not by assignment, which Keras would track.
        object.__setattr__(layer, "call", in_chunks(layer.call, layer, chunks))
    return len(layers)


def in_chunks(function, layer, count):
    """The same function, in training with less memory.

    Args:
        function: of tensors (or None), and of keyword arguments, to a nest of
            tensors; all tensors, however passed, have the same first dimension,
            along which the function treats rows independently. It uses no
            variables but the layer's, and changes none.
        layer: a built Keras layer.
        count: int, chunks; divides the first dimension.
    """

    piece = _Piece(name="piece", dtype=layer.dtype_policy)

    def chunked(*arguments, training=False, **keywords):
        keywords["training"] = training
        if not training:
            return function(*arguments, **keywords)
        given = tf.nest.flatten((arguments, keywords))
        positions = [i for i, one in enumerate(given) if tf.is_tensor(one)]
        structure = []

        def call(rows, weights):
            values = list(given)
            for position, row in zip(positions, rows):
                values[position] = row
            arguments_, keywords_ = tf.nest.pack_sequence_as(
                (arguments, keywords), values
            )
            mapping = list(zip(layer.variables, weights))
            with keras.StatelessScope(state_mapping=mapping):
                found = piece(
                    function=lambda: function(*arguments_, **keywords_)
                )
            structure[:] = [found]
            return tf.nest.flatten(found)

        rows = [given[position] for position in positions]
        weights = [tf.convert_to_tensor(v.value) for v in layer.variables]
        outputs = _recomputed(call, count, len(rows), rows + weights)
        return tf.nest.pack_sequence_as(structure[0], outputs)

    return chunked


class _Piece(keras.layers.Layer):
    """Calls a function in the layer's precision, in the backward pass too."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.built = True

    def call(self, *, function):
        return function()


def _recomputed(call, count, num_rows, tensors):
    """`call(rows, weights)` in chunks of the rows; tensors are both."""

    @tf.custom_gradient
    def function(*tensors):
        rows, weights = tensors[:num_rows], tensors[num_rows:]
        outputs = _loop(lambda *chunk: call(chunk, weights), count, rows)

        def gradient(*upstream):
            learned = [
                i for i, one in enumerate(tensors) if one.dtype.is_floating
            ]
            learned_rows = [i for i in learned if i < num_rows]
            learned_weights = [i - num_rows for i in learned if i >= num_rows]

            def backward(*chunk):
                chunk, above = chunk[:num_rows], chunk[num_rows:]
                sources = [chunk[i] for i in learned_rows]
                sources += [weights[i] for i in learned_weights]
                with tf.GradientTape(watch_accessed_variables=False) as tape:
                    tape.watch(sources)
                    found = call(chunk, weights)
                gradients = tape.gradient(
                    found,
                    sources,
                    list(above),
                    unconnected_gradients=tf.UnconnectedGradients.ZERO,
                )
                return (
                    gradients[: len(learned_rows)],
                    gradients[len(learned_rows) :],
                )

            of_rows, of_weights = _loop_and_sum(
                backward, count, [*rows, *upstream], upstream
            )
            found = dict(zip(learned_rows, of_rows))
            found |= {
                num_rows + i: one for i, one in zip(learned_weights, of_weights)
            }
            return [found.get(i) for i in range(len(tensors))]

        return outputs, gradient

    return function(*tensors)


def _loop(function, count, rows):
    """`function(*rows)` in chunks, one after the other; list of tensors."""
    joined, _ = _loop_and_sum(
        lambda *chunk: (function(*chunk), []), count, rows, ()
    )
    return joined


def _loop_and_sum(function, count, rows, after):
    """Joins and sums what a function of chunks gives.

    Args:
        function: of a chunk of each of `rows` to a list of tensors that are
            joined, and one of tensors that are summed.
        count: int.
        rows: list of tensors.
        after: tensors that are there before the loop begins.
    """
    with tf.control_dependencies(list(after)):
        chunks = [micro_batches.split(one, count) for one in rows]
    traced = tf.function(function, autograph=False).get_concrete_function(
        *(one[0] for one in chunks)
    )
    joined, summed = traced.structured_outputs
    arrays = [
        tf.TensorArray(one.dtype, count, element_shape=one.shape)
        for one in joined
    ]
    sums = [tf.zeros(one.shape, one.dtype) for one in summed]

    def body(step, arrays, sums):
        joined, summed = traced(*(one[step] for one in chunks))
        return (
            step + 1,
            [array.write(step, one) for array, one in zip(arrays, joined)],
            [total + one for total, one in zip(sums, summed)],
        )

    _, arrays, sums = tf.while_loop(
        lambda step, *_: step < count,
        body,
        (tf.constant(0), arrays, sums),
        parallel_iterations=1,
        maximum_iterations=count,
    )
    return [micro_batches.join(array.stack()) for array in arrays], sums
