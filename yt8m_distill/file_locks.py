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
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if fcntl:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


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
