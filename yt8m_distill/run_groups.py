"""Runs that differ by nothing but their seed, as one row of a table."""

import collections
import json
import pathlib
import re

import numpy as np

from yt8m_distill import parts
from yt8m_distill.errors import InputError
from yt8m_distill.report_elements import Number
from yt8m_distill.reported_runs import ReportedRun
from yt8m_distill.run_directory import FREE_FLAGS

# What does not tell groups apart: it changes no result, or is the seed's.
SEED_FLAGS = {*FREE_FLAGS, "seed", "teacher_dir", "teacher_cache"} - {
    "num_epochs",
    "max_steps",
}


class RunGroup:
    """Runs with the same flags, of different seeds.

    Attributes:
        runs: list of `ReportedRun`, by rising seed.
        label: str, unique in a `Study`.
        encoder: str, the name of its encoder.
        kind, mode, k, losses, objective, combination, flags, data,
            sees_all_frames, scored_on, trained_on: as of its first run.

    Args:
        runs: list of `ReportedRun`.
    """

    def __init__(self, runs):
        self.runs = sorted(runs, key=lambda run: (run.seed, run.path))
        self.label = ""
        first = self.runs[0]
        self.kind = first.kind
        self.mode = first.mode
        self.k = first.k
        self.losses = first.losses
        self.objective = first.objective
        self.combination = first.combination
        self.encoder = parts.parse(first.flags["encoder"])[0]
        self.flags = first.flags
        self.data = first.data
        self.sees_all_frames = first.sees_all_frames
        self.scored_on = first.scored_on
        self.trained_on = first.trained_on

    @property
    def seeds(self):
        """The seeds of the runs, a list of int."""
        return [run.seed for run in self.runs]

    def is_finished(self):
        """Whether all epochs of all its runs are done."""
        return all(run.is_finished() for run in self.runs)

    @property
    def described_kind(self):
        """Its kind, of students with their mode: `serial student`."""
        return f"{self.mode} {self.kind}" if self.mode else self.kind

    def by_epoch(self, key):
        """A number of every epoch that all its runs have finished.

        Args:
            key: str, as in `metrics.jsonl`.

        Returns:
            float array `(runs, epochs)`, NaN where there is no such number.
        """
        epochs = min(len(run.epochs) for run in self.runs)
        return np.array(
            [
                [line.get(key, np.nan) for line in run.epochs[:epochs]]
                for run in self.runs
            ],
            "float64",
        )

    def mean(self, key):
        """Mean over the runs of a score; NaN where there is none."""
        return self.number(key).value_or_nan()

    def scores(self, key):
        """A score of each run's best epoch, a list; as `ReportedRun.score`."""
        return [run.score(key) for run in self.runs]

    def number(self, key, **arguments):
        """Mean and spread of a score, a `Number`."""
        return Number.of(self.scores(key), **arguments)


def group(runs):
    """Puts runs that differ by their seed only into groups, and names all.

    Args:
        runs: list of `ReportedRun`.

    Returns:
        list of `RunGroup`: teachers, then baselines and students by rising
        number of frames. Each run has a name that no other has.
    """
    by_path = {run.path: run for run in runs}
    found = {}
    for run in runs:
        found.setdefault(_identity(run, by_path), []).append(run)
    groups = [RunGroup(same) for same in found.values()]
    _label(groups)
    _name_runs(groups)
    kinds = ("teacher", "baseline", "student")
    return sorted(
        groups,
        key=lambda one: (
            one.kind != "teacher",
            one.k,
            kinds.index(one.kind),
            one.label,
        ),
    )


def without_seed(path, seed):
    """A path's parts without what names the seed at their end.

    Args:
        path: a `pathlib.Path`.
        seed: int; None: any number is taken for one.

    Returns:
        tuple of str.
    """
    number = r"\d+" if seed is None else f"0*{seed}"
    *parents, name = path.parts
    stem = re.sub(rf"(?:^|[-_.])({number})$", "", name)
    if stem == name:
        stem = re.sub(rf"[-_.]?seed[-_=]?({number})$", "", name)
    stem = re.sub(r"[-_.]?seed$", "", stem)
    return (*parents, stem) if stem else tuple(parents)


def _identity(run, by_path):
    """What runs of one group have in common, a str."""
    flags = {k: v for k, v in run.flags.items() if k not in SEED_FLAGS}
    start = flags["initialize_from"]
    flags["initialize_from"] = start and without_seed(pathlib.Path(start), None)
    teachers = []
    for path in run.teachers:
        teacher = by_path.get(path) or _run_at(path)
        if teacher is None or path == run.path:
            teachers.append(without_seed(path, None))
        else:
            teachers.append(_identity(teacher, by_path))
    return json.dumps(
        [flags, bool(run.flags["teacher_cache"]), teachers, run.data],
        sort_keys=True,
        default=str,
    )


def _run_at(path):
    """A run that is not in the report; None: it is gone."""
    try:
        return ReportedRun(path)
    except InputError:
        return None


def _label(groups):
    """Gives each group a name: the end of its runs' directories.

    Without the seed, unless two groups would be called the same; with as many
    directories above as tell groups apart.
    """
    stems = [without_seed(one.runs[0].path, one.runs[0].seed) for one in groups]
    names = [
        one.runs[0].path.parts if stems.count(stem) > 1 else stem
        for one, stem in zip(groups, stems)
    ]
    for one, name in zip(groups, _distinct_ends(names, [1] * len(names))):
        one.label = "/".join(name)


def _name_runs(groups):
    """Gives each run its group's name, with the seed: `baseline/seed0`."""
    runs, least = [], []
    for one in groups:
        for run in one.runs:
            seed = len(run.path.parts) - len(without_seed(run.path, run.seed))
            runs.append(run)
            least.append(one.label.count("/") + 1 + seed)
    names = _distinct_ends([run.path.parts for run in runs], least)
    for run, name in zip(runs, names):
        run.name = "/".join(name)


def _distinct_ends(names, least):
    """The shortest end of each name that no other name has.

    Args:
        names: list of tuples of str.
        least: list of int, how long each end is at least.

    Returns:
        list of tuples of str; of names that are the same, all of them.
    """
    ends = collections.Counter(
        name[-depth:] for name in names for depth in range(1, len(name) + 1)
    )
    return [
        next(
            (
                name[-depth:]
                for depth in range(shortest, len(name))
                if ends[name[-depth:]] == 1
            ),
            name,
        )
        for name, shortest in zip(names, least)
    ]
