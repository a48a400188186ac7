"""Files that are whole or not there."""

import contextlib
import json
import os
import pathlib


@contextlib.contextmanager
def written_whole(path):
    """Opens a text file that takes its name only when it is complete.

    Args:
        path: str or path; its folder is made.

    Yields:
        The open file. If the block raises, nothing is left behind and a file
        that was there before stays as it was.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.partial")
    try:
        with open(temporary, "w", encoding="utf-8", newline="\n") as opened:
            yield opened
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path, value):
    """Writes a value as indented JSON, whole or not at all."""
    with written_whole(path) as opened:
        json.dump(value, opened, indent=2)
        opened.write("\n")
