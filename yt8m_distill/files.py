"""Files that are whole or not there."""

import contextlib
import errno
import glob
import json
import os
import pathlib

from yt8m_distill.errors import InputError


def refuse_remote(path, name=""):
    """Refuses an address where a path of this machine is needed.

    Args:
        path: str or path, such as `"gs://bucket/run"`.
        name: str, the flag that has it; "": none.

    Raises:
        InputError: it is remote.
    """
    if "://" in str(path):
        flag = f"--{name}=" if name else ""
        raise InputError(
            f"{flag}{path} is remote, but only shards may be: runs and what is "
            "written lie on this machine; give a local path and copy it after"
        )


def check_pattern(pattern, name):
    """Refuses a pattern of shards that would be found wrong much later.

    Args:
        pattern: str, several separated by commas, as of `shards.match`; "":
            none.
        name: str, the flag that has it.

    Raises:
        InputError: a part of it, on this machine, matches no file.
    """
    for part in pattern.split(",") if pattern else []:
        # TensorFlow takes both for "none of these".
        found = glob.glob(part.replace("[^", "[!"))
        if "://" not in part and not any(map(os.path.isfile, found)):
            raise InputError(
                f"--{name}: no file matches {part!r}; give a pattern such as "
                f"'data/{name.partition('_')[0]}*.tfrecord' (in quotes)"
            )


def identity(path):
    """What tells one state of a file from another; None: there is no file."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


@contextlib.contextmanager
def written_whole(path, mode="w"):
    """Opens a file that takes its name only when it is complete.

    Args:
        path: str or path; its folder is made.
        mode: str, "w" for text (UTF-8) or "wb" for bytes.

    Yields:
        The open file. If the block raises, nothing is left behind and a file
        that was there before stays as it was.

    Raises:
        InputError: no file can be written there.
    """
    refuse_remote(path)
    path = pathlib.Path(path)
    temporary = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.touch()
        if path.is_dir():
            temporary.unlink()
            raise IsADirectoryError(errno.EISDIR, "it is a directory")
    except OSError as error:
        raise InputError(
            f"cannot write {path}: {error.strerror}; give another file name"
        ) from None
    text = {} if "b" in mode else {"encoding": "utf-8", "newline": "\n"}
    try:
        with open(temporary, mode, **text) as opened:
            yield opened
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path, value):
    """Writes a value as indented JSON, whole or not at all."""
    with written_whole(path) as opened:
        json.dump(value, opened, indent=2)
        opened.write("\n")
