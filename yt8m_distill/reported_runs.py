"""The runs that a report is about, as it sees them."""

import glob
import json
import math
import os
import pathlib

from yt8m_distill import parts, starter_code_models
from yt8m_distill.errors import InputError
from yt8m_distill.flag_definitions import FLAGS
from yt8m_distill.run_directory import RunDirectory, best_of

SCORED_ON = (
    "eval_data_pattern",
    "num_classes",
    "top_k",
    "map_convention",
    "segment_labels",
    "segment_context_frames",
)
# How the epochs of a loss are told.
_STAGES = {"first_epoch": "from epoch {}", "last_epoch": "to epoch {}"}
_SHORT_NAMES = {name: short for short, name in parts.SHORT_NAMES.items()}
# Flags that are younger than a run had the effect of their default.
DEFAULTS = {name: default for _, name, default, *_ in FLAGS["train"]}


class ReportedRun:
    """A run that has finished at least one epoch.

    Attributes:
        path: `pathlib.Path` of its directory.
        directory: its `RunDirectory`.
        name: str, the directory's name; of the runs of a `Study` as much of
            the path as tells them apart.
        seed: int.
        flags: dict, all flags of training, with `encoder`, `head` and
            `frame_sampler` also where `--model` chose them.
        data: dict, what the records hold, `num_training_videos` included.
        config: dict, all of `config.json`.
        epochs: list of dicts, the lines of `metrics.jsonl`.
        best_epoch: dict, the one of them that `checkpoints/best.keras` is of.
        k: int, the frames of a video that its model sees at most.
        sees_all_frames: whether that is all of them.
        teachers: list of `pathlib.Path`, resolved, the runs that taught it; of
            a parallel run none.
        kind: `"teacher"`, `"baseline"` or `"student"`.
        mode: `"serial"` or `"parallel"` of a student, None of others.
        losses: list of str, the specs of `--student_losses`.

    Args:
        path: str or path.

    Raises:
        InputError: it is no such run; the message says why, without its path.
    """

    def __init__(self, path):
        self.path = pathlib.Path(path).resolve()
        self.name = self.path.name
        self.directory = RunDirectory(self.path)
        try:
            self.config = self.directory.config()
            self.data = self.config["data"]
            self.flags = {**DEFAULTS, **self.config["flags"]}
            self.flags |= starter_code_models.translate(self.flags)
            self.seed = self.flags["seed"]
            self.epochs = self.directory.epochs()
            self.best_epoch = best_of(self.epochs, self.directory.best_by())
            self._check_epochs()
            self.k = parts.get(
                "frame_samplers",
                self.flags["frame_sampler"],
                max_frames=self.data["max_frames"],
            ).k
        except InputError as error:
            reason = str(error).replace(f"{self.path}/", "its ")
            raise InputError(reason.replace(f"{self.path}", "it")) from None
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"its files are not those of a run ({error!r})"
            ) from None
        # A video-level record is all there is of a video.
        self.sees_all_frames = self.k >= self.data[
            "max_frames"
        ] or not self.data.get("frame_features", True)
        self.teachers = self._teachers()
        self.mode = None
        if self.teachers:
            self.mode = "serial"
        elif self.flags["teacher_encoder"]:
            self.mode = "parallel"
        self.kind = "teacher" if self.sees_all_frames else "baseline"
        if self.mode:
            self.kind = "student"
        self.losses = parts.split(
            self.flags["student_losses"]
            or ("rep,pred,ce" if self.mode else "ce")
        )

    @property
    def objective(self):
        """What the model learns from, in short, such as `2 pred + ce`."""
        return " + ".join(map(_term, self.losses))

    @property
    def combination(self):
        """Its `objective` without epochs: `rep (at first) + ce (later)`."""
        stages = {"first_epoch": "later", "last_epoch": "at first"}
        return " + ".join(_term(spec, stages) for spec in self.losses)

    @property
    def scored_on(self):
        """What its scores depend on besides the model, a tuple.

        Scores of runs in which it differs do not compare.
        """
        return tuple(str(self.flags.get(name)) for name in SCORED_ON)

    @property
    def trained_on(self):
        """Which labelled videos it was trained on, a tuple."""
        names = ("train_data_pattern", "num_folds", "held_out_fold")
        return (
            *(self.flags.get(name) for name in names),
            self.data.get("num_training_videos"),
        )

    def score(self, key):
        """A validation score of the best epoch.

        Args:
            key: `"gap"`, `"map"`, `"hit_at_1"`, `"perr"` or another key that
                `metrics.jsonl` has after `val_`.

        Returns:
            float; None where there is none.
        """
        return self.best_epoch.get(f"val_{key}")

    def is_finished(self):
        """Whether all its epochs are done."""
        try:
            return self.directory.has_all_steps()
        except KeyError:  # of earlier versions, which did not say how many
            return len(self.epochs) >= self.flags["num_epochs"]

    def evaluation(self, name="best"):
        """What `eval` wrote of a model of the run, a dict; None: nothing."""
        try:
            text = (self.path / "evaluation" / f"{name}.json").read_text()
            return json.loads(text)
        except (FileNotFoundError, ValueError):
            return None

    def _check_epochs(self):
        if not self.epochs:
            raise InputError("no epoch of it is finished")
        for line in self.epochs:
            for key in ("epoch", "step"):
                line[key]
        if math.isnan(self.best_epoch.get(self.directory.best_by(), 0.0)):
            raise InputError("its scores are not numbers: it has diverged")

    def _teachers(self):
        """Where its teachers lie now.

        Directories in flags are relative to where training was started; how
        `--train_dir` became the run's path tells where that is.
        """
        old = pathlib.Path(self.flags["train_dir"] or self.path).parts
        new = self.path.parts
        while old and new and old[-1] == new[-1]:
            old, new = old[:-1], new[:-1]
        found = []
        for teacher in filter(None, self.flags["teacher_dir"].split(",")):
            names = pathlib.Path(teacher).parts
            moved = pathlib.Path(*new, *names[len(old) :])
            if names[: len(old)] != old or not moved.is_dir():
                moved = pathlib.Path(teacher)
            found.append(moved.resolve())
        return found


def _term(spec, stages=_STAGES):
    """A loss with its weight in front, and when it counts: `0.05 rep`."""
    name, arguments = parts.parse(spec)
    name = _SHORT_NAMES.get(name, name)
    weight = arguments.pop("weight", 1)
    stage = [
        words.format(arguments.pop(key))
        for key, words in stages.items()
        if key in arguments
    ]
    if arguments:
        values = ", ".join(f"{k}={v!r}" for k, v in arguments.items())
        name = f"{name}({values})"
    if stage:
        name += f" ({' '.join(stage)})"
    return name if weight == 1 else f"{weight:g} {name}"


def find(patterns):
    """The directories of runs that patterns mean.

    Args:
        patterns: list of str: a run's directory, a directory with runs below
            it, or a glob pattern of such.

    Returns:
        list of `pathlib.Path`, resolved, each once, in the order of their
        names.

    Raises:
        InputError: a pattern means no run.
    """
    found = set()
    for pattern in patterns:
        paths = set()
        for start in glob.glob(pattern, recursive=True):
            paths.update(_below(pathlib.Path(start)))
        if not paths:
            raise InputError(
                f"--runs={pattern}: no run there (no config.json in it or "
                "below); give the --train_dir of trainings or a directory above"
            )
        found |= paths
    return sorted(found)


def _below(start):
    """The run in a directory, or the runs below it; nothing below a run."""
    for folder, below, names in os.walk(start):
        if "config.json" in names:
            below.clear()
            yield pathlib.Path(folder).resolve()


def read(patterns):
    """The runs that patterns mean, and those that cannot be reported on.

    Args:
        patterns: list of str, as of `find`.

    Returns:
        `(runs, left_out)`: list of `ReportedRun`, and list of `(path, reason)`.

    Raises:
        InputError: a pattern means no run, or none can be reported on.
    """
    runs, left_out = [], []
    for path in find(patterns):
        try:
            runs.append(ReportedRun(path))
        except InputError as error:
            left_out.append((path, str(error)))
    if not runs:
        reasons = "; ".join(f"{path}: {reason}" for path, reason in left_out)
        raise InputError(
            f"--runs={','.join(patterns)}: no run with a finished epoch there "
            f"({reasons}); train one"
        )
    teaching = {teacher for run in runs for teacher in run.teachers}
    for run in runs:
        if run.kind == "baseline" and run.path in teaching:
            run.kind = "teacher"
    return runs, left_out
