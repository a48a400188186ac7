import keras
import numpy as np
import pytest

from tests.test_distiller import BATCH, distiller, fit, small
from tests.test_experiment import train
from yt8m_distill import model
from yt8m_distill.errors import InputError
from yt8m_distill.run_directory import RunDirectory


def numpy(weights):
    return [weight.numpy() for weight in weights]


def test_as_in_numpy():
    student, teacher = small("uniform(k=3)"), small("all_frames")
    built = distiller(
        "pred,ce",
        {"teacher": teacher},
        {"student": student},
        train_teachers=True,
        ema_momentum=0.5,
    )
    weights = student.trainable_variables + teacher.trainable_variables
    expected = numpy(weights)
    for step in range(1, 16):
        fit(built)
        keep = min(0.5, (1 + step) / (10 + step))
        expected = [
            keep * average + (1 - keep) * weight
            for average, weight in zip(expected, numpy(weights))
        ]
    raw = numpy(weights)
    with built.averaged_weights():
        for one, other in zip(numpy(weights), expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)
    for one, other in zip(numpy(weights), raw, strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.allclose(raw[0], expected[0])


def test_the_initial_weights_are_forgotten():
    built = distiller("ce", ema_momentum=0.999)
    variable = built.students["student"].trainable_variables[0]
    built.optimizer.learning_rate = 0.0
    average = built.averages.averages[0]
    average.assign(keras.ops.full_like(average, 1000.0))
    fit(built, BATCH, steps=10)
    np.testing.assert_allclose(average.numpy(), variable.numpy(), atol=0.1)


def test_averages_are_scored_saved_and_resumed(synthetic_shards, tmp_path):
    options = [
        "--frame_sampler=uniform(k=3)",
        "--ema_momentum=0.9",
        "--precision=mixed_float16",
    ]
    runs = [RunDirectory(tmp_path / name) for name in ("once", "twice", "raw")]
    once, twice, raw = runs
    train(synthetic_shards, once.path, *options, "--num_epochs=2")
    for epochs in (1, 2):
        train(synthetic_shards, twice.path, *options, f"--num_epochs={epochs}")
    assert once.epochs() == twice.epochs()
    for name in ("best", "last"):
        saved = [
            numpy(model.load(run.checkpoint(name)).weights)
            for run in (once, twice)
        ]
        for one, other in zip(*saved, strict=True):
            np.testing.assert_array_equal(one, other)
    # The same training: only what is scored and saved differs.
    train(synthetic_shards, raw.path, options[0], options[2], "--num_epochs=2")
    for one, other in zip(once.epochs(), raw.epochs(), strict=True):
        assert one["loss"] == other["loss"]
        assert one["val_cross_entropy"] != other["val_cross_entropy"]
    with pytest.raises(InputError, match="ema_momentum=0.9 .there."):
        train(synthetic_shards, once.path, options[0], options[2])
