import keras
import numpy as np
import pytest
import tensorflow as tf

from yt8m_distill.fused_adam import FusedAdam


def gradients(steps):
    generator = np.random.default_rng(0)
    return generator.normal(size=(steps, 3, 4)).astype("float32")


def train(optimizer, variable, steps, in_graph=True):
    def step(gradient):
        optimizer.apply([gradient], [variable])

    if in_graph:
        step = tf.function(step)
    for gradient in steps:
        step(tf.constant(gradient))


@pytest.mark.parametrize("in_graph", [False, True])
def test_updates_are_those_of_the_paper(in_graph):
    variable = keras.Variable(np.ones((3, 4), "float32"))
    schedule = keras.optimizers.schedules.ExponentialDecay(
        0.1, decay_steps=2, decay_rate=0.5
    )
    optimizer = FusedAdam(schedule, beta_1=0.8, epsilon=1e-3)
    optimizer.build([variable])
    train(optimizer, variable, gradients(5), in_graph)
    expected, first, second = np.ones((3, 4)), 0.0, 0.0
    for step, gradient in enumerate(gradients(5).astype(float), start=1):
        first = 0.8 * first + 0.2 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        # Kingma and Ba, the remark after Algorithm 1: ε before the correction.
        rate = 0.1 * 0.5 ** ((step - 1) / 2)
        rate *= np.sqrt(1 - 0.999**step) / (1 - 0.8**step)
        expected -= rate * first / (np.sqrt(second) + 1e-3)
    np.testing.assert_allclose(variable.numpy(), expected, rtol=1e-5)


def test_goes_on_where_keras_stopped():
    ends = []
    for classes in ((FusedAdam, keras.optimizers.Adam), (FusedAdam,) * 2):
        variable = keras.Variable(np.ones((3, 4), "float32"))
        state = None
        for optimizer_class, steps in zip(
            classes, np.split(gradients(6), 2), strict=True
        ):
            optimizer = optimizer_class(0.1)
            optimizer.build([variable])
            if state:
                optimizer.load_own_variables(state)
            train(optimizer, variable, steps)
            state = {}
            optimizer.save_own_variables(state)
        ends.append(variable.numpy())
    np.testing.assert_allclose(*ends, rtol=1e-5)
