import json
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import ROOT
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


CASES = [
    "netvlad/plain/xla",
    "netvlad/parallel/no_xla",
    "hierarchical_lstm/serial/xla",
    "mean_pooling/parallel/xla",
    "mean_pooling/serial/no_xla",
]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What one device and two gave in one process; it starts slowly."""
    path = tmp_path_factory.mktemp("replicas") / "found.json"
    subprocess.run(
        [sys.executable, "-m", "tests.replica_losses", path]
        + ["masked_moments", "chance", *CASES],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=600,
        check=True,
    )
    return json.loads(path.read_text())


@pytest.mark.parametrize("case", CASES)
def test_two_devices_learn_what_one_learns(case, found):
    assert found[case]["loss"] < 1e-5
    assert found[case]["moved"] > 1e-3


def test_batch_statistics_are_those_of_all_devices(found):
    one, two = found["masked_moments"]
    for expected, value in zip(one, two, strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-4, atol=5e-4)
    outputs = np.array(two[0])
    assert np.abs(outputs).max() < 10  # the variance kept its digits
    outputs = outputs[np.any(outputs, axis=-1)]
    np.testing.assert_allclose(outputs.mean(0), 0, atol=1e-3)
    np.testing.assert_allclose(outputs.std(0), 1, atol=1e-2)


def test_each_device_has_its_own_chance(found):
    one_device, first, second = found["chance"]
    assert first == one_device
    assert second != first
