"""Training in float16 and bfloat16: losses, skipped steps, teachers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.test_distiller import BATCH, fit, small
from tests.test_experiment import train
from yt8m_distill import model, parts, precision, teaching
from yt8m_distill.distiller import Distiller
from yt8m_distill.run_directory import RunDirectory


def half(sampler, head=None):
    with precision.of_new_models("mixed_float16"):
        return small(sampler, head=head)


def trained_with(make, scale, **options):
    """A parallel run, whose optimizers start with a scale of the losses."""
    keras.utils.set_random_seed(3)
    built = Distiller(
        {"student": make("uniform(k=3)")},
        parts.get_all("distillation_losses", "rep,pred,ce"),
        {"teacher": make("all_frames")},
        train_teachers=True,
        teacher_losses=parts.get_all("distillation_losses", "ce"),
        **options,
    )
    optimizers = [keras.optimizers.SGD(0.1) for _ in range(2)]
    if scale:
        optimizers = [
            keras.optimizers.LossScaleOptimizer(one, initial_scale=scale)
            for one in optimizers
        ]
    built.compile(*optimizers)
    return built


@pytest.mark.parametrize("options", [{}, {"gradient_accumulation_steps": 3}])
def test_a_scaled_loss_changes_nothing_but_the_scale(options):
    exact = trained_with(small, None, **options)
    scaled = trained_with(small, 2.0**10, **options)
    for _ in range(3):
        first, second = fit(exact), fit(scaled)
        assert second == pytest.approx(first, rel=1e-4)
    for one, other in zip(
        exact._student_variables() + exact._teacher_variables(),
        scaled._student_variables() + scaled._teacher_variables(),
        strict=True,
    ):
        np.testing.assert_allclose(one.numpy(), other.numpy(), atol=1e-5)


def test_steps_that_overflow_are_left_out_and_counted():
    built = trained_with(half, 2.0**40)
    student = built.students["student"]
    before = [v.numpy() for v in student.trainable_variables]
    losses = fit(built, BATCH, steps=3)
    assert np.isfinite([*losses.values()]).all()
    assert built.num_steps() == 3
    assert int(built.optimizer.iterations.numpy()) == 0
    for one, other in zip(before, student.trainable_variables, strict=True):
        np.testing.assert_array_equal(one, other.numpy())
    fit(built, BATCH, steps=40)
    assert built.num_steps() == 43
    assert 0 < int(built.optimizer.iterations.numpy()) < 43
    assert np.isfinite(
        np.concatenate([v.numpy().ravel() for v in student.variables])
    ).all()
    assert fit(built)["cross_entropy"] < losses["cross_entropy"]


def test_losses_are_float32():
    built = trained_with(half, 2.0**10)
    batch = {key: tf.constant(value) for key, value in BATCH.items()}
    losses, logits, *gradients = built._passes(batch)
    assert {v.dtype for v in tf.nest.flatten([losses, logits, gradients])} == {
        tf.float32
    }
    assert {one.compute_dtype for one in built.student_losses} == {"float32"}


def test_a_frozen_teacher_computes_in_the_runs_precision(
    synthetic_shards, tmp_path, monkeypatch
):
    teachers = {}
    original = teaching.frozen_teachers

    def recorded(*arguments):
        teachers.update(original(*arguments))
        return teachers

    monkeypatch.setattr(teaching, "frozen_teachers", recorded)
    flags = ["--num_epochs=1", "--max_steps=2"]
    train(synthetic_shards, tmp_path / "teacher", *flags)
    run = RunDirectory(tmp_path / "student")
    train(
        synthetic_shards,
        run.path,
        *flags,
        f"--teacher_dir={tmp_path}/teacher",
        "--frame_sampler=uniform(k=3)",
        "--precision=mixed_bfloat16",
    )
    assert precision.of(teachers["teacher"].model) == "mixed_bfloat16"
    student = model.load(run.checkpoint("last"))
    assert precision.of(student) == "mixed_bfloat16"
    assert keras.config.dtype_policy().name == "float32"
    assert np.isfinite(run.epochs()[0]["loss"])
