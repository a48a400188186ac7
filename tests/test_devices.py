import pytest
import tensorflow as tf

from yt8m_distill import devices
from yt8m_distill.errors import InputError

TWO = ["GPU:0", "GPU:1"]


@pytest.mark.parametrize(
    ("gpus", "num_gpu", "expected"),
    [
        (TWO, 0, TWO),
        (TWO, 1, ["GPU:0"]),
        (TWO, 2, TWO),
        ([], 0, []),
        ([], 1, []),
    ],
)
def test_the_first_gpus_are_used(gpus, num_gpu, expected):
    assert devices.chosen_gpus(gpus, "auto", num_gpu) == expected


@pytest.mark.parametrize(
    ("gpus", "distribution", "num_gpu", "message"),
    [
        (TWO, "auto", 3, "--num_gpu=3, but TensorFlow finds 2 GPUs"),
        ([], "auto", 2, "--num_gpu=2, but TensorFlow finds 0 GPUs"),
        (TWO, "one_device", 2, "exclude each other"),
    ],
)
def test_more_gpus_than_there_are(gpus, distribution, num_gpu, message):
    with pytest.raises(InputError, match=message):
        devices.chosen_gpus(gpus, distribution, num_gpu)


def test_the_strategy_of_one_device():
    assert devices.strategy("auto", 1) is tf.distribute.get_strategy()
