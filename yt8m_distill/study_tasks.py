"""What a study runs: trainings and scorings, each a process of its own."""

import json
import math
import pathlib
from typing import NamedTuple

from yt8m_distill import config, files
from yt8m_distill.run_directory import RunDirectory


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

    def result(self):
        """What it reached; None while it is not finished.

        Returns:
            dict: `gap`, `map`, `hit_at_1`, `perr` of the best epoch on the
            validation videos, `epoch`, `step` (that of the best epoch).

        Raises:
            InputError: a run with other flags is there.
        """
        run = RunDirectory(self.path)
        if not run.config_file.exists():
            return None
        flags = vars(config.parse("train", self.arguments))
        del flags["flags_text"]
        run.refuse_differences(flags)
        if not run.has_all_steps(flags):
            return None
        best = run.best_epoch()
        return {
            **{
                key: best.get(f"val_{key}", math.nan)
                for key in ("gap", "map", "hit_at_1", "perr")
            },
            "epoch": best["epoch"],
            "step": best["step"],
        }

    def finish(self):
        """Called after its process ended well."""


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
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        if kept["asked"] != self._asked():
            return None
        return kept["scores"]

    def finish(self):
        """Keeps what the evaluation wrote into the first run's folder."""
        folder = self.needs[0].path / "evaluation"
        names = ["best", "with", *(run.path.name for run in self.needs[1:])]
        name = "-".join(names) if len(self.needs) > 1 else "best"
        scores = json.loads((folder / f"{name}.json").read_text())
        files.write_json(self.path, {"asked": self._asked(), "scores": scores})

    def _asked(self):
        return {
            "arguments": [*self.arguments],
            "run_ids": [RunDirectory(run.path).run_id() for run in self.needs],
        }
