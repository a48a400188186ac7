"""How many videos have each label, of shards whose frames are not read."""

import numpy as np

from yt8m_distill import records
from yt8m_distill.errors import RecordError

# Bytes of a record that are read at first: a frame-level record's id and labels
# and the header of its frames, a hundredth of the whole.
FIRST_BYTES = 1024
# Labels that are counted together.
LABELS_AT_A_TIME = 1 << 20
# Tags of the nested messages in fields 1, 2 and 3.
_FIRST, _SECOND, _THIRD = 0x0A, 0x12, 0x1A


def count_labels(shards, num_classes):
    """Videos that have each label.

    A record is read up to its frames and no further; whole where its labels lie
    elsewhere, or where checksums are verified. What is wrong with its frames
    goes unnoticed.

    Args:
        shards: `Shards`.
        num_classes: int, size of the vocabulary.

    Returns:
        int64 `(num_classes,)`; a label that a video has twice counts once.

    Raises:
        RecordError: naming the first record that cannot be read or has a label
            outside the vocabulary; where bad records are skipped, they do not
            count.
    """
    counts = np.zeros(num_classes, np.int64)
    pending = []
    labels_key = shards.labels_key.encode()
    for number, first_bytes, length in shards.first_bytes(FIRST_BYTES):
        labels = None
        if not shards.verify_checksums:
            labels = _labels(first_bytes, length, labels_key)
        try:
            if labels is None:
                labels = shards.video(number)[1]
            labels = set(labels)
            shards.check_labels(number, labels, num_classes)
        except RecordError as error:
            shards.skip(number, error)
            continue
        pending.extend(labels)
        if len(pending) >= LABELS_AT_A_TIME:
            counts += np.bincount(pending, minlength=num_classes)
            pending = []
    # Without a label it would not know that they are integers.
    return counts + np.bincount(np.array(pending, int), minlength=num_classes)


def _labels(first_bytes, length, labels_key):
    """The labels of a record; None where its first bytes do not tell.

    The usual order of fields and nothing else, in a third of the time that
    `records` takes for any order.

    Args:
        first_bytes: bytes.
        length: int, bytes of the whole record.
        labels_key: bytes.

    Returns:
        Iterable of int, or None.
    """
    try:
        return _walk(first_bytes, length, labels_key)
    except (RecordError, IndexError):
        return None  # the reading of the whole record says what is wrong


def _walk(data, length, labels_key):
    start, stop = _nested(data, 0, _FIRST)  # the context
    if stop < length:
        # Only frames follow, and no second part of the context.
        _, end = _nested(data, stop, _SECOND)
        if end != length:
            return None
    found = []
    while start < stop:
        entry, start = _nested(data, start, _FIRST)
        key, value = _nested(data, entry, _FIRST)
        if data[key:value] == labels_key:
            found = []
            value, end = _nested(data, value, _SECOND)
            if value < end == start:  # else there is no list
                value, end = _nested(data, value, _THIRD)
            if value < end == start:  # else it is empty
                value, end = _nested(data, value, _FIRST)
                found = records.integers(data[value:end])
            if end != start:
                return None
    return found if start == stop <= len(data) else None


def _nested(data, position, tag):
    """`(start, stop)` of the message at a position, which has this tag.

    Raises:
        RecordError: it has another.
    """
    if data[position] != tag:
        raise RecordError("another order of fields")
    size, start = records.varint(data, position + 1)
    return start, start + size
