"""Runs as one experiment of TensorBoard's tab HParams."""

import pathlib

import tensorflow as tf
from tensorboard.plugins.hparams import api

from yt8m_distill.errors import InputError
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
        `kind`, `frames` and `objective` likewise.

    Raises:
        InputError: the folder cannot be written.
    """
    folder = pathlib.Path(folder)
    for before in folder.rglob(f"events.out.tfevents.*{_SUFFIX}"):
        before.unlink()
    values = _hyperparameters(study.groups)
    with _writer(folder).as_default(step=0):
        api.hparams_config(
            hparams=[
                api.HParam(name, api.Discrete(sorted(set(of_groups))))
                for name, of_groups in values.items()
            ],
            metrics=[
                api.Metric(key, display_name=name)
                for key, name in METRICS.items()
            ],
        )
    for number, group in enumerate(study.groups):
        for run in group.runs:
            _write_session(
                folder / group.label / _session(run, group.runs),
                {name: of_all[number] for name, of_all in values.items()},
                group.label,
                run,
            )
    return list(values)


def _hyperparameters(groups):
    """What tells groups apart, a dict name → list of a value a group.

    The values of a name are all of one type: bool, float or str.
    """
    found = {
        "kind": [group.described_kind for group in groups],
        "frames": [float(group.k) for group in groups],
        "objective": [group.objective for group in groups],
    }
    for name in groups[0].flags:
        if name not in SEED_FLAGS:
            values = [group.flags.get(name) for group in groups]
            found[name] = _of_one_type(values)
    return {name: of for name, of in found.items() if len(set(of)) > 1}


def _of_one_type(values):
    if all(isinstance(value, bool) for value in values):
        return values
    if all(
        isinstance(value, int | float) and not isinstance(value, bool)
        for value in values
    ):
        return list(map(float, values))
    return [
        ",".join(map(str, value))
        if isinstance(value, list)
        else str("" if value is None else value)
        for value in values
    ]


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
    try:
        return tf.summary.create_file_writer(
            str(folder), filename_suffix=_SUFFIX
        )
    except tf.errors.OpError as error:
        raise InputError(
            f"cannot write {folder}: {error.message}; give another "
            "--tensorboard_dir"
        ) from None
