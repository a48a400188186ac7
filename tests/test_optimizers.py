import keras
import numpy as np
import pytest

from yt8m_distill import optimizers
from yt8m_distill.errors import InputError
from yt8m_distill.fused_adam import FusedAdam


@pytest.mark.parametrize("name", [*optimizers.KERAS, *optimizers.TF_TRAIN])
def test_every_optimizer_makes_a_step(name):
    optimizer = optimizers.build(name, 0.1, clip_gradient_norm=1.0)
    variable = keras.Variable([[1.0, 2.0]])
    optimizer.build([variable])
    optimizer.apply_gradients([(keras.ops.ones((1, 2)), variable)])
    assert keras.ops.convert_to_numpy(variable)[0, 0] < 1
    assert int(optimizer.iterations) == 1


def test_adam_is_that_of_the_starter_code():
    for name in ("Adam", "AdamOptimizer"):
        optimizer = optimizers.build(name, 0.1)
        assert isinstance(optimizer, keras.optimizers.Adam)
        assert optimizer.epsilon == 1e-8
        assert type(optimizer) is FusedAdam


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Adams", "--optimizer=Adams; known: Adadelta, .*, SGD, .*AdamOptim"),
        ("Optimizer", "known: "),
        ("MomentumOptimizer", "needs a momentum"),
    ],
)
def test_unknown_optimizers(name, message):
    with pytest.raises(InputError, match=message):
        optimizers.build(name, 0.1)


def test_rmsprop_is_that_of_tf_train():
    gradients = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    optimizer = optimizers.build("RMSPropOptimizer", 0.1)
    variable = keras.Variable(np.ones(4, "float32"))
    expected, mean_square = np.ones(4), np.ones(4)
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
        mean_square = 0.9 * mean_square + 0.1 * gradient**2
        expected -= 0.1 * gradient / np.sqrt(mean_square + 1e-10)
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(variable), expected, rtol=1e-5
        )
