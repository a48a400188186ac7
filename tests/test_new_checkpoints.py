"""--norun_once, without waiting."""

import json
import os
import pathlib
import types

import pytest

from yt8m_distill import new_checkpoints
from yt8m_distill.errors import InputError
from yt8m_distill.run_directory import RunDirectory


class Training:
    """A run that goes on one event at each look, and what is done of it."""

    def __init__(self, path, *events):
        self.run = RunDirectory(path)
        self.events = list(events)
        self.looks = 0
        self.scored = []

    def sleep(self, seconds):
        assert seconds == 7
        self.looks += 1
        for event in self.events.pop(0):
            event(self.run)

    def evaluate(self, options):
        with open(self.run.checkpoint(options.checkpoint)) as opened:
            self.scored.append(opened.read())
        return self.scored[-1]

    def watch(self, checkpoint="best"):
        options = types.SimpleNamespace(
            train_dir=str(self.run.path), checkpoint=checkpoint
        )
        return new_checkpoints.evaluate_each(
            options, lambda given: self.evaluate(given), 7, self.sleep
        )


def started(run, max_steps=0):
    run.path.mkdir(parents=True)
    run.config_file.write_text(
        json.dumps(
            {
                "flags": {
                    "num_epochs": 3,
                    "max_steps": max_steps,
                    "batch_size": 8,
                },
                "data": {"num_training_videos": 45},
            }
        )
    )


def saved(content, name="best"):
    def save(run):
        path = run.path / "checkpoints" / f"{name}.keras"
        path.parent.mkdir(exist_ok=True)
        partial = path.with_name("partial")
        partial.write_text(content)
        os.replace(partial, path)

    return save


def epoch(number):
    def write(run):
        run.write_epochs(
            [{"epoch": e + 1, "step": 5 * e + 5} for e in range(number)]
        )

    return write


def test_each_new_model_is_scored_once_until_the_training_ends(
    tmp_path, capsys
):
    training = Training(
        tmp_path / "run",
        [],
        [started],
        [saved("first"), epoch(1)],
        [epoch(2)],
        [saved("third, best"), epoch(3)],
    )
    assert training.watch() == ["first", "third, best"]
    assert training.looks == 5
    assert capsys.readouterr().out.count("waiting for a new model") == 2


def test_max_steps_end_a_training_too(tmp_path):
    training = Training(
        tmp_path / "run",
        [lambda run: started(run, max_steps=5), saved("a", "last"), epoch(1)],
    )
    assert training.watch("last") == ["a"]


def test_a_finished_run_is_scored_at_once(tmp_path):
    training = Training(tmp_path / "run")
    for event in (started, saved("done"), epoch(3)):
        event(training.run)
    assert training.watch() == ["done"]
    assert training.looks == 0


def test_a_finished_run_without_the_model(tmp_path):
    training = Training(tmp_path / "run")
    for event in (started, saved("done"), epoch(3)):
        event(training.run)
    with pytest.raises(InputError, match="left no model teacher; choose"):
        training.watch("teacher")


def test_a_run_that_takes_another_s_place_is_scored(tmp_path):
    training = Training(
        tmp_path / "run", [started, saved("first")], [saved("2nd"), epoch(3)]
    )
    evaluate = training.evaluate

    def replaced(options):
        pathlib.Path(training.run.checkpoint("best")).unlink()
        training.run.config_file.unlink()
        training.evaluate = evaluate
        training.events.insert(0, [restarted])
        training.run.config()

    training.evaluate = replaced
    assert training.watch() == ["2nd"]
    assert training.looks == 3


def restarted(run):
    (run.path / "checkpoints").rmdir()
    run.path.rmdir()
    started(run)


def test_another_error_ends_the_waiting(tmp_path):
    training = Training(tmp_path / "run", [started, saved("first")])

    def evaluate(options):
        raise InputError("bad shards")

    training.evaluate = evaluate
    with pytest.raises(InputError, match="bad shards"):
        training.watch()
