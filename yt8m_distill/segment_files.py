"""Files of segment predictions: for each class a ranking of segments.

CSV is the submission file of the 2019 competition: first line `Class,Segments`,
then one line a class: `class,video:start video:start …`, the highest first
(with names in place of the indices `Name,Segments`).
JSON Lines and Parquet have the scores too: `class`, `segments` and `scores`.
"""

import contextlib
import csv
import io
import json
import reprlib
import zlib

import numpy as np

from yt8m_distill import feature_files, files
from yt8m_distill.errors import InputError
from yt8m_distill.prediction_files import (
    formats,
    parquet_file,
    prediction_file,
)

HEADER = "Class,Segments"
HEADER_WITH_NAMES = "Name,Segments"
# Names of columns and keys.
CLASS, SEGMENTS, SCORES, NAME = "class", "segments", "scores", "name"
# Columns of Parquet that are read, as of `parquet_file.read_rows`.
TYPES = {
    CLASS: parquet_file.INTEGER,
    SEGMENTS: parquet_file.LIST + parquet_file.TEXT,
}


def write(path, name, rankings, class_names=None):
    """Writes a file, whole or not at all.

    Args:
        path: str; packed by gzip if it ends in `.gz`.
        name: str, "csv", "jsonl" or "parquet".
        rankings: iterable of `(class, segment_ids, scores)`, as of
            `SegmentRanking.rankings`; classes without segments have no line.
        class_names: list of str, written in place of the index (CSV) or beside
            it; None: indices alone.

    Returns:
        int, classes written.

    Raises:
        InputError: as `formats.check`, or no file can be written there.
    """
    formats.check(path, name)
    found = (ranking for ranking in rankings if ranking[1])
    write_rows = {
        "csv": _write_csv,
        "jsonl": _write_jsonl,
        "parquet": _write_parquet,
    }[name]
    with (
        files.written_whole(path, "wb") as whole,
        formats.packing(whole, path) as opened,
    ):
        return write_rows(opened, found, class_names)


def read(path):
    """The classes of a file.

    Args:
        path: str; gzip if it ends in `.gz`.

    Yields:
        `(class, segment_ids)`: int and list of str, the highest first.

    Raises:
        InputError: naming file and line or row: it is no such file.
    """
    read_rows = {
        "csv": _read_csv,
        "jsonl": _read_jsonl,
        "parquet": _read_parquet,
    }[formats.of(path) or "csv"]
    try:
        yield from read_rows(path)
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise InputError(f"cannot read {path}: {error}") from None


def read_scored(path):
    """The classes of a file of JSON Lines, with their scores.

    Args:
        path: str.

    Yields:
        `(class, segment_ids, scores, name)`: int, list of str, float32 array
        and str, the class's name; None where it is not there.

    Raises:
        InputError: naming file and line: it is no such file.
    """

    def parsed(line):
        try:
            row = json.loads(line)
            label, segment_ids = _of_row(row)
            scores = np.array(row[SCORES], np.float32)
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"found {_shown(line)}") from None
        if (
            not _is_class(label)
            or not _are_segments(segment_ids)
            or scores.shape != (len(segment_ids),)
        ):
            raise ValueError(f"found {_shown(line)}")
        return label, segment_ids, scores, row.get(NAME)

    with open(path, encoding="utf-8") as opened:
        yield from prediction_file.parsed(
            opened,
            parsed,
            f"{path}: line",
            "expected a class, its segments and their scores",
        )


def is_segment_file(path):
    """Whether a file holds rankings of segments, by its first line."""
    if formats.of(path) == "parquet":
        with contextlib.suppress(InputError):
            with feature_files.reading_parquet(path) as opened:
                return SEGMENTS in opened.schema_arrow.names
        return False
    try:
        with prediction_file.opened_text(path) as opened:
            line = opened.readline().rstrip("\r\n")
    except (OSError, EOFError, UnicodeDecodeError, zlib.error):
        return False  # reading it will say what is wrong
    if formats.of(path) != "jsonl":
        return line in (HEADER, HEADER_WITH_NAMES)
    try:
        return SEGMENTS in json.loads(line)
    except (ValueError, TypeError):
        return False


def check_ids(segment_ids):
    """Refuses ids that the files cannot hold.

    Args:
        segment_ids: sequence of bytes.

    Raises:
        InputError: an id is no UTF-8, or has white space, which separates ids.
    """
    for one in segment_ids:
        try:
            if len(one.decode().split()) == 1:
                continue
        except UnicodeDecodeError:
            pass
        raise InputError(
            f"the id {one!r} has white space or is no UTF-8; segments of such "
            "videos cannot be written"
        )


def _read_csv(path):
    with prediction_file.opened_text(path) as opened:
        header = opened.readline().rstrip("\r\n")
        prediction_file.check_header(
            path, header, HEADER, HEADER_WITH_NAMES, "segment predictions"
        )
        yield from _parsed(opened, _of_line, f"{path}: line", 2)


def _read_jsonl(path):
    with prediction_file.opened_text(path) as opened:
        yield from _parsed(opened, _of_json, f"{path}: line")


def _read_parquet(path):
    # A row may hold 100,000 segments: one at a time.
    rows = parquet_file.read_rows(
        path, TYPES, "class (integers) and segments (lists of text)", 1
    )
    yield from _parsed(rows, _of_row, f"{path}: row")


def _parsed(rows, parse, place, first=1):
    """The classes of rows or lines; all formats are checked alike.

    Args:
        rows: iterable.
        parse: function of a row; gives the class and its segments, or raises
            what a row of another make leads to.
        place, first: as of `prediction_file.parsed`.
    """

    def checked(row):
        try:
            label, segment_ids = parse(row)
        except (ValueError, KeyError, TypeError):
            label, segment_ids = None, None
        if not _is_class(label) or not _are_segments(segment_ids):
            raise ValueError(f"found {_shown(row)}")
        return label, segment_ids

    return prediction_file.parsed(
        rows,
        checked,
        place,
        "expected a class (a whole number below "
        f"{prediction_file.LARGEST_VOCABULARY:,}) and its segments (each "
        "video:start)",
        first,
    )


def _of_line(line):
    label, comma, segment_ids = line.partition(",")
    return int(label), segment_ids.split() if comma else None


def _of_json(line):
    return _of_row(json.loads(line))


def _of_row(row):
    return row[CLASS], row[SEGMENTS]


def _is_class(label):
    return (
        type(label) is int and 0 <= label < prediction_file.LARGEST_VOCABULARY
    )


def _are_segments(segment_ids):
    return isinstance(segment_ids, list) and all(map(_is_segment, segment_ids))


def _is_segment(one):
    if not isinstance(one, str):
        return False
    video_id, _, start = one.rpartition(":")
    return bool(video_id) and start.isdecimal()


def _shown(row):
    """What is wrong, short: a row may have thousands of segments."""
    if isinstance(row, str):
        return repr(row.rstrip("\r\n")[:60])
    return reprlib.repr(row)


def _write_csv(opened, rankings, class_names):
    header = HEADER if class_names is None else HEADER_WITH_NAMES
    opened.write(f"{header}\n".encode())
    count = 0
    for count, (label, segment_ids, _) in enumerate(rankings, 1):
        own = " ".join(segment_ids)
        line = f"{label},{own}\n"
        if class_names is not None:
            line = _quoted_line(class_names[label], own)
        opened.write(line.encode())
    return count


def _quoted_line(*values):
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(values)
    return line.getvalue()


def _write_jsonl(opened, rankings, class_names):
    count = 0
    for count, (label, segment_ids, scores) in enumerate(rankings, 1):
        name = {} if class_names is None else {NAME: class_names[label]}
        head = json.dumps(
            {CLASS: label, **name, SEGMENTS: segment_ids}, ensure_ascii=False
        )
        digits = ", ".join(prediction_file.float32_digits(scores))
        opened.write(f'{head[:-1]}, "{SCORES}": [{digits}]}}\n'.encode())
    return count


def _write_parquet(opened, rankings, class_names):
    import pyarrow
    import pyarrow.parquet

    columns = {CLASS: pyarrow.int32()}
    if class_names is not None:
        columns[NAME] = pyarrow.string()
    columns[SEGMENTS] = pyarrow.list_(pyarrow.string())
    columns[SCORES] = pyarrow.list_(pyarrow.float32())
    schema = pyarrow.schema(columns)
    count = 0
    with pyarrow.parquet.ParquetWriter(opened, schema) as writer:
        for count, (label, segment_ids, scores) in enumerate(rankings, 1):
            row = {CLASS: [label], SEGMENTS: [segment_ids], SCORES: [scores]}
            if class_names is not None:
                row[NAME] = [class_names[label]]
            writer.write_table(pyarrow.table(row, schema))
    return count
