"""Reads many videos at a time, those that are laid out alike side by side.

A block of records of one length is read into memory that stays in the
processor's cache; what differs between them is then found, and the chosen
frames taken, for all of them at once.
"""

from typing import NamedTuple

import numpy as np

from yt8m_distill import tfrecord
from yt8m_distill.batch_memory import BatchMemory
from yt8m_distill.errors import RecordError
from yt8m_distill.layouts import Layouts
from yt8m_distill.records import ZERO_BYTE

# Bytes of records that are read at a time: many, and still in the cache.
BLOCK_SIZE = 1 << 22


class Group(NamedTuple):
    """Videos with the same number of frames.

    Attributes:
        places: int array `(videos,)`, which of those that were asked for.
        num_frames: int, frames of the first feature in the record.
        video_ids: list of bytes.
        labels: `(video, label)`, int arrays with one entry a label; None where
            labels do not count.
        features: list of arrays `(videos, k, size)`, the chosen frames.
    """

    places: np.ndarray
    num_frames: int
    video_ids: list
    labels: tuple
    features: list


class GroupReader:
    """Reads groups of videos of one set of shards.

    Args:
        shards: `Shards`.
    """

    def __init__(self, shards):
        self._shards = shards
        self._layouts = Layouts(
            shards.id_key, shards.labels_key, shards.feature_names
        )
        self._memory = BatchMemory()

    def groups(self, numbers, index, choose):
        """As `Shards.groups`.

        Args:
            numbers: int array `(videos,)`.
            index: int array, (file, record, start, length) of every record.
            choose: as of `Shards.groups`.
        """
        index = index[numbers]
        order = np.argsort(index[:, 3], kind="stable")
        lengths = index[order, 3]
        first = 0
        while first < len(order):
            length = int(lengths[first])
            last = np.searchsorted(lengths, length, "right")
            # A record takes its checksum along.
            size = length + tfrecord.FOOTER_SIZE
            last = min(last, first + max(1, BLOCK_SIZE // size))
            places = order[first:last]
            first = last
            block = self._read(numbers[places], index[places], size)
            yield from self._of_block(
                numbers, places, block[:, :length], choose
            )
            del block  # its memory is in the cache: to be used next

    def _read(self, numbers, index, size):
        """Records of one length, uint8 `(records, size)`."""
        shards = self._shards
        needed = len(index) * size
        # Few sizes, so that memory is used again.
        whole = max(BLOCK_SIZE, 1 << (needed - 1).bit_length())
        memory = self._memory.array((whole,), np.uint8)
        view = memoryview(memory)
        file = None
        for row, (number, start) in enumerate(index[:, [0, 2]].tolist()):
            if number != file:
                file = number
                opened = shards.opened(file)
            found = opened.read_into(view[row * size : (row + 1) * size], start)
            if found < size:
                raise shards.error(
                    numbers[row],
                    RecordError(
                        "the file has become shorter; start again", "cut off"
                    ),
                )
        block = memory[:needed].reshape(-1, size)
        if shards.verify_checksums:
            for row, number in enumerate(numbers):
                try:
                    tfrecord.verify(
                        block[row, : -tfrecord.FOOTER_SIZE],
                        block[row, -tfrecord.FOOTER_SIZE :].tobytes(),
                    )
                except RecordError as error:
                    raise shards.error(number, error) from None
        return block

    def _of_block(self, numbers, places, block, choose):
        """The groups in records of one length."""
        for layout in self._layouts.known(block.shape[1]):
            if len(places):
                places, block = yield from self._matching(
                    layout, numbers, places, block, choose
                )
        while len(places):  # a layout that was not seen yet, or none
            layout = self._layouts.learn(block[0].tobytes())
            left = len(places)
            if layout is not None:
                places, block = yield from self._matching(
                    layout, numbers, places, block, choose
                )
            if len(places) == left:
                yield self._walked(numbers[places[0]], places[:1], choose)
                places, block = places[1:], block[1:]

    def _matching(self, layout, numbers, places, block, choose):
        """Yields the records with a layout; returns the others."""
        if not self._fits(layout):
            return places, block
        same = layout.matches(block)
        if same.all():
            # Without an index, as nearly always, nothing is copied.
            same, others = slice(None), slice(0)
        elif same.any():
            others = ~same
        else:
            return places, block
        found = places[same]
        group = self._taken(layout, found, block[same], choose)
        if group is not None:
            yield group
        else:
            for place in found:
                yield self._walked(numbers[place], np.array([place]), choose)
        return places[others], block[others]

    def _fits(self, layout):
        """Whether records of a layout have the features that are wanted."""
        shards = self._shards
        return all(
            rows.num_frames > 0
            and rows.is_float == (shards.dtype == "float32")
            and rows.distance - rows.header_size
            == size * (4 if rows.is_float else 1)
            for rows, size in zip(layout.rows, shards.feature_sizes)
        )

    def _taken(self, layout, places, block, choose):
        """The group of records with a layout; None if they need a walk."""
        labels = layout.label_pairs(block)
        if labels is None:
            return None
        num_frames = layout.rows[0].num_frames
        chosen = choose(num_frames, places)
        features = [
            _padded(
                lambda some: layout.frames(block, feature, some),
                rows.num_frames,
                chosen,
            )
            for feature, rows in enumerate(layout.rows)
        ]
        return Group(
            places, num_frames, layout.video_ids(block), labels, features
        )

    def _walked(self, number, place, choose):
        """The group of one record that is walked through."""
        video_id, labels, features = self._shards.video(number)
        num_frames = len(features[0])
        chosen = choose(num_frames, place)
        if getattr(chosen, "ndim", 1) == 2:
            chosen = chosen[0]
        taken = [
            _padded(lambda some: values[None, some], len(values), chosen)
            for values in features
        ]
        pairs = np.zeros(len(labels), int), np.array(labels, int)
        return Group(place, num_frames, [video_id], pairs, taken)


def _padded(take, num_frames, chosen):
    """Chosen frames of a feature that may have fewer frames than the first.

    Args:
        take: function from chosen frames to their values.
        num_frames: int, frames of this feature.
        chosen: slice or int array, of the first feature's frames.

    Returns:
        The values; frames that are missing are as if they were 0.0.
    """
    if isinstance(chosen, slice):
        if chosen.stop <= num_frames:
            return take(chosen)
        chosen = np.arange(chosen.start, chosen.stop, chosen.step)
    there = chosen < num_frames
    if there.all():
        return take(chosen)
    values = take(np.minimum(chosen, num_frames - 1)).copy()
    values[..., ~there, :] = ZERO_BYTE if values.dtype == np.uint8 else 0
    return values
