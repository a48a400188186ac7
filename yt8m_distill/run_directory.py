"""The directory of a run: its paths, configuration and metrics.

`--train_dir` of the starter code: `config.json` (all flags, versions, commit,
what the records hold), `flags.txt` (replayable), `model_flags.json` (the five
keys of the starter code), `metrics.jsonl` (a line an epoch),
`checkpoints/{best,last}.keras`, `checkpoints/resume.weights.h5`,
`tensorboard/`, `evaluation/`, `predictions/`.
"""

import importlib.metadata
import json
import pathlib
import platform
import shutil
import subprocess
import uuid

from yt8m_distill import files
from yt8m_distill.errors import InputError
from yt8m_distill.flag_definitions import FLAGS

# Flags that may differ when a run goes on: they do not change what is learned
# in an epoch.
FREE_FLAGS = (
    "num_epochs",
    "max_steps",
    "export_model_steps",
    "log_steps",
    "jit_compile",
    "steps_per_execution",
    "profile",
    "recompute",
    "num_readers",
    "log_device_placement",
    "start_new_model",
    "train_dir",
    "on_bad_record",
    "verify_checksums",
)
# What a run writes, in the order in which it is removed: a run whose removal is
# cut short is one that has yet to begin.
CONTENTS = (
    "checkpoints/resume.weights.h5",
    "metrics.jsonl",
    "checkpoints",
    "flags.txt",
    "model_flags.json",
    "tensorboard",
    "evaluation",
    "predictions",
    "export",
    "skipped_records_train.json",
    "skipped_records_eval.json",
    "skipped_records_inference.json",
    "config.json",
)


class RunDirectory:
    """Paths of a run, and the checks that keep runs apart.

    Args:
        path: str, the `--train_dir`.

    Raises:
        InputError: the path is remote.
    """

    def __init__(self, path):
        files.refuse_remote(path)
        self.path = pathlib.Path(path)
        self.config_file = self.path / "config.json"
        self.metrics_file = self.path / "metrics.jsonl"
        self.tensorboard = self.path / "tensorboard"
        self.resume_file = self.path / "checkpoints" / "resume.weights.h5"

    def checkpoint(self, name):
        """Path of the model `best`, `last` or `teacher`, as a str."""
        return str(self.path / "checkpoints" / f"{name}.keras")

    def config(self):
        """What `config.json` holds.

        Raises:
            InputError: there is no run here, or the file is damaged.
        """
        try:
            return json.loads(self.config_file.read_text())
        except FileNotFoundError:
            raise InputError(
                f"no run at {self.path} (it has no config.json); give the "
                "--train_dir of a finished or started training"
            ) from None
        except ValueError as error:
            raise _damaged(self.config_file, error) from None

    def start(self, flags, flags_text, data, start_new_model=False):
        """Opens the directory for a new run, or for one that goes on.

        Args:
            flags: dict, all flags of the run.
            flags_text: str, the same as a flagfile.
            data: dict, what the records hold (`feature_names`,
                `feature_sizes`, `num_classes`, `max_frames`).
            start_new_model: whether a run that is here is replaced.

        Returns:
            True if a run that was here goes on.

        Raises:
            InputError: a run with other flags is here, and it names them; or
                the directory cannot be made.
        """
        if self.path.is_file():
            raise InputError(
                f"--train_dir={self.path} is a file; give a directory"
            )
        if self.config_file.exists() and not start_new_model:
            self.refuse_differences(flags, data)
            self._write(flags, flags_text, data, self.run_id())
            return True
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if start_new_model:
                self._clear()
            # Of a run without its config nobody knows what it was.
            self.resume_file.unlink(missing_ok=True)
            self.metrics_file.unlink(missing_ok=True)
        except OSError as error:
            raise InputError(
                f"--train_dir={self.path} cannot be made or replaced: "
                f"{error.strerror}; give another directory"
            ) from None
        self._write(flags, flags_text, data, uuid.uuid4().hex)
        return False

    def run_id(self):
        """What tells the run from one that takes its place, a str.

        None for runs of earlier versions.

        Raises:
            InputError: there is no run here.
        """
        return self.config().get("run_id")

    def epochs(self):
        """The lines of `metrics.jsonl`, a list of dicts, oldest first.

        Raises:
            InputError: a line of it is damaged.
        """
        try:
            lines = self.metrics_file.read_text().splitlines()
            return [json.loads(line) for line in lines]
        except FileNotFoundError:
            return []
        except ValueError as error:
            raise _damaged(self.metrics_file, error) from None

    def best_by(self):
        """The metric whose highest value makes the best epoch, a str.

        Raises:
            InputError: there is no run here.
        """
        context_frames = self.config()["data"].get("segment_context_frames")
        return "val_gap" if context_frames is None else "val_map"

    def best_epoch(self):
        """The line of `metrics.jsonl` whose model is `best`, a dict.

        None before the first epoch is done.

        Raises:
            InputError: there is no run here.
        """
        return best_of(self.epochs(), self.best_by())

    def write_epochs(self, epochs):
        """Replaces `metrics.jsonl`, whole."""
        with files.written_whole(self.metrics_file) as opened:
            for epoch in epochs:
                opened.write(json.dumps(epoch) + "\n")

    def is_finished(self, flags):
        """Whether a run with these flags is here and has all its epochs."""
        return (
            self.config_file.exists()
            and not self._differing(flags)
            and self.has_all_steps(flags)
        )

    def steps_per_epoch(self):
        """Steps of the training in one epoch."""
        config = self.config()
        videos = config["data"]["num_training_videos"]
        return videos // config["flags"]["batch_size"]

    def has_all_steps(self, flags=None):
        """Whether its training has come to its end.

        Args:
            flags: dict, flags that say how far it goes; None: the run's own.
        """
        flags = flags or self.config()["flags"]
        last = last_step(
            self.steps_per_epoch(), flags["num_epochs"], flags.get("max_steps")
        )
        epochs = self.epochs()
        return bool(epochs) and epochs[-1]["step"] >= last

    def _differing(self, flags):
        """Flags that differ from those of the run: (name, there, now)."""
        # A flag that is younger than the run had the effect of its default.
        defaults = {name: default for _, name, default, *_ in FLAGS["train"]}
        there = {**defaults, **self.config().get("flags", {})}
        now = {**defaults, **flags}
        return [
            (name, there.get(name), now.get(name))
            for name in sorted({*there, *now} - {*FREE_FLAGS})
            if there.get(name) != now.get(name)
        ]

    def refuse_differences(self, flags, data=None):
        """Refuses other flags than those of the run that is here.

        Args:
            flags: dict, all flags of a run that would go on here.
            data: dict, what its records hold; None: not known.

        Raises:
            InputError: naming what differs; or there is no run here.
        """
        differing = [
            f"--{name}={there!r} (there) and {now!r} (now)"
            for name, there, now in self._differing(flags)
        ]
        before = self.config().get("data", {})
        if not differing and data and {**data, **before} != data:
            differing = [f"the records: {before} and {data}"]
        if differing:
            raise InputError(
                f"a run with other flags is in {self.path}: "
                f"{'; '.join(differing)}; use another --train_dir, the same "
                "flags, or --start_new_model to replace it"
            )

    def _write(self, flags, flags_text, data, run_id):
        files.write_json(
            self.config_file,
            {
                "flags": flags,
                "data": data,
                "versions": versions(),
                "git_commit": git_commit(),
                "run_id": run_id,
            },
        )
        with files.written_whole(self.path / "flags.txt") as opened:
            opened.write(flags_text)
        files.write_json(
            self.path / "model_flags.json",
            {
                "model": flags.get("model") or flags.get("encoder"),
                "feature_sizes": ",".join(map(str, data["feature_sizes"])),
                "feature_names": ",".join(data["feature_names"]),
                "frame_features": data.get("frame_features", True),
                "label_loss": flags.get("label_loss") or "CrossEntropyLoss",
            },
        )

    def _clear(self):
        """Removes what a run writes and nothing else."""
        for name in CONTENTS:
            path = self.path / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def best_of(epochs, best_by):
    """The best epoch, of equal ones the first; None if there is none.

    Without validation data later steps count as better.

    Args:
        epochs: list of dicts, lines of `metrics.jsonl`, oldest first.
        best_by: str, as of `RunDirectory.best_by`.
    """
    return max(
        epochs, key=lambda line: line.get(best_by, line["step"]), default=None
    )


def last_step(steps_per_epoch, num_epochs, max_steps):
    """Steps of a training in all.

    Args:
        steps_per_epoch: int.
        num_epochs: int.
        max_steps: int, the most steps; 0 or None: no limit.
    """
    steps = steps_per_epoch * num_epochs
    return min(steps, max_steps or steps)


def versions():
    """Versions of Python and of the packages that decide a result."""
    packages = ("yt8m_distill", "tensorflow", "keras", "numpy")
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def git_commit():
    """Commit of the checkout this package lies in; None outside of one."""
    try:
        found = subprocess.run(
            ["git", "rev-parse", "HEAD"],
            cwd=pathlib.Path(__file__).parent,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return None
    return found.stdout.strip() or None


def _damaged(file, error):
    """The `InputError` of a file that is not what a run writes."""
    return InputError(
        f"{file} is damaged ({error}); restore it or train anew with "
        "--start_new_model"
    )
