"""Runs as one experiment of TensorBoard's tab HParams."""

import json
import pathlib

import tensorflow as tf
from tensorboard.plugins.hparams import api

from yt8m_distill.run_groups import SEED_FLAGS

METRICS = {"gap": "GAP", "map": "mAP", "hit_at_1": "Hit@1", "perr": "PERR"}
# By its end a file of these is known and replaced.
_SUFFIX = ".report"


def write(study, folder):
    """Writes an experiment, in place of one that was written there before.

    A session a run, in `folder/LABEL/SEED`; the sessions of a group of runs
    make up a session group.

    Args:
        study: a `Study`.
        folder: path.

    Returns:
        list of str, the hyper-parameters: flags in which groups differ, and
        `frames`, `kind` and `objective` likewise.
    """
    folder = pathlib.Path(folder)
    for before in folder.rglob(f"events.out.tfevents.*{_SUFFIX}"):
        before.unlink()
    values = {group.label: _values(group) for group in study.groups}
    names = [
        name
        for name in next(iter(values.values()))
        if len({json.dumps(one[name]) for one in values.values()}) > 1
    ]
    with _writer(folder).as_default(step=0):
        api.hparams_config(
            hparams=[api.HParam(name) for name in names],
            metrics=[
                api.Metric(key, display_name=name)
                for key, name in METRICS.items()
            ],
        )
    for group in study.groups:
        for run in group.runs:
            _write_session(
                folder / group.label / _session(run, group.runs),
                {name: values[group.label][name] for name in names},
                group.label,
                run,
            )
    return names


def _values(group):
    """Everything that may tell groups apart, a dict of str, bool or number."""
    found = {
        "kind": group.described_kind,
        "frames": group.k,
        "objective": group.objective,
    }
    for name, value in group.flags.items():
        if name in SEED_FLAGS:
            continue
        if not isinstance(value, bool | int | float | str):
            value = "" if value is None else ",".join(map(str, value))
        found[name] = value
    return found


def _session(run, runs):
    """A directory for a run, which no other of its group has."""
    same = [one for one in runs if one.seed == run.seed]
    number = f"_{same.index(run) + 1}" if len(same) > 1 else ""
    return f"seed_{run.seed}{number}"


def _write_session(folder, values, group, run):
    with _writer(folder).as_default(step=run.best_epoch["step"]):
        # The group's name in place of a hash of the values.
        api.hparams(values, trial_id=group, start_time_secs=0)
        for key in METRICS:
            if run.score(key) is not None:
                tf.summary.scalar(key, run.score(key))


def _writer(folder):
    return tf.summary.create_file_writer(str(folder), filename_suffix=_SUFFIX)
