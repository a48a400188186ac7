"""Losses of the labels against their formulas in plain NumPy, on float64."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from yt8m_distill import parts
from yt8m_distill.distillation_losses.cross_entropy import CrossEntropyLoss
from yt8m_distill.distillation_losses.hinge import HingeLoss
from yt8m_distill.distillation_losses.softmax import SoftmaxLoss
from yt8m_distill.errors import InputError

RANDOM = np.random.default_rng(0)
# The last video has no label.
LABELS = np.float32([[1, 0, 0, 1], [0, 1, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]])
LOGITS = 3 * RANDOM.standard_normal((4, 4)).astype("float32")
CLASS_WEIGHTS = np.float32(
    [[1, 0, 1, 1], [0, 0, 0, 0], [0.5, 1, 2, 0], [1, 1, 0, 1]]
)


def sigmoid(x):
    return 1 / (1 + np.exp(-np.float64(x)))


def cross_entropy(epsilon):
    p = sigmoid(LOGITS)
    return -(
        LABELS * np.log(p + epsilon) + (1 - LABELS) * np.log(1 - p + epsilon)
    )


def hinge():
    return np.maximum(0, 1 - (2 * LABELS - 1) * sigmoid(LOGITS))


def softmax():
    terms = np.zeros(LABELS.shape)
    for video, logits in enumerate(np.float64(LOGITS)):
        shares = np.exp(logits) / np.exp(logits).sum()
        labelled = np.flatnonzero(LABELS[video])
        terms[video, labelled] = -np.log(shares[labelled]) / len(labelled)
    return terms


# Spec → the terms of its sum over the classes.
TERMS = {
    "ce": cross_entropy(0),
    "ce(epsilon=1e-5)": cross_entropy(1e-5),
    "ce(epsilon=0.1)": cross_entropy(0.1),
    "hinge": hinge(),
    "softmax": softmax(),
}


@pytest.mark.parametrize("in_graph", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("spec", TERMS)
def test_equals_numpy(spec, weighted, in_graph):
    loss = parts.get("distillation_losses", spec)
    function = tf.function(lambda *outputs: loss(*outputs))
    terms, teacher = TERMS[spec], {"labels": LABELS}
    if weighted:
        terms = terms * CLASS_WEIGHTS
        teacher["class_weights"] = CLASS_WEIGHTS
    values = (function if in_graph else loss)(teacher, {"logits": LOGITS})
    np.testing.assert_allclose(values, terms.sum(-1), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("spec", TERMS)
def test_integer_labels_and_weights_are_the_same(spec):
    loss = parts.get("distillation_losses", spec)
    rated = CLASS_WEIGHTS > 0
    values = [
        loss(
            {"labels": LABELS.astype(dtype), "class_weights": weights},
            {"logits": LOGITS},
        )
        for dtype, weights in (("float32", np.float32(rated)), ("int32", rated))
    ]
    np.testing.assert_array_equal(*values)


@pytest.mark.parametrize("spec", TERMS)
def test_a_class_that_was_not_rated_teaches_nothing(spec):
    loss = parts.get("distillation_losses", spec)
    logits = tf.Variable(LOGITS)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(
            loss(
                {"labels": LABELS, "class_weights": 0 * LABELS},
                {"logits": logits},
            )
        )
    assert float(total) == 0
    np.testing.assert_array_equal(tape.gradient(total, logits), 0 * LOGITS)


def test_each_loss_is_found_by_its_name():
    for spec, part in (
        ("ce", CrossEntropyLoss),
        ("hinge", HingeLoss),
        ("softmax", SoftmaxLoss),
    ):
        loss = parts.get("distillation_losses", spec)
        assert type(loss) is part
        assert not loss.needs_teacher and loss.needs == ("logits",)


def test_the_sure_student_costs_no_cross_entropy():
    logits = 200 * (2 * LABELS - 1)
    values = CrossEntropyLoss()({"labels": LABELS}, {"logits": logits})
    np.testing.assert_allclose(values, np.zeros(4), atol=1e-6)


@pytest.mark.parametrize(
    ("epsilon", "expected"), [(0.0, 400.0), (1e-5, -2 * np.log(1e-5))]
)
@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_what_the_wrong_student_costs(epsilon, expected, policy):
    loss = CrossEntropyLoss(epsilon=epsilon, dtype=policy)
    values = loss(
        {"labels": np.float32([[1, 0]])},
        {"logits": np.float32([[-200, 200]])},
    )
    np.testing.assert_allclose(values, [expected], rtol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_softmax_without_labels_is_zero_in_half_precision(policy):
    loss = SoftmaxLoss(dtype=policy)
    values = loss({"labels": 0 * LABELS}, {"logits": LOGITS})
    np.testing.assert_array_equal(values, np.zeros(4))


def test_softmax_survives_extreme_logits():
    values = SoftmaxLoss()(
        {"labels": np.float32([[1, 0]])}, {"logits": np.float32([[-200, 200]])}
    )
    np.testing.assert_allclose(values, [400.0])


@pytest.mark.parametrize("epsilon", [-1e-5, 1, float("nan"), True, "1e-5"])
def test_an_epsilon_that_makes_no_sense_is_refused(epsilon):
    with pytest.raises(ValueError, match="give a number of at least 0 and"):
        CrossEntropyLoss(epsilon=epsilon)
    if epsilon == epsilon:  # nan is no literal
        with pytest.raises(InputError, match="less than 1"):
            parts.get("distillation_losses", f"ce(epsilon={epsilon!r})")


def test_epsilon_is_kept():
    loss = CrossEntropyLoss(weight=2, epsilon=1e-5, first_epoch=3)
    rebuilt = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(loss)
    )
    assert rebuilt.epsilon == 1e-5
    assert (rebuilt.weight, rebuilt.first_epoch) == (2, 3)
