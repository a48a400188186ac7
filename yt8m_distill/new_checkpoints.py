"""Scores each new model of a run, until its training has come to its end."""

import time

from yt8m_distill import files
from yt8m_distill.errors import InputError
from yt8m_distill.run_directory import RunDirectory

# Seconds between two looks.
INTERVAL = 30


def evaluate_each(options, evaluate, interval=INTERVAL, sleep=time.sleep):
    """Scores the model that `--checkpoint` names whenever it is a new one.

    A run that is not there yet, or has no such model yet, is waited for. What a
    training leaves when it is interrupted is scored too; then its going on is
    waited for.

    Args:
        options: as of `config.options("eval")`; of several `--train_dir` the
            ensemble is scored when one of them has a new model.
        evaluate: function of the options.
        interval: float, seconds between two looks.
        sleep: function of seconds.

    Returns:
        What `evaluate` gave for each model, a list.

    Raises:
        InputError: a model cannot be scored, or the training left none.
    """
    runs = [RunDirectory(path) for path in options.train_dir.split(",") if path]
    results, scored, waits = [], None, False
    while True:
        # Asked first: what a training saved before its end is not missed.
        finished = all(_is_finished(run) for run in runs)
        found = _models(runs, options)
        if None not in found and found != scored:
            try:
                results.append(evaluate(options))
            except InputError:
                if _models(runs, options) == found:
                    raise
                # Another run took its place; its models will be scored.
                continue
            scored, waits = found, False
        elif finished and all(_is_finished(run) for run in runs):
            if None in found:
                raise InputError(
                    f"the training in {options.train_dir} has ended and left "
                    f"no model {options.checkpoint}; choose another "
                    "--checkpoint"
                )
            return results
        else:
            if not waits:
                print(
                    f"waiting for a new model in {options.train_dir} "
                    "(Ctrl-C ends this)",
                    flush=True,
                )
            waits = True
            sleep(interval)


def _models(runs, options):
    """What tells the models that are there now from others, a list."""
    return [files.identity(run.checkpoint(options.checkpoint)) for run in runs]


def _is_finished(run):
    try:
        return run.config_file.exists() and run.has_all_steps()
    except InputError:
        # It was replaced between two looks.
        if run.config_file.exists():
            raise
        return False
