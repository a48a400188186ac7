"""Lines and TensorBoard tags of training batches, and their scores."""

import os
import re
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import ROOT
from tests.test_distiller import BATCH, fit, sigmoid, small
from tests.test_experiment import MIRRORED, TIMEOUT, arguments, train
from yt8m_distill import parts
from yt8m_distill.distiller import Distiller
from yt8m_distill.metrics import VideoMetrics
from yt8m_distill.run_directory import RunDirectory

LINE = re.compile(
    r"^training step (\d+) \| Loss: (\S+) Examples/sec: (\S+) \| "
    r"Hit@1: (\S+) PERR: (\S+) GAP: (\S+)$",
    re.MULTILINE,
)


def scalars(folder):
    """Tag → list of (step, value)."""
    from tensorboard.backend.event_processing import event_accumulator

    events = event_accumulator.EventAccumulator(str(folder))
    events.Reload()
    return {
        tag: [
            (event.step, float(tf.make_ndarray(event.tensor_proto)))
            for event in events.Tensors(tag)
        ]
        for tag in events.Tags()["tensors"]
    }


def scored(students, losses="ce", batch=BATCH, steps=1, **options):
    built = Distiller(
        students,
        parts.get_all("distillation_losses", losses),
        score_steps=steps,
        **options,
    )
    built.compile(keras.optimizers.SGD(0.1))
    return built


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("num_students", [1, 2])
def test_the_scores_are_those_of_the_batch(num_students, jit_compile):
    students = {
        f"student_{i}": small("first(k=3)") for i in range(num_students)
    }
    sampled = {
        **BATCH,
        "frames": BATCH["frames"][:, :3],
        "num_frames": np.minimum(BATCH["num_frames"], 3),
    }
    # Before the step, as the step itself saw them.
    predictions = np.mean(
        [
            sigmoid(student(sampled, training=True)["logits"])
            for student in students.values()
        ],
        axis=0,
    )
    expected = VideoMetrics(5)
    expected.update(predictions, BATCH["labels"])
    expected = expected.result()
    built = scored(students, jit_compile=jit_compile)
    logs = fit(built, sampled)
    scores = built.scores().result()
    for key in ("hit_at_1", "perr"):
        assert scores[key] == pytest.approx(expected[key], abs=1e-5)
    assert scores["gap"] == pytest.approx(expected["gap"], abs=1e-2)
    assert scores["loss"] == pytest.approx(logs["loss"], rel=1e-4)
    losses = [value for key, value in logs.items() if "cross_entropy" in key]
    assert scores["label_loss"] == pytest.approx(losses[0], rel=1e-4)


def test_only_every_so_many_steps_are_scored():
    built = scored({"student": small("first(k=8)")}, steps=2)
    fit(built, steps=1)
    assert built.scores().result()["loss"] == 0
    fit(built, steps=1)
    second = built.scores().result()
    assert second["loss"] > 0
    fit(built, steps=1)
    assert built.scores().result() == second


def test_labels_are_positive_above_zero_and_unlabelled_videos_do_not_count():
    soft = {**BATCH, "labels": BATCH["labels"] * np.float32(0.3)}
    weight = np.float32([2, 0, 2, 0, 2, 0])
    results = []
    for batch in (BATCH, soft, {**BATCH, "label_weight": weight}):
        keras.utils.set_random_seed(0)
        built = scored({"student": small("first(k=8)")})
        fit(built, batch)
        results.append(built.scores().result())
    hard, soft, some = results
    for key in ("hit_at_1", "perr", "gap"):
        assert hard[key] == soft[key]
    assert 3 * some["hit_at_1"] == pytest.approx(round(3 * some["hit_at_1"]))


def test_scores_are_no_part_of_what_is_saved(tmp_path):
    sizes = []
    for steps in (0, 1):
        path = tmp_path / f"{steps}.weights.h5"
        scored({"student": small("first(k=8)")}, steps=steps).save_weights(path)
        sizes.append(path.stat().st_size)
    assert sizes[0] == sizes[1]


def test_a_line_and_tags_every_so_many_steps(
    synthetic_shards, tmp_path, capsys
):
    logs = []
    for steps in (2, 0):
        run = tmp_path / str(steps)
        best = train(
            synthetic_shards, run, "--num_epochs=2", f"--log_steps={steps}"
        )
        logs.append(best)
        lines = LINE.findall(capsys.readouterr().out)
        assert [int(line[0]) for line in lines] == [2, 4, 6, 8, 10][: 3 * steps]
    assert logs[0] == logs[1]
    found = scalars(tmp_path / "2" / "tensorboard" / "steps")
    assert set(found) == {
        "model/Training_Hit@1",
        "model/Training_Perr",
        "model/Training_GAP",
        "learning_rate",
        "label_loss",
        "global_step/Examples/Second",
    }
    assert [step for step, _ in found["label_loss"]] == [2, 4, 6, 8, 10]
    assert all(0 < value <= 1 for _, value in found["model/Training_GAP"])
    assert not (tmp_path / "0" / "tensorboard" / "steps").exists()


@pytest.mark.parametrize("jit_compile", ["false", "true"])
def test_two_replicas_score_the_whole_batch(
    jit_compile, synthetic_shards, tmp_path
):
    """Without batch statistics they compute what one device does."""
    lines = []
    options = [
        "--encoder=mean_pooling",
        "--teacher_encoder=same",
        "--student_losses=pred,ce",
        "--frame_sampler=uniform(k=3)",
        f"--jit_compile={jit_compile}",
        "--num_epochs=1",
        "--log_steps=2",
    ]
    for name in ("mirrored", "one_device"):
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                MIRRORED,
                *arguments(synthetic_shards, tmp_path / name, *options),
                f"--distribution={name}",
            ],
            capture_output=True,
            timeout=TIMEOUT,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert done.returncode == 0, done.stderr
        lines.append(LINE.findall(done.stdout))
    assert [line[0] for line in lines[0]] == ["2", "4"]
    for mirrored, one in zip(*lines, strict=True):
        for column in (1, 3, 4, 5):
            assert float(mirrored[column]) == pytest.approx(
                float(one[column]), abs=0.02
            )


def test_the_learning_rate_is_that_of_the_step(synthetic_shards, tmp_path):
    train(
        synthetic_shards,
        tmp_path,
        "--num_epochs=1",
        "--log_steps=1",
        "--learning_rate_decay_examples=16",  # two batches
        "--learning_rate_decay=0.5",
        "--base_learning_rate=1.0",
    )
    found = scalars(tmp_path / "tensorboard" / "steps")["learning_rate"]
    assert found == [(1, 1), (2, 1), (3, 0.5), (4, 0.5), (5, 0.25)]
    assert RunDirectory(tmp_path).epochs()[-1]["learning_rate"] == 0.25
