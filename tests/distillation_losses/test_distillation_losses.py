"""Each loss against its formula in plain NumPy, on float64."""

import numpy as np
import pytest

from yt8m_distill.distillation_losses.prediction import (
    DISTANCES,
    PredictionLoss,
)
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


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_categorical_prediction_equals_numpy(temperature):
    p = sigmoid(TEACHER["logits"] / temperature)
    q = sigmoid(STUDENT["logits"] / temperature)
    p, q = p / p.sum(-1, keepdims=True), q / q.sum(-1, keepdims=True)
    loss = PredictionLoss(temperature=temperature, distance="categorical_kl")
    np.testing.assert_allclose(
        loss(TEACHER, STUDENT),
        temperature**2 * (p * np.log(p / q)).sum(-1),
        rtol=1e-4,
    )


def test_squared_error_of_predictions_equals_numpy():
    p, q = sigmoid(TEACHER["logits"]), sigmoid(STUDENT["logits"])
    np.testing.assert_allclose(
        PredictionLoss(distance="squared_error")(TEACHER, STUDENT),
        ((p - q) ** 2).sum(-1),
        rtol=1e-5,
    )


@pytest.mark.parametrize("distance", DISTANCES)
def test_every_distance_is_least_where_both_predict_the_same(distance):
    loss = PredictionLoss(distance=distance)
    same = np.array(loss(TEACHER, TEACHER))
    np.testing.assert_allclose(same, 0, atol=1e-5)
    for step in RANDOM.standard_normal((20, 3, 4)).astype("float32"):
        moved = {**TEACHER, "logits": TEACHER["logits"] + 0.1 * step}
        assert (np.array(loss(TEACHER, moved)) > same).all()


@pytest.mark.parametrize(
    ("distance", "expected"),
    # p = (1, 0) and q = (0, 1) but for e^-200, normalised over the classes:
    # KL = log(1 / e^-200)
    [("bernoulli_kl", 400.0), ("categorical_kl", 200.0), ("squared_error", 2)],
)
def test_prediction_survives_extreme_logits(distance, expected):
    teacher = {**TEACHER, "logits": np.float32([[200.0, -200.0]])}
    student = {**STUDENT, "logits": np.float32([[-200.0, 200.0]])}
    loss = PredictionLoss(distance=distance)
    np.testing.assert_allclose(loss(teacher, student), [expected], rtol=1e-5)
    assert np.isfinite(loss(student, teacher)).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"distance": "cosine"}, "give one of bernoulli_kl, categorical_kl"),
        ({"temperature": 0}, "give more than 0"),
    ],
)
def test_predictions_cannot_be_compared_otherwise(arguments, message):
    with pytest.raises(ValueError, match=message):
        PredictionLoss(**arguments)


def test_different_widths_are_refused():
    student = {**STUDENT, "representation": np.zeros((3, 6), "float32")}
    with pytest.raises(InputError, match="5 values, the student's 6"):
        RepresentationLoss()(TEACHER, student)
