"""Each loss against its formula in plain NumPy, on float64."""

import numpy as np
import pytest

from yt8m_distill.distillation_losses.cross_entropy import CrossEntropyLoss
from yt8m_distill.distillation_losses.prediction import PredictionLoss
from yt8m_distill.distillation_losses.representation import RepresentationLoss
from yt8m_distill.errors import InputError

RANDOM = np.random.default_rng(0)
TEACHER = {
    "representation": RANDOM.standard_normal((3, 5)).astype("float32"),
    "logits": 3 * RANDOM.standard_normal((3, 4)).astype("float32"),
    "labels": (RANDOM.random((3, 4)) < 0.4).astype("float32"),
}
STUDENT = {
    "representation": RANDOM.standard_normal((3, 5)).astype("float32"),
    "logits": 3 * RANDOM.standard_normal((3, 4)).astype("float32"),
}


def sigmoid(x):
    return 1 / (1 + np.exp(-np.float64(x)))


def test_representation_equals_numpy():
    expected = [
        sum((t - s) ** 2 for t, s in zip(teacher, student))
        for teacher, student in zip(
            TEACHER["representation"], STUDENT["representation"]
        )
    ]
    np.testing.assert_allclose(
        RepresentationLoss()(TEACHER, STUDENT), expected, rtol=1e-5
    )


@pytest.mark.parametrize("temperature", [1.0, 2.0, 5.0])
def test_prediction_equals_numpy(temperature):
    p = sigmoid(TEACHER["logits"] / temperature)
    q = sigmoid(STUDENT["logits"] / temperature)
    divergence = p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))
    np.testing.assert_allclose(
        PredictionLoss(temperature=temperature)(TEACHER, STUDENT),
        temperature**2 * divergence.sum(-1),
        rtol=1e-5,
    )


def test_prediction_survives_extreme_logits():
    teacher = {**TEACHER, "logits": np.float32([[200.0, -200.0]])}
    student = {**STUDENT, "logits": np.float32([[-200.0, 200.0]])}
    np.testing.assert_allclose(
        PredictionLoss()(teacher, student), [400.0], rtol=1e-5
    )


def test_cross_entropy_equals_numpy():
    y, p = TEACHER["labels"], sigmoid(STUDENT["logits"])
    expected = -(y * np.log(p) + (1 - y) * np.log(1 - p)).sum(-1)
    np.testing.assert_allclose(
        CrossEntropyLoss()(TEACHER, STUDENT), expected, rtol=1e-5
    )


def test_cross_entropy_is_the_starter_code_s_up_to_its_epsilon():
    y, p = TEACHER["labels"], sigmoid(STUDENT["logits"])
    theirs = -(y * np.log(p + 1e-5) + (1 - y) * np.log(1 - p + 1e-5)).sum(-1)
    np.testing.assert_allclose(
        CrossEntropyLoss()(TEACHER, STUDENT), theirs, rtol=1e-3
    )


def test_different_widths_are_refused():
    student = {**STUDENT, "representation": np.zeros((3, 6), "float32")}
    with pytest.raises(InputError, match="5 values, the student's 6"):
        RepresentationLoss()(TEACHER, student)
