"""--max_steps and --export_model_steps."""

import pathlib

import numpy as np
import pytest

from tests.test_experiment import train
from yt8m_distill import evaluation_summary, model
from yt8m_distill.errors import InputError
from yt8m_distill.run_directory import RunDirectory, last_step
from yt8m_distill.training import Stretch, stretches


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (0, 15, [(0, 3, 5, 0)]),
        (5, 15, [(1, 2, 5, 5)]),
        (0, 7, [(0, 1, 5, 0), (1, 1, 2, 5)]),
        (7, 15, [(1, 1, 3, 7), (2, 1, 5, 10)]),
        (7, 9, [(1, 1, 2, 7)]),
        (7, 13, [(1, 1, 3, 7), (2, 1, 3, 10)]),
        (0, 3, [(0, 1, 3, 0)]),
        (15, 15, []),
        (16, 15, []),
    ],
)
def test_stretches_are_epochs_of_one_length(first, last, expected):
    assert stretches(first, last, 5) == [Stretch(*one) for one in expected]


def test_the_last_step():
    assert last_step(5, 3, 0) == last_step(5, 3, None) == 15
    assert last_step(5, 3, 7) == 7
    assert last_step(5, 3, 70) == 15


def weights(run, name="last"):
    loaded = model.load(run.checkpoint(name))
    return [np.asarray(weight) for weight in loaded.weights]


def test_a_run_ends_amid_an_epoch_and_goes_on(
    synthetic_shards, tmp_path, capsys
):
    options = ["--frame_sampler=jittered_uniform(k=3)", "--num_epochs=3"]
    run = RunDirectory(tmp_path / "short")
    best = train(synthetic_shards, run.path, *options, "--max_steps=7")
    assert [(e["epoch"], e["step"]) for e in run.epochs()] == [(1, 5), (2, 7)]
    assert "val_gap" in run.epochs()[-1]
    assert model.saved_step(run.checkpoint("last")) == 7
    assert model.saved_step(run.checkpoint("best")) == best["step"]
    assert run.has_all_steps()
    assert not run.has_all_steps({"num_epochs": 3})
    assert "epoch 2/3 | step 7 | " in capsys.readouterr().out
    # The same command again: nothing is left to do.
    before = pathlib.Path(run.checkpoint("last")).stat().st_mtime_ns
    train(synthetic_shards, run.path, *options, "--max_steps=7")
    assert pathlib.Path(run.checkpoint("last")).stat().st_mtime_ns == before
    printed = capsys.readouterr().out
    assert "epoch 2/3" not in printed and "going on" not in printed
    assert f"all 7 steps of the run in {run.path} are done" in printed

    train(synthetic_shards, run.path, *options)
    lines = [(e["epoch"], e["step"]) for e in run.epochs()]
    assert lines == [(1, 5), (2, 7), (2, 10), (3, 15)]
    # There is no chance but the reader's, which follows the step.
    undisturbed = RunDirectory(tmp_path / "undisturbed")
    train(synthetic_shards, undisturbed.path, *options)
    for one, other in zip(weights(run), weights(undisturbed), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    one, other = run.epochs()[-1], undisturbed.epochs()[-1]
    assert one == pytest.approx(other, rel=1e-3)


def test_the_model_is_saved_amid_an_epoch(
    synthetic_shards, tmp_path, monkeypatch
):
    saved = []
    original = model.save

    def record(saved_model, path, step):
        saved.append((pathlib.Path(path).stem, step))
        original(saved_model, path, step)

    monkeypatch.setattr(model, "save", record)
    both = []
    for steps in (2, 0):
        run = RunDirectory(tmp_path / str(steps))
        train(
            synthetic_shards,
            run.path,
            "--num_epochs=1",
            f"--export_model_steps={steps}",
        )
        both.append(run.epochs())
    assert saved == [
        ("last", 2),
        ("last", 4),
        ("last", 5),
        ("best", 5),
        ("last", 5),
        ("best", 5),
    ]
    assert both[0] == both[1]


def test_without_validation_the_last_steps_are_the_best(
    synthetic_shards, tmp_path
):
    options = ["--eval_data_pattern=", "--num_epochs=1"]
    run = RunDirectory(tmp_path)
    train(synthetic_shards, run.path, *options, "--max_steps=1")
    best = train(synthetic_shards, run.path, *options)
    assert [(e["epoch"], e["step"]) for e in run.epochs()] == [(1, 1), (1, 5)]
    assert best["step"] == 5
    assert model.saved_step(run.checkpoint("best")) == 5
    assert evaluation_summary.step_of(run, "best", None) == 5


def test_losses_that_max_steps_never_reaches(synthetic_shards, tmp_path):
    losses = ["--student_losses=ce,hinge(first_epoch=2)", "--num_epochs=2"]
    with pytest.raises(InputError, match="in none of the 1 epochs; .*max_step"):
        train(synthetic_shards, tmp_path / "run", *losses, "--max_steps=5")
    assert not (tmp_path / "run").exists()
    train(synthetic_shards, tmp_path / "run", *losses, "--max_steps=6")
