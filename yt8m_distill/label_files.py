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
            another with columns `index` and `name`; "": there is none, and
            None is returned.

    Raises:
        InputError: the file cannot be read, an index is none or comes twice.
    """
    if not file:
        return None
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


def all_names(known, num_classes):
    """A name for each class: its index where none is known.

    Prints how many are not.

    Args:
        known: dict index → str, as of `read_class_names`, or None.
        num_classes: int, size of the vocabulary.

    Returns:
        list of str; None for None.
    """
    if known is None:
        return None
    names = [known.get(label) for label in range(num_classes)]
    missing = names.count(None)
    if missing:
        print(
            f"--vocabulary has no name for {missing:,} of {num_classes:,} "
            "classes; their index stands for it"
        )
    return [name or str(label) for label, name in enumerate(names)]


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


def read_label_ids(file, num_classes):
    """The classes in a column `Index`, such as segment_label_ids.csv.

    Args:
        file: str, a CSV file.
        num_classes: int, size of the vocabulary.

    Returns:
        list of int, rising.

    Raises:
        InputError: the file cannot be read, holds no class, one twice, or one
            outside the vocabulary.
    """
    found = set()
    for place, text in read_csv(file, ("index",)):
        label = checked_label(place, text)
        if label in found or label >= num_classes:
            why = "is there twice" if label in found else "is no class"
            raise InputError(
                f"{place}: {label} {why}; expected different classes below "
                f"{num_classes}"
            )
        found.add(label)
    if not found:
        raise InputError(f"{file} holds no class; give one a line")
    return sorted(found)
