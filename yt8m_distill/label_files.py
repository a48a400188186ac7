"""CSV files of labels, and of the names that classes have."""

import csv
import io
import re

from yt8m_distill.errors import InputError
from yt8m_distill.feature_files import reading


def read_csv(file, *columns):
    """Yields [place for messages, value of each column] of a CSV file.

    Args:
        file: str.
        *columns: for each column a tuple of the names that it may have,
            whatever their case.
    """
    with reading(file) as opened:
        text = opened.read().decode("utf-8-sig")
        rows = csv.reader(io.StringIO(text, newline=""))
        header = [name.strip().lower() for name in next(rows, [])]
        chosen = []
        for names in columns:
            found = [n.lower() for n in names if n.lower() in header]
            if not found:
                raise InputError(
                    f"{file} has no column {' or '.join(names)}, only "
                    f"{', '.join(header) or 'nothing'}"
                )
            chosen.append(header.index(found[0]))
        for row in filter(None, rows):
            place = f"{file}: line {rows.line_num}"
            if len(row) <= max(chosen):
                raise InputError(
                    f"{place} has {len(row)} columns, expected {len(header)}"
                )
            yield [place, *(row[column].strip() for column in chosen)]


def read_class_names(file):
    """The names of classes, dict index → str; without those that have none.

    Args:
        file: str, a CSV file: the vocabulary of YouTube-8M or of AudioSet, or
            another with columns `index` and `name`.

    Raises:
        InputError: the file cannot be read, an index is none or comes twice.
    """
    names, seen = {}, set()
    for place, text, name in read_csv(
        file, ("index",), ("name", "display_name")
    ):
        if not re.fullmatch(r"[0-9]{1,18}", text) or int(text) in seen:
            raise InputError(
                f"{place}: index {text!r} is no whole number or comes again; "
                "expected one row a class"
            )
        seen.add(int(text))
        # The official vocabulary leaves some names empty.
        if name:
            names[int(text)] = name
    return names


def read_labels(file, id_column, labels_column, vocabulary=""):
    """The labels of each video, dict id → sorted list of int.

    Args:
        file: str, a CSV file.
        id_column, labels_column: str, names of the columns.
        vocabulary: str, a CSV file; "": labels are integers.

    Raises:
        InputError: a file cannot be read, a label is none, an id comes twice.
    """
    labels, indices = {}, {}
    if vocabulary:
        columns = ("index",), ("name", "display_name")
        for _, index, name in read_csv(vocabulary, *columns):
            indices.setdefault(name, []).append(index)
    for place, video_id, text in read_csv(file, (id_column,), (labels_column,)):
        if video_id in labels:
            raise InputError(
                f"{place} has {video_id!r} again; expected one row a video"
            )
        names = re.split(";" if vocabulary else r"[;\s]", text)
        names = [name.strip() for name in names if name.strip()]
        for place_in_row, name in enumerate(names if vocabulary else ()):
            found = indices.get(name, [])
            if len(found) != 1:
                raise InputError(
                    f"{place}: {name!r} is {len(found)} classes of "
                    f"{vocabulary}; expected names of one, separated by ;"
                )
            names[place_in_row] = found[0]
        labels[video_id] = sorted({checked_label(place, n) for n in names})
    return labels


def checked_label(place, text):
    """A label as int."""
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise InputError(
            f"{place}: {text!r} is no label; expected integers separated by "
            "spaces or ; (for names, give their --vocabulary)"
        )
    return int(text)
