"""The formats of files of predictions, and how one is written or read.

A format is a file `NAME_file.py` in this folder that holds one subclass of
`PredictionFile`. Adding a format is adding a file.
"""

import contextlib
import gzip
import importlib
import inspect
import pathlib
import zlib

from yt8m_distill import files
from yt8m_distill.errors import InputError

# Level 9, the default of Python, takes far longer and saves next to nothing.
GZIP_LEVEL = 6


def names():
    """The formats, sorted; imports nothing."""
    folder = pathlib.Path(__file__).parent
    return sorted(
        file.stem.removesuffix("_file")
        for file in folder.glob("*_file.py")
        if file.stem != "prediction_file"
    )


def get_class(name):
    """The class of a format.

    Args:
        name: str, one of `names()`.
    """
    from yt8m_distill.prediction_files.prediction_file import PredictionFile

    module = importlib.import_module(
        f"yt8m_distill.prediction_files.{name}_file"
    )
    (found,) = [
        value
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, PredictionFile)
        and value.__module__ == module.__name__
    ]
    return found


def of(path):
    """The format whose ending a file name has, with or without `.gz`.

    Returns:
        str, one of `names()`; None for another ending.
    """
    ending = pathlib.PurePath(_unpacked(path)).suffix.lower()
    for name in names():
        if get_class(name).ending == ending:
            return name
    return None


def check(path, name):
    """Refuses a file that cannot be written in a format.

    Args:
        path: str; "" is a name that will suit.
        name: str, one of `names()`.

    Raises:
        InputError: the name is that of another format, the format is not packed
            by gzip, or a library is missing.
    """
    own = get_class(name)
    if _is_packed(path) and not own.packed_by_gzip:
        raise InputError(
            f"{path} ends in .gz, but {name} files are packed in themselves; "
            f"give a name that ends in {own.ending}"
        )
    other = of(path)
    if other and get_class(other).ending != own.ending:
        raise InputError(
            f"{path} has the ending of {other}, but the format is {name}; "
            f"give --output_format={other} or a name that ends in {own.ending}"
        )
    own.check_libraries()


@contextlib.contextmanager
def writing(path, name, top_k=20, class_names=None):
    """Opens a file of predictions that takes its name when it is complete.

    Args:
        path: str; packed by gzip if it ends in `.gz`.
        name: str, one of `names()`.
        top_k: int, pairs a video; fewer where there are fewer classes.
        class_names: list of str, the name of each class; None: indices alone.

    Yields:
        A `PredictionFile`. If the block raises, nothing is left behind and a
        file that was there before stays as it was.

    Raises:
        InputError: as `check`, or no file can be written there.
    """
    check(path, name)
    with (
        files.written_whole(path, "wb") as whole,
        packing(whole, path) as opened,
        get_class(name)(opened, top_k, class_names) as writer,
    ):
        yield writer


def read(path):
    """The videos of a file of predictions.

    Args:
        path: str, with the ending of a format; others are read as CSV. Gzip if
            it ends in `.gz`.

    Yields:
        `(video_id, classes, scores)`: str, int and float arrays `(pairs,)`, the
        highest score first (ties in the order of the file).

    Raises:
        InputError: naming file and line: it is no such file.
    """
    format_class = get_class(of(path) or "csv")
    if _is_packed(path) and not format_class.packed_by_gzip:
        raise InputError(f"{path} cannot be read packed; gunzip it")
    try:
        yield from format_class.read(path)
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise InputError(f"cannot read {path}: {error}") from None


def _is_packed(path):
    return str(path).lower().endswith(".gz")


def _unpacked(path):
    return str(path)[:-3] if _is_packed(path) else str(path)


def packing(opened, path):
    """The file itself, or one whose bytes are packed on their way there.

    Neither name nor time are in it: the same predictions, the same bytes.
    """
    if not _is_packed(path):
        return contextlib.nullcontext(opened)
    return gzip.GzipFile("", "wb", GZIP_LEVEL, opened, mtime=0)
