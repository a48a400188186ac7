"""The contract of files of predictions."""

import gzip
import shutil

import numpy as np

from yt8m_distill.errors import InputError, diverged
from yt8m_distill.metrics import top_classes

# Classes in files are below.
LARGEST_VOCABULARY = 1 << 24
# Bytes.
COPIED_AT_A_TIME = 1 << 20


class PredictionFile:
    """Writes predictions batch by batch; reads those of a whole file.

    A subclass has `write_pairs` and `read`, and `finish` where something is
    left to write at the end. One that needs more than the highest scores of
    each video has a `write` of its own instead of `write_pairs`.
    `formats.writing` opens and packs the file and gives it its name.

    Args:
        opened: the file, open for writing bytes.
        top_k: int, pairs a video; fewer where there are fewer classes.
        class_names: list of str, the name of each class; None: indices alone.

    Attributes:
        ending: str, of the names of such files, with its dot.
        packed_by_gzip: bool, whether the name may end in `.gz`.
        num_header_lines: int, lines of text before those of videos.
    """

    ending = None
    packed_by_gzip = True
    num_header_lines = 0

    def __init__(self, opened, top_k=20, class_names=None):
        self.opened = opened
        self.top_k = top_k
        self.class_names = class_names

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.finish()

    def write(self, video_ids, predictions):
        """Writes the highest scores of a batch.

        Args:
            video_ids: sequence of bytes `(batch,)`.
            predictions: float `(batch, num_classes)`.

        Raises:
            InputError: a score is not a number: the model has diverged.
        """
        if not np.isfinite(np.max(predictions, initial=0)):
            raise diverged()
        top_k = min(self.top_k, predictions.shape[1])
        classes = top_classes(predictions, top_k)
        self.write_pairs(
            list(map(_decoded, video_ids)),
            classes,
            np.take_along_axis(predictions, classes, 1),
        )

    def write_pairs(self, video_ids, classes, scores):
        """Writes pairs of classes and scores, all of them.

        Args:
            video_ids: list of str `(batch,)`.
            classes: int `(batch, pairs)`, an array or lists of any lengths.
            scores: float, finite and falling, as `classes`.
        """
        raise NotImplementedError

    def finish(self):
        """Writes what is left when all batches were written."""

    @classmethod
    def check_libraries(cls):
        """Raises InputError if a library is missing."""

    @classmethod
    def read(cls, path):
        """The videos of a file, as of `formats.read`."""
        raise NotImplementedError

    @classmethod
    def join(cls, paths, opened):
        """Writes files one after the other, as if all were written at once.

        Args:
            paths: list of str, files of this format and of one header.
            opened: the file, open for writing bytes.
        """
        for place, path in enumerate(paths):
            with opened_bytes(path) as part:
                for _ in range(cls.num_header_lines):
                    header = part.readline()
                    if not place:
                        opened.write(header)
                shutil.copyfileobj(part, opened, COPIED_AT_A_TIME)


def opened_bytes(path):
    """Opens a file for reading bytes; gzip if it ends in `.gz`."""
    if str(path).lower().endswith(".gz"):
        return gzip.open(path, "rb")
    return open(path, "rb")


def opened_text(path):
    """Opens a file of UTF-8 for reading; gzip if it ends in `.gz`."""
    if str(path).lower().endswith(".gz"):
        return gzip.open(path, "rt", encoding="utf-8")
    return open(path, encoding="utf-8")


def parsed(rows, parse, place, expected, first=1):
    """What the rows or lines of a file hold, once each is checked.

    Args:
        rows: iterable.
        parse: function of a row; gives what it holds or raises ValueError.
        place: str for messages, in front of the row's number.
        expected: str for messages, what a row is.
        first: int, the number of the first row.

    Yields:
        What `parse` gives.

    Raises:
        InputError: naming the row that is none.
    """
    for number, row in enumerate(rows, first):
        try:
            found = parse(row)
        except (ValueError, OverflowError) as error:
            raise InputError(f"{place} {number}: {error}; {expected}") from None
        yield found


def check_header(path, line, header, header_with_names, what):
    """Refuses a CSV file by its first line.

    Args:
        path: str, for messages.
        line: str, the first line, without its end.
        header: str, what it is to be.
        header_with_names: str, of files that cannot be read again.
        what: str for messages, what the file is to hold.

    Raises:
        InputError: it is another one.
    """
    if line == header_with_names:
        raise InputError(
            f"{path} holds the names of classes, not their indices; predict "
            "again without --vocabulary"
        )
    if line != header:
        raise InputError(
            f"{path} starts with {line[:60]!r}, not with {header!r}; give a "
            f"file of {what}"
        )


def float32_digits(scores):
    """The shortest digits that are read as the same float32, a list of str.

    What `json` writes are those of a float64.

    Args:
        scores: float `(pairs,)`, an array or a list.
    """
    return np.asarray(scores, np.float32).astype(str).tolist()


def as_lists(values):
    """Rows of an array or of lists, as lists of Python's own numbers."""
    return values.tolist() if isinstance(values, np.ndarray) else values


def _decoded(video_id):
    try:
        return video_id.decode()
    except UnicodeDecodeError:
        raise InputError(
            f"the id {video_id!r} is no UTF-8; such videos cannot be written"
        ) from None


def checked(video_id, classes, scores):
    """A video's arrays, the highest score first.

    Args:
        video_id: str.
        classes, scores: int and float arrays `(pairs,)`.

    Returns:
        The three, as `formats.read` yields them.

    Raises:
        ValueError: they are no predictions.
    """
    if len(np.unique(classes)) < len(classes) or not np.isfinite(scores).all():
        raise ValueError("a class is there twice, or a score is no number")
    wrong = classes[(classes < 0) | (classes >= LARGEST_VOCABULARY)]
    if len(wrong):
        raise ValueError(f"class {wrong[0]} is below 0 or far too high")
    order = np.argsort(-scores, kind="stable")
    return video_id, classes[order], scores[order]
