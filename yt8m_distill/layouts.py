"""Records of one length, read side by side.

Shards hold few layouts: in two records of equal length everything lies at the
same places, but for the rare one whose map entries are in another order. So a
layout is found once, by walking through one record; of others the bytes that
say where things are are compared, all of them. A record that differs is walked
through as if it were the first.
"""

from typing import NamedTuple

import numpy as np

from yt8m_distill import records
from yt8m_distill.errors import RecordError

# Enough for videos of all lengths with all numbers of labels; and for the
# orders in which a record's entries may come.
MAX_LENGTHS = 8192
MAX_ORDERS = 8
# Bytes of a label; records with longer ones are walked through.
_LARGEST_VARINT = 3


class Layout(NamedTuple):
    """Where things are in records of one length.

    Attributes:
        literal_places, literals: int and uint8 arrays, the bytes that say so.
        video_id: slice of the id's bytes.
        labels: slice of the labels' varints, empty where there are none.
        rows: list of `FrameRows`, one a feature.
        headers: list of uint8 arrays, the header of a frame of each feature.
    """

    literal_places: np.ndarray
    literals: np.ndarray
    video_id: slice
    labels: slice
    rows: list
    headers: list

    def matches(self, block):
        """Which records have this layout, bool `(records,)`.

        Args:
            block: uint8 `(records, length)`.
        """
        same = (block[:, self.literal_places] == self.literals).all(1)
        labels = block[:, self.labels]
        if labels.shape[1]:
            same &= labels[:, -1] < 0x80
        for rows, header in zip(self.rows, self.headers):
            same &= _have_header(rows.view(block), header)
        return same

    def video_ids(self, block):
        """The ids of records, a list of bytes."""
        size = self.video_id.stop - self.video_id.start
        if not size:
            return [b""] * len(block)
        ids = block[:, self.video_id].tobytes()
        return [ids[at : at + size] for at in range(0, len(block) * size, size)]

    def label_pairs(self, block):
        """The labels of records.

        Returns:
            `(record, label)`, int arrays, one entry a label; None if there are
            numbers too large for it.
        """
        values = block[:, self.labels]
        num_bytes = values.shape[1]
        values = values.ravel()
        stops = np.flatnonzero(values < 0x80)
        if len(stops) == len(values):
            return stops // max(num_bytes, 1), values.astype(int)
        starts = np.append(0, stops[:-1] + 1)
        sizes = stops - starts + 1
        if sizes.max() > _LARGEST_VARINT:
            return None
        labels = values[starts] & 0x7F
        labels = labels.astype(int)
        for place in range(1, _LARGEST_VARINT):
            longer = sizes > place
            labels[longer] |= (
                values[starts[longer] + place].astype(int) & 0x7F
            ) << (7 * place)
        return starts // num_bytes, labels

    def frames(self, block, feature, chosen):
        """Frames of one feature of records that have this layout.

        Args:
            block: uint8 `(records, length)`.
            feature: int, its place in `rows`.
            chosen: slice or int array `(k,)`, the same of all records, or
                `(records, k)`.

        Returns:
            Array `(records, k, size)`, a view of `block` where it can be one.
        """
        rows = self.rows[feature]
        view = rows.view(block)
        if getattr(chosen, "ndim", 1) == 2:
            view = view[np.arange(len(block))[:, None], chosen]
        else:
            view = view[:, chosen]
        return rows.values(view)


def _have_header(view, header):
    """Which records start each of their frames with a header.

    Args:
        view: uint8 `(records, num_frames, distance)`.
        header: uint8 array.

    Returns:
        bool `(records,)`.
    """
    size = len(header)
    if size < 8:
        return (view[..., :size] == header).all((1, 2))
    # Eight bytes at a time; the first and the last eight may overlap.
    same = np.ones(len(view), bool)
    for start in {*range(0, size - 7, 8), size - 8}:
        found = view[..., start : start + 8].view(np.uint64)[..., 0]
        same &= (found == header[start : start + 8].view(np.uint64)).all(1)
    return same


class Layouts:
    """The layouts that were found so far.

    Args:
        id_key, labels_key: str, names in the context.
        feature_names: tuple of str, features to read.
    """

    def __init__(self, id_key, labels_key, feature_names):
        self.id_key = id_key
        self.labels_key = labels_key
        self.feature_names = feature_names
        self._found = {}

    def known(self, length):
        """The layouts of records of a length, a tuple."""
        return self._found.get(length, ())

    def learn(self, data):
        """Finds the layout of a record.

        Args:
            data: bytes, the record.

        Returns:
            A `Layout`, or None where the record is to be walked through.
        """
        try:
            layout = self._layout(data)
        except (IndexError, UnicodeDecodeError, KeyError, RecordError):
            return None  # walking will say what is wrong, if anything
        known = self.known(len(data))
        if layout is None or len(known) >= MAX_ORDERS:
            return layout
        if len(self._found) >= MAX_LENGTHS:
            self._found = {}
        self._found[len(data)] = (*known, layout)
        return layout

    def _layout(self, data):
        view = memoryview(data)
        opaque, rows = [], {}
        spans = {self.id_key: slice(0), self.labels_key: slice(0)}
        for number, start, stop in records.messages(view, 0, len(view)):
            if number == 1:
                for name, span in records.map_entries(view, start, stop):
                    if name in spans:
                        kind, *span = records.only_list_value(view, *span)
                        kinds = (1,) if name == self.id_key else (3, None)
                        if spans[name].stop or kind not in kinds:
                            return None
                        spans[name] = slice(*span)
                    opaque.append(tuple(span))
            elif number == 2:
                for name, span in records.map_entries(view, start, stop):
                    if name in rows:
                        return None
                    if name in self.feature_names:
                        rows[name] = records.read_frames(view, name, *span)[1]
                    opaque.append(span)
        if spans[self.id_key].stop == 0 or None in rows.values():
            return None
        is_literal = np.ones(len(data), bool)
        for start, stop in opaque:
            is_literal[start:stop] = False
        array = np.frombuffer(data, np.uint8)
        rows = [rows[name] for name in self.feature_names]
        return Layout(
            np.flatnonzero(is_literal),
            array[is_literal],
            spans[self.id_key],
            spans[self.labels_key],
            rows,
            [array[r.start : r.start + r.header_size].copy() for r in rows],
        )
