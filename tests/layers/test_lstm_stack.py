import keras
import numpy as np
import pytest
import tensorflow as tf

from yt8m_distill.layers import lstm_stack

SEQUENCES = (
    np.random.default_rng(0).standard_normal((3, 6, 4)).astype("float32")
)
MASK = np.arange(6) < np.array([[6], [1], [4]])


def stack(dtype="float32"):
    layers = lstm_stack.make_stack("lstm", 2, 5, dtype=dtype)
    lstm_stack.build_stack(layers, SEQUENCES.shape)
    return layers


def by_keras(layers, sequences, mask):
    """States of the stack, each step's input multiplied in that step."""
    states = []
    for layer in layers:
        sequences, hidden, cell = keras.layers.LSTM.call(
            layer, sequences, mask=mask
        )
        states += [cell, hidden]
    return tf.concat(states, axis=-1)


@pytest.mark.parametrize("mask", [None, MASK])
@pytest.mark.parametrize("in_graph", [False, True])
def test_equals_keras_with_its_gradients(mask, in_graph):
    layers = stack()
    variables = [v.value for one in layers for v in one.trainable_variables]

    def values_and_gradients(read, sequences):
        with tf.GradientTape() as tape:
            tape.watch(sequences)
            states = read(sequences)
            total = tf.reduce_sum(states * tf.range(20.0))
        return states, tape.gradient(total, [sequences, *variables])

    def own(sequences):
        return lstm_stack.read_stack(layers, sequences, mask, "state")

    def reference(sequences):
        return by_keras(layers, sequences, mask)

    found = [
        (
            tf.function(values_and_gradients)
            if in_graph
            else values_and_gradients
        )(read, tf.constant(SEQUENCES))
        for read in (own, reference)
    ]
    for one, other in zip(*map(tf.nest.flatten, found), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_a_batch_of_unknown_size_and_length():
    layers = stack()
    read = tf.function(
        lambda sequences, mask: lstm_stack.read_stack(
            layers, sequences, mask, "output"
        ),
        input_signature=[
            tf.TensorSpec((None, None, 4), tf.float32),
            tf.TensorSpec((None, None), tf.bool),
        ],
    )
    for count, steps in ((3, 6), (2, 3)):
        np.testing.assert_allclose(
            read(SEQUENCES[:count, :steps], MASK[:count, :steps]),
            lstm_stack.read_stack(
                layers,
                SEQUENCES[:count, :steps],
                MASK[:count, :steps],
                "output",
            ),
            atol=1e-6,
        )


def test_half_precision_is_near():
    layers, halves = stack(), stack("mixed_bfloat16")
    for one, half in zip(layers, halves, strict=True):
        half.set_weights(one.get_weights())
    found = lstm_stack.read_stack(halves, SEQUENCES, MASK, "state")
    assert found.dtype == tf.bfloat16
    np.testing.assert_allclose(
        tf.cast(found, tf.float32),
        lstm_stack.read_stack(layers, SEQUENCES, MASK, "state"),
        atol=0.03,
    )
