"""Locks that several processes of a machine keep to."""

import contextlib
import os
import pathlib
import time

try:
    import fcntl
except ImportError:  # not there on Windows, where nobody waits for anybody
    fcntl = None


def acquire(path):
    """Locks a file, unless a process that still lives has it.

    The lock ends when every process that has the descriptor has closed it or
    has ended, however it ended; a child that inherits it keeps it.

    Args:
        path: str or path of the lock's file, which is made and stays.

    Returns:
        int, a file descriptor to be closed; None if another has the lock.

    Raises:
        OSError: the file cannot be made, or its disk knows no locks.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if fcntl:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if isinstance(error, BlockingIOError):
            return None
        raise
    return descriptor


def inherited(descriptor):
    """The descriptors that keep a lock in a child, a list.

    Args:
        descriptor: int, as of `acquire`.
    """
    # Windows hands none on.
    return [descriptor] if fcntl else []


@contextlib.contextmanager
def held(path, waiting):
    """Holds a lock for the time of a block; waits for it as long as it takes.

    Args:
        path: str or path of the lock's file.
        waiting: str, the line that is printed if another process has it.
    """
    descriptor = acquire(path)
    if descriptor is None:
        print(waiting, flush=True)
    while descriptor is None:
        time.sleep(0.5)
        descriptor = acquire(path)
    try:
        yield
    finally:
        os.close(descriptor)
