"""Files of segment predictions: for each class a ranking of segments.

CSV is the submission file of the 2019 competition: first line `Class,Segments`,
then one line a class: `class,video:start video:start …`, the highest first
(with names in place of the indices `Name,Segments`).
JSON Lines and Parquet have the scores too: `class`, `segments` and `scores`.
"""

import contextlib
import json
import zlib

import numpy as np

from yt8m_distill import feature_files, files
from yt8m_distill.errors import InputError
from yt8m_distill.prediction_files import formats, prediction_file

HEADER = "Class,Segments"
HEADER_WITH_NAMES = "Name,Segments"
# Names of columns and keys.
CLASS, SEGMENTS, SCORES, NAME = "class", "segments", "scores", "name"


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
        InputError: naming file and line: it is no such file.
    """
    if formats.of(path) == "parquet":
        yield from _read_parquet(path)
        return
    parse = _parsed_json if formats.of(path) == "jsonl" else _parsed
    try:
        with prediction_file.opened_text(path) as opened:
            number = 0
            if parse is _parsed:
                number = 1
                header = opened.readline().rstrip("\r\n")
                if header == HEADER_WITH_NAMES:
                    raise InputError(
                        f"{path} holds the names of classes, not their "
                        "indices; predict again without --vocabulary"
                    )
                if header != HEADER:
                    raise InputError(
                        f"{path} starts with {header[:60]!r}, not with "
                        f"{HEADER!r}; give a file of segment predictions"
                    )
            for number, line in enumerate(opened, number + 1):
                line = line.rstrip("\r\n")
                try:
                    yield parse(line)
                except (ValueError, KeyError, TypeError, AttributeError):
                    raise InputError(
                        f"{path}: line {number}: found {line[:60]!r}; a line "
                        "is a class and its segments, each video:start"
                    ) from None
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise InputError(f"cannot read {path}: {error}") from None


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


def _read_parquet(path):
    with feature_files.reading_parquet(path) as opened:
        for batch in opened.iter_batches(columns=[CLASS, SEGMENTS]):
            for row in batch.to_pylist():
                yield row[CLASS], row[SEGMENTS]


def _write_csv(opened, rankings, class_names):
    header = HEADER if class_names is None else HEADER_WITH_NAMES
    opened.write(f"{header}\n".encode())
    count = 0
    for count, (label, segment_ids, _) in enumerate(rankings, 1):
        own = f"{label}" if class_names is None else _quoted(class_names[label])
        opened.write(f"{own},{' '.join(segment_ids)}\n".encode())
    return count


def _write_jsonl(opened, rankings, class_names):
    count = 0
    for count, (label, segment_ids, scores) in enumerate(rankings, 1):
        name = {} if class_names is None else {NAME: class_names[label]}
        head = json.dumps(
            {CLASS: label, **name, SEGMENTS: segment_ids}, ensure_ascii=False
        )
        # The shortest digits of a float32, which json does not know.
        digits = ", ".join(np.asarray(scores, np.float32).astype(str).tolist())
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


def _quoted(name):
    """A name as CSV wants it."""
    if any(mark in name for mark in ',"\n'):
        return '"' + name.replace('"', '""') + '"'
    return name


def _parsed(line):
    label, comma, segment_ids = line.partition(",")
    segment_ids = segment_ids.split()
    if not comma or not all(map(_is_segment, segment_ids)):
        raise ValueError
    return _checked(int(label)), segment_ids


def _checked(label):
    if not 0 <= label < prediction_file.LARGEST_VOCABULARY:
        raise ValueError
    return label


def _parsed_json(line):
    row = json.loads(line)
    if not all(map(_is_segment, row[SEGMENTS])):
        raise ValueError
    return _checked(int(row[CLASS])), row[SEGMENTS]


def _is_segment(text):
    return text.rpartition(":")[2].isdecimal() and ":" in text[1:]
