"""A batch in equal parts, one after the other: the memory of one of them."""

import tensorflow as tf


def accumulated(function, count):
    """The function of a batch, computed in `count` equal micro-batches.

    Sums and means of the whole batch come of those of its parts wherever a
    value is a mean over videos; batch statistics are those of a micro-batch.

    Args:
        function: of a batch (a dict of tensors of one first dimension) to
            `(means, rows, *more_means)`: nests of tensors, where `rows` have
            the batch's first dimension and all others are means over it.
        count: int, divides the first dimension; 1: the function as it is.

    Returns:
        A function of a batch to the same nests, for the graph of a
        `tf.function`.
    """
    if count == 1:
        return function

    def in_parts(batch):
        parts = {key: split(value, count) for key, value in batch.items()}

        def part(step):
            return {key: value[step] for key, value in parts.items()}

        # Traced once, and what it gives is known before the loop.
        traced = tf.function(function, autograph=False).get_concrete_function(
            part(0)
        )
        means, rows, *more_means = traced.structured_outputs
        sums = tf.nest.map_structure(
            lambda value: tf.zeros(value.shape, value.dtype),
            (means, more_means),
        )
        arrays = tf.nest.map_structure(
            lambda value: tf.TensorArray(
                value.dtype, count, element_shape=value.shape
            ),
            rows,
        )

        def body(step, sums, arrays):
            means, rows, *more_means = traced(part(step))
            sums = tf.nest.map_structure(
                lambda total, value: total + value, sums, (means, more_means)
            )
            arrays = [
                array.write(step, value)
                for array, value in zip(arrays, tf.nest.flatten(rows))
            ]
            return step + 1, sums, arrays

        _, sums, arrays = tf.while_loop(
            lambda step, *_: step < count,
            body,
            (tf.constant(0), sums, tf.nest.flatten(arrays)),
            parallel_iterations=1,
            maximum_iterations=count,
        )
        means, more_means = tf.nest.map_structure(
            lambda total: total / count, sums
        )
        rows = tf.nest.pack_sequence_as(
            rows, [join(array.stack()) for array in arrays]
        )
        return means, rows, *more_means

    return in_parts


def split(value, count):
    """`(count · n, …)` as `(count, n, …)`."""
    shape = tf.concat([[count, -1], tf.shape(value)[1:]], axis=0)
    static = value.shape[0]
    parts = tf.reshape(value, shape)
    parts.set_shape(
        (count, None if static is None else static // count, *value.shape[1:])
    )
    return parts


def join(parts):
    """`(count, n, …)` as `(count · n, …)`."""
    return tf.reshape(parts, tf.concat([[-1], tf.shape(parts)[2:]], axis=0))
