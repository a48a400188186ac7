"""The Keras metrics against the exact ones."""

import importlib.util
import itertools
import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import ROOT
from tests.metric_results import all_metrics, results
from yt8m_distill import keras_metrics
from yt8m_distill.metrics import VideoMetrics

NAMES = ("gap", "map", "hit_at_1", "perr")
# of GAP and mAP, which count in bins
TOLERANCES = {"gap": 1e-4, "map": 1e-3, "hit_at_1": 1e-6, "perr": 1e-6}


def exact(labels, probabilities, top_k=20):
    metrics = VideoMetrics(labels.shape[1], top_k)
    metrics.update(probabilities, labels)
    return {name: metrics.result()[name] for name in NAMES}


def assert_close(found, expected):
    assert set(found) == set(NAMES)
    for name, tolerance in TOLERANCES.items():
        assert found[name] == pytest.approx(expected[name], abs=tolerance), name


def after(labels, predictions, weights=None, **arguments):
    """Results of all metrics after one batch."""
    metrics = all_metrics(labels.shape[1], **arguments)
    for metric in metrics:
        metric.update_state(labels, predictions, weights)
    return results(metrics)


def made_up(videos, classes, seed=0, scale=1.0):
    """Labels and logits that know something about them."""
    random = np.random.default_rng(seed)
    labels = random.random((videos, classes)) < 3 / (classes + 3)
    logits = random.normal(-4, 1.5, (videos, classes))
    logits += random.normal(4, 2, (videos, classes)) * labels
    return labels.astype("float32"), (scale * logits).astype("float32")


def sigmoid(logits):
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-logits))


CASES = {
    "probable": made_up(3000, 40),
    "confident": made_up(3000, 40, 1, scale=3.0),
    "few classes": made_up(500, 7, 2),
    "one class": made_up(500, 1, 3),
    "no labels": (np.zeros((20, 30), "float32"), made_up(20, 30)[1]),
    "soft labels": (made_up(300, 30)[0] - 0.5, made_up(300, 30)[1]),
    "certain": (np.eye(25, dtype="float32"), 200 * np.eye(25) - 100.0),
    "videos without labels": (
        made_up(400, 30, 4)[0] * (np.arange(400)[:, None] % 2),
        made_up(400, 30, 4)[1],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_equals_the_exact_metrics(name):
    labels, logits = CASES[name]
    probabilities = sigmoid(logits).astype("float32")
    expected = exact(labels, probabilities)
    assert_close(after(labels, probabilities), expected)
    assert_close(after(labels, logits, from_logits=True), expected)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "float64"])
def test_labels_and_predictions_of_any_type(dtype):
    labels, logits = CASES["few classes"]
    expected = after(labels, sigmoid(logits))
    assert after(labels.astype(dtype), sigmoid(logits)) == expected
    half = sigmoid(logits).astype("float16")
    assert_close(after(labels, half), exact(labels, half.astype("float32")))


def test_full_vocabulary():
    labels, logits = made_up(2000, 3862, 5)
    expected = exact(labels, sigmoid(logits))
    found = after(labels, sigmoid(logits))
    # with so few videos a class the bins' errors do not level out
    assert found.pop("map") == pytest.approx(expected.pop("map"), abs=2e-3)
    assert found == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("num_bins", [64, 1024, 8192])
def test_more_bins_are_closer(num_bins):
    labels, logits = CASES["probable"]
    expected = exact(labels, sigmoid(logits))
    for name, metric in (
        ("gap", keras_metrics.GlobalAveragePrecision(num_bins=num_bins)),
        ("map", keras_metrics.MeanAveragePrecision(40, num_bins=num_bins)),
    ):
        metric.update_state(labels, sigmoid(logits))
        error = abs(float(metric.result()) - expected[name])
        assert error < 2 / num_bins**1.2


@pytest.mark.parametrize("labels", [[1], [1, 0], [1, 1], [1, 1, 0, 0, 0]])
def test_the_order_within_a_bin_counts_as_random(labels):
    column = np.array(labels)[:, None]
    orders = itertools.permutations(range(len(labels)))
    over_orders = [
        exact(column, np.array(order)[:, None])["gap"] for order in orders
    ]
    metric = keras_metrics.GlobalAveragePrecision(num_bins=1)
    assert float(metric(column, np.full(column.shape, 0.5))) == pytest.approx(
        np.mean(over_orders), abs=1e-6 if len(labels) <= 2 else 0.03
    )


def test_top_k():
    labels, logits = CASES["probable"]
    expected = exact(labels, sigmoid(logits), top_k=2)
    for name, metric in (
        ("gap", keras_metrics.GlobalAveragePrecision(top_k=2)),
        ("map", keras_metrics.MeanAveragePrecision(40, top_k=2)),
    ):
        assert float(metric(labels, sigmoid(logits))) == pytest.approx(
            expected[name], abs=TOLERANCES[name]
        )


def test_perr_of_a_video_with_more_labels_than_max_labels():
    labels, predictions = [[1, 1, 1, 0]], [[0.9, 0.8, 0.7, 0.1]]
    for max_labels, share in ((1, 1 / 3), (2, 2 / 3), (3, 1), (9, 1)):
        perr = keras_metrics.PrecisionAtEqualRecallRate(max_labels=max_labels)
        assert float(perr(labels, predictions)) == pytest.approx(share)


def test_perr_leaves_out_probabilities_of_zero():
    labels, predictions = np.array([[1, 1, 0]]), np.array([[0.9, 0.0, 0.0]])
    found = after(labels, predictions)
    assert found["perr"] == exact(labels, predictions)["perr"] == 0.5
    perr = keras_metrics.PrecisionAtEqualRecallRate(from_logits=True)
    assert float(perr(labels, [[0.9, 0.0, -1.0]])) == 1


@pytest.mark.parametrize("jit_compile", [False, True])
def test_batches_in_a_graph(jit_compile):
    labels, logits = CASES["probable"]
    metrics = all_metrics(40)

    @tf.function(
        jit_compile=jit_compile,
        input_signature=[tf.TensorSpec((None, 40)), tf.TensorSpec((None, 40))],
    )
    def update(labels, predictions):
        for metric in metrics:
            metric.update_state(labels, predictions)
        return {metric.name: metric.result() for metric in metrics}

    for start in range(0, len(labels), 700):  # the last one is smaller
        batch = slice(start, start + 700)
        found = update(labels[batch], sigmoid(logits[batch]))
    at_once = after(labels, sigmoid(logits))
    assert {k: float(v) for k, v in found.items()} == pytest.approx(
        at_once, rel=1e-5
    )
    assert results(metrics) == pytest.approx(at_once, rel=1e-5)


def test_sample_weights():
    labels, logits = CASES["probable"]
    probabilities = sigmoid(logits)
    weights = np.arange(len(labels)) % 3  # out, once, twice
    times = np.repeat(np.arange(len(labels)), weights)
    expected = after(labels[times], probabilities[times])
    for given in (weights, weights[:, None].astype("float32")):
        assert after(labels, probabilities, given) == pytest.approx(
            expected, rel=1e-5
        )
    assert after(labels, probabilities, 0 * weights) == dict.fromkeys(NAMES, 0)


def test_nan_is_not_hidden():
    labels, logits = CASES["few classes"]
    predictions = sigmoid(logits)
    predictions[3] = np.nan
    assert np.isnan(list(after(labels, predictions).values())).all()
    weights = np.arange(len(labels)) != 3
    assert_close(
        after(labels, predictions, weights),
        exact(labels[weights], predictions[weights]),
    )


def test_reset():
    metrics = all_metrics(7)
    assert results(metrics) == dict.fromkeys(NAMES, 0)
    for metric in metrics:
        metric.update_state(*CASES["few classes"])
        metric.reset_state()
    assert results(metrics) == dict.fromkeys(NAMES, 0)


def test_is_rebuilt_from_its_config():
    labels, logits = CASES["few classes"]
    for metric in (
        keras_metrics.GlobalAveragePrecision(3, 64, True, "a"),
        keras_metrics.MeanAveragePrecision(7, 3, 64, True, "b"),
        keras_metrics.HitAtOne(True, "c"),
        keras_metrics.PrecisionAtEqualRecallRate(2, True, "d", "float64"),
    ):
        rebuilt = keras.saving.deserialize_keras_object(
            json.loads(json.dumps(keras.saving.serialize_keras_object(metric)))
        )
        assert type(rebuilt) is type(metric)
        assert rebuilt.get_config() == metric.get_config()
        assert float(rebuilt(labels, logits)) == float(metric(labels, logits))


def test_what_cannot_be_used_is_refused():
    for make in (
        lambda: keras_metrics.GlobalAveragePrecision(top_k=0),
        lambda: keras_metrics.GlobalAveragePrecision(num_bins=1.5),
        lambda: keras_metrics.MeanAveragePrecision(0),
        lambda: keras_metrics.PrecisionAtEqualRecallRate(max_labels=True),
    ):
        with pytest.raises(ValueError, match="must be a whole number"):
            make()
    for metric in all_metrics(3):
        with pytest.raises(ValueError, match=r"\(1, 3\) and predictions \(1,"):
            metric.update_state(np.ones((1, 3)), np.ones((1, 2)))
        with pytest.raises(ValueError, match="same shape"):
            metric.update_state(np.ones(3), np.ones(3))
    for num_classes in (2, 4):
        batch = np.ones((1, num_classes))
        with pytest.raises(ValueError, match="num_classes=3"):
            all_metrics(3)[1].update_state(batch, batch)


FIT = """
import keras
import numpy as np
from tests.metric_results import all_metrics

def fit(labels, logits, jit_compile):
    # a model that says what it is given, and learns nothing
    output = keras.layers.Dense(
        logits.shape[1], "sigmoid", kernel_initializer="identity"
    )
    model = keras.Sequential([keras.Input(logits.shape[1:]), output])
    model.compile(
        keras.optimizers.SGD(0.0),
        loss="binary_crossentropy",
        metrics=all_metrics(labels.shape[1]),
        jit_compile=jit_compile,
    )
    history = model.fit(
        logits,
        labels,
        batch_size=100,
        epochs=2,
        verbose=0,
        validation_data=(logits[::2], labels[::2]),
    ).history
    return {name: values[-1] for name, values in history.items()}
"""
MIRRORED = (
    FIT
    + """
import json, sys
import tensorflow as tf

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)
given = np.load(sys.argv[1])
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
assert strategy.num_replicas_in_sync == 2
with strategy.scope():
    # Keras' fit cannot compile for two CPUs: XLA refuses the other's variables.
    print(json.dumps(fit(given["labels"], given["logits"], jit_compile=False)))
"""
)


def assert_fitted(history, labels, logits):
    assert_close(
        {name: history[name] for name in NAMES}, exact(labels, sigmoid(logits))
    )
    assert_close(
        {name: history[f"val_{name}"] for name in NAMES},
        exact(labels[::2], sigmoid(logits[::2])),
    )


@pytest.mark.parametrize("jit_compile", [False, True])
def test_in_fit(jit_compile):
    labels, logits = made_up(950, 30, 6)
    namespace = {}
    exec(FIT, namespace)
    assert_fitted(namespace["fit"](labels, logits, jit_compile), labels, logits)


def test_two_replicas(tmp_path):
    labels, logits = made_up(950, 30, 6)
    np.savez(tmp_path / "in.npz", labels=labels, logits=logits)
    done = subprocess.run(
        [sys.executable, "-c", MIRRORED, tmp_path / "in.npz"],
        capture_output=True,
        timeout=240,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    assert_fitted(json.loads(done.stdout), labels, logits)


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends(backend, tmp_path):
    if not importlib.util.find_spec(backend):
        pytest.skip(f"{backend} is not installed: pip install {backend}")
    labels, logits = CASES["probable"]
    weights = (np.arange(len(labels)) % 3).astype("float32")
    np.savez(
        tmp_path / "in.npz",
        labels=labels,
        predictions=sigmoid(logits),
        weights=weights,
    )
    subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.metric_results",
            tmp_path / "in.npz",
            tmp_path / "out.npz",
        ],
        env={**os.environ, "KERAS_BACKEND": backend},
        cwd=ROOT,
        timeout=240,
        check=True,
    )
    found = np.load(tmp_path / "out.npz")
    assert {name: float(found[name]) for name in NAMES} == pytest.approx(
        after(labels, sigmoid(logits), weights), abs=1e-5
    )
