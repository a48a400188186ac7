"""What a study runs: trainings and scorings, each a process of its own."""

import json
import math
import pathlib
from typing import NamedTuple

from yt8m_distill import config, files
from yt8m_distill.errors import InputError
from yt8m_distill.run_directory import RunDirectory, last_step


class TrainingRun(NamedTuple):
    """A training that the study needs.

    Attributes:
        name: str, what it is called in what is printed.
        path: its `--train_dir`.
        arguments: tuple of str, of `yt8m_distill.train`.
        needs: tuple of `TrainingRun` that have to be finished before.
        kind: str; runs of one kind take about the same time.
    """

    name: str
    path: pathlib.Path
    arguments: tuple
    needs: tuple
    kind: str

    module = "yt8m_distill.train"
    alone = False
    goes_on = True  # where it was stopped

    @property
    def lock_file(self):
        """The lock that a process keeps while it writes into the run."""
        return self.path / "study" / "lock"

    @property
    def log(self):
        """What the process prints, a path."""
        return self.path / "study" / "train.log"

    @property
    def seconds_file(self):
        """How long its processes took, a path."""
        return self.path / "study" / "train_seconds.json"

    @property
    def teachers_file(self):
        """Which models taught it, a path."""
        return self.path / "study" / "teachers.json"

    def result(self):
        """What it reached; None while it is not finished.

        Returns:
            dict: `gap`, `map`, `hit_at_1`, `perr` of the best epoch on the
            validation videos, `epoch`, `step` (that of the best epoch).

        Raises:
            InputError: a run with other flags is there, it was taught by other
                models than its teachers are now, or it has learned longer than
                its flags say; unless they have it replaced. Or what is there
                is no run of training.
        """
        run = RunDirectory(self.path)
        if not run.config_file.exists():
            return None
        flags = self._flags()
        try:
            self._refuse_others(run, flags)
            return self._reached(run) if run.has_all_steps(flags) else None
        except (InputError, KeyError, TypeError, AttributeError) as error:
            if flags["start_new_model"]:
                return None
            if isinstance(error, InputError):
                raise
            raise InputError(
                f"{self.path} is no run of this version ({error!r}); give "
                "another --output_dir, or remove it, and it is trained again"
            ) from None

    def start(self):
        """Called before its process is started."""
        if self.needs and (
            self._flags()["start_new_model"]
            or not RunDirectory(self.path).epochs()
        ):
            files.write_json(self.teachers_file, _models(self.needs))

    def finish(self):
        """Called after its process ended well."""

    def shards(self):
        """What it reads, a dict of the flags' names → patterns."""
        flags = self._flags()
        return {
            name: flags[name]
            for name in ("train_data_pattern", "eval_data_pattern")
        }

    def _reached(self, run):
        best = run.best_epoch()
        return {
            **{
                key: best.get(f"val_{key}", math.nan)
                for key in ("gap", "map", "hit_at_1", "perr")
            },
            "epoch": best["epoch"],
            "step": best["step"],
        }

    def _flags(self):
        flags = vars(config.parse("train", self.arguments))
        del flags["flags_text"]
        return flags

    def _refuse_others(self, run, flags):
        """Refuses a run that is not the one that is planned."""
        run.refuse_differences(flags)
        if self._has_other_teachers():
            teachers = ", ".join(str(need.path) for need in self.needs)
            raise InputError(
                f"{self.path} was taught by what was in {teachers} before that "
                "was trained anew or longer; remove it, and it is trained again"
            )
        last = last_step(
            run.steps_per_epoch(), flags["num_epochs"], flags["max_steps"]
        )
        epochs = run.epochs()
        if epochs and epochs[-1]["step"] > last:
            raise InputError(
                f"{self.path} has learned for {epochs[-1]['step']} steps, its "
                f"flags say {last}; give as many --num_epochs, or another "
                "--output_dir"
            )

    def _has_other_teachers(self):
        """Whether its teachers are no longer those that it learned from."""
        try:
            kept = json.loads(self.teachers_file.read_text())
        except FileNotFoundError:  # it has none, or was not started here
            return False
        return kept != _models(self.needs)


class Scoring(NamedTuple):
    """An evaluation of one or several runs.

    Attributes:
        name: str, what it is called in what is printed.
        path: the JSON file that keeps the scores.
        arguments: tuple of str, of `yt8m_distill.eval`.
        needs: tuple of `TrainingRun`, the runs.
        alone: whether nothing else may run at the same time, so that its time
            can be measured.
    """

    name: str
    path: pathlib.Path
    arguments: tuple
    needs: tuple
    alone: bool

    module = "yt8m_distill.eval"
    kind = "scoring"
    goes_on = False

    @property
    def lock_file(self):
        """The lock of the run that it writes into."""
        return self.needs[0].lock_file

    @property
    def log(self):
        """What the process prints, a path."""
        return self.path.with_suffix(".log")

    @property
    def seconds_file(self):
        """How long its processes took, a path."""
        return self.path.with_name(f"{self.path.stem}_seconds.json")

    def result(self):
        """The scores, a dict as `yt8m_distill.eval` keeps them.

        None if there are none yet, or other ones, or of other runs.
        """
        try:
            kept = json.loads(self.path.read_text())
            asked, scores = kept["asked"], kept["scores"]
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None
        # Scores of earlier versions do not say all.
        if {**self._asked(), **asked} != self._asked():
            return None
        return scores

    def shards(self):
        """What it reads, a dict of the flag's name → pattern."""
        flags = config.parse("eval", self.arguments)
        return {"eval_data_pattern": flags.eval_data_pattern}

    def start(self):
        """Called before its process is started."""

    def finish(self):
        """Keeps what the evaluation wrote into the first run's folder."""
        folder = self.needs[0].path / "evaluation"
        names = ["best", "with", *(run.path.name for run in self.needs[1:])]
        name = "-".join(names) if len(self.needs) > 1 else "best"
        scores = json.loads((folder / f"{name}.json").read_text())
        files.write_json(self.path, {"asked": self._asked(), "scores": scores})

    def _asked(self):
        models = _models(self.needs)
        return {
            "arguments": [*self.arguments],
            "run_ids": [model["run_id"] for model in models],
            "best_steps": [model["best_step"] for model in models],
        }


def _models(runs):
    """What tells the best models of runs from others, a list of dicts.

    A run that learns longer keeps its id; its best model may be another.
    """
    directories = [RunDirectory(run.path) for run in runs]
    return [
        {"run_id": run.run_id(), "best_step": run.best_epoch()["step"]}
        for run in directories
    ]
