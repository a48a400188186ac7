"""Starts a training again after another of its workers died."""

import contextlib
import os
import sys

from yt8m_distill import cluster
from yt8m_distill.run_directory import RunDirectory

# Starts in a row that come no epoch further.
MAX_RESTARTS = 10
# "starts,step": how often this process started itself at which step.
_COUNT = "YT8M_DISTILL_RESTARTS"


def has_restarted():
    """Whether this process started itself again."""
    return _COUNT in os.environ


def run(options, train):
    """Trains as one of several workers.

    A worker that dies takes the step of all others with it. They start
    themselves again, by the same command, and wait for it; the training goes on
    from the last epoch that was saved.

    Args:
        options: as of `config.options("train")`.
        train: function of the options.

    Raises:
        InputError: TF_CONFIG makes no sense, or what `train` raises.
    """
    workers = cluster.from_environment()
    import tensorflow as tf

    # What a broken connection, and a peer that came back as another, give.
    broken = (
        tf.errors.UnavailableError,
        tf.errors.AbortedError,
        tf.errors.CancelledError,
        tf.errors.DeadlineExceededError,
        tf.errors.FailedPreconditionError,
        tf.errors.InternalError,
    )
    try:
        with _quiet_unless(workers.is_chief):
            train(options)
    except broken as error:
        _start_again(options, workers, error)


def _start_again(options, workers, error):
    step = _last_step(options.train_dir)
    count, at = map(int, os.environ.get(_COUNT, "0,-1").split(","))
    count = count + 1 if at == step else 1
    if count > MAX_RESTARTS:
        raise error
    os.environ[_COUNT] = f"{count},{step}"
    print(
        f"worker {workers.index} lost another worker "
        f"({type(error).__name__}: {_reason(error)}); it starts again "
        f"({count} of at most {MAX_RESTARTS} times at step {step}) and waits "
        "until all are there: start again what died",
        file=sys.stderr,
        flush=True,
    )
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def _reason(error):
    """The line of TensorFlow's long text that says what happened."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if line.startswith("Collective ops")]
    return (told or lines or [""])[0][:200]


def _last_step(train_dir):
    epochs = RunDirectory(train_dir).epochs()
    return epochs[-1]["step"] if epochs else 0


@contextlib.contextmanager
def _quiet_unless(is_chief):
    if is_chief:
        yield
        return
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        yield
