"""A set of TFRecord shards, opened for random access by record number."""

import copy

import numpy as np
import tensorflow as tf

from yt8m_distill import record_writer, records, tfrecord
from yt8m_distill.errors import InputError, RecordError
from yt8m_distill.group_reader import GroupReader
from yt8m_distill.open_files import OpenFiles
from yt8m_distill.record_schema import RecordSchema, parse

# Records that are looked at to find what the others hold.
TRIED_RECORDS = 100
# Videos that are read together where their frames are not needed.
VIDEOS_AT_A_TIME = 1024
# Files whose records are shuffled among each other: enough to mix, few enough
# to read from a disk.
SHUFFLED_SHARDS = 16


class Shards:
    """The videos of all shards that match a pattern, in the order of names.

    The index (where each record starts) is made when the object is, so that
    cut-off files, wrong formats and missing features are found before anything
    else is done.

    Args:
        pattern: file name pattern, several separated by commas; anything that
            `tf.io.gfile.glob` takes. Files may be remote or compressed.
        feature_names: names of the frame features to read, joined in this
            order; empty: all that the first record has. Video-level records
            (`Example`) give one frame, of their float features.
        feature_sizes: values a frame of each feature; empty: as in the first
            record, but 1024 for `rgb` and 128 for `audio`, so that records of
            another layout under these names are not taken for videos.
        id_key: name of the video's id in the records; empty: the first of
            `record_schema.ID_KEYS` that the first record has.
        labels_key: name of the labels.
        verify_checksums: whether to compare the checksum of each record's data,
            for which all of its bytes are read.
        part: `(index, count)`: only that one of so many parts, that are
            disjoint and together all. They are whole files, of which no other
            is looked at, where there are enough, else records; in the order of
            the parts they are those of the shards. None: all.
        skipped: `SkippedRecords`: bad records are noted there, and files that
            are cut off end where they break; None: they raise.

    Attributes:
        files: list of file names, sorted.
        feature_names: tuple of str.
        feature_sizes: tuple of int.
        dtype: "uint8" (quantised features) or "float32".
        is_video_level: bool.
        id_key, labels_key, skipped: as above.

    Raises:
        InputError: no file matches, a file is empty, cut off or no TFRecord
            file, or the first record is not a video with these features.
    """

    def __init__(
        self,
        pattern,
        feature_names=(),
        feature_sizes=(),
        *,
        id_key="",
        labels_key="labels",
        verify_checksums=False,
        part=None,
        skipped=None,
    ):
        self.pattern = pattern
        self.files = match(pattern)
        of_files = part is not None and len(self.files) >= part[1]
        if of_files:
            self.files = _part_of(self.files, *part)
        self.verify_checksums = verify_checksums
        self.skipped = skipped
        self._files = OpenFiles()
        self._video_ids = None
        # (file, record in it, offset, length) of each video
        self._index = np.concatenate(
            [self._index_file(number) for number in range(len(self.files))]
        )
        if part is not None and not of_files:
            if len(self._index) < part[1]:
                raise InputError(
                    f"{part[1]} parts of {pattern} would not all have videos: "
                    f"there are {len(self._index)}; make fewer parts"
                )
            self._index = _part_of(self._index, *part)
        schema = self._find_schema(
            tuple(feature_names), tuple(feature_sizes), id_key, labels_key
        )
        self._schema = schema
        self.feature_names = schema.feature_names
        self.feature_sizes = schema.feature_sizes
        self.dtype = schema.dtype
        self.is_video_level = schema.is_video_level
        self.id_key = schema.id_key
        self.labels_key = schema.labels_key
        self._reader = GroupReader(self)

    def __len__(self):
        """Number of videos."""
        return len(self._index)

    def video(self, number):
        """Reads one record whole.

        Args:
            number: int in `[0, len(self))`.

        Returns:
            `(video_id, labels, features)`: bytes, list of int, list of arrays
            `(num_frames, size)` in the order of `feature_names`.

        Raises:
            RecordError: naming file, record, what is wrong and the remedy.
        """
        try:
            return self._schema.read(self._bytes(number))
        except RecordError as error:
            raise self.error(number, error) from None

    def groups(self, numbers, choose):
        """Reads videos, those that are laid out alike at a time.

        Args:
            numbers: record numbers, `(videos,)`.
            choose: function `(num_frames, places)` → which frames of videos
                that have `num_frames` and stand at `places` in `numbers`:
                slice or int array `(k,)`, or int array `(places, k)`.

        Yields:
            `Group`s, together all videos. Their features are to be copied
            before the next one is asked for.

        Raises:
            RecordError: as `video`.
        """
        return self._reader.groups(
            np.asarray(numbers, int), self._index, choose
        )

    def video_and_context(self, number):
        """As `video`, with all that the record's context holds.

        Args:
            number: int in `[0, len(self))`.

        Returns:
            `(video_id, labels, features, context)`; the last is a dict name →
            list of bytes or int, or float32 array.

        Raises:
            RecordError: as of `video`.
        """
        try:
            video = parse(self._bytes(number))
            return *self._schema.checked(video), video.context
        except RecordError as error:
            raise self.error(number, error) from None

    def ids_and_labels(self):
        """Yields `(video_id, labels)`, bytes and list of int, of each video.

        Raises:
            RecordError: naming the first record that cannot be read.
        """
        for start in range(0, len(self), VIDEOS_AT_A_TIME):
            numbers = range(start, min(start + VIDEOS_AT_A_TIME, len(self)))
            ids, labels = [None] * len(numbers), [[] for _ in numbers]
            for group in self.groups(numbers, lambda *_: slice(0, 1, 1)):
                for place, video_id in zip(group.places, group.video_ids):
                    ids[place] = video_id
                for video, label in zip(*group.labels):
                    labels[group.places[video]].append(int(label))
            yield from zip(ids, labels)

    def first_bytes(self, most):
        """The first bytes of each record, in order.

        Args:
            most: int, bytes that are read of a record.

        Yields:
            `(number, bytes, length)`: the record's number, as many of its bytes
            as there are up to `most`, and how many there are in all.
        """
        for first in range(0, len(self), VIDEOS_AT_A_TIME):
            rows = self._index[first : first + VIDEOS_AT_A_TIME].tolist()
            for number, (file, _, start, length) in enumerate(rows, first):
                read = self.opened(file).read(start, min(most, length))
                yield number, read, length

    def context_bytes(self, number):
        """The bytes of one record's context, as they are in the file."""
        return records.context_bytes(memoryview(self._bytes(number)))

    def copy_records(self, path, numbers):
        """Writes a shard of some records, byte for byte.

        Args:
            path: path of the new shard.
            numbers: record numbers, all of one file.

        Returns:
            int, bytes written.
        """
        rows = self._index[np.asarray(numbers, int)]
        opened = self.opened(rows[0, 0])
        return record_writer.copy_records(
            path, opened.read, rows[:, 2:].tolist()
        )

    def files_of(self, numbers):
        """The number of the file in `files` of each record, an int64 array."""
        return self._index[np.asarray(numbers, int), 0]

    def sizes(self):
        """Bytes of each record, an int64 array."""
        return self._index[:, 3]

    def opened(self, file):
        """The `OpenFile` of a file, by its number in `files`.

        Raises:
            InputError: it was there before and cannot be read now.
        """
        try:
            return self._files.get(self.files[file])
        except RecordError as error:
            raise InputError(str(error)) from None

    def place(self, number):
        """`(file name, record in it)` of a video."""
        file, record, _, _ = self._index[number].tolist()
        return self.files[file], record

    def skip(self, number, error):
        """Notes a bad record, or raises `error` if none may be skipped."""
        if self.skipped is None:
            raise error
        self.skipped.add(self.place(number), error)

    def readable(self, num_classes):
        """The same shards without the records that cannot be used.

        All are read once for it, where bad records are skipped.

        Args:
            num_classes: int, labels have to be below.
        """
        if self.skipped is None:
            return self
        good = []
        for number in range(len(self)):
            try:
                self.check_labels(number, self.video(number)[1], num_classes)
                good.append(number)
            except RecordError as error:
                self.skip(number, error)
        return self.select(good)

    def check_labels(self, number, labels, num_classes):
        """Refuses labels outside a vocabulary.

        Args:
            number: int, the record's.
            labels: list of int.
            num_classes: int, size of the vocabulary.

        Raises:
            RecordError: naming file, record and label.
        """
        for label in labels:
            if not 0 <= label < num_classes:
                raise self.error(number, label_error(label, num_classes))

    def describe(self):
        """What was found, in one line for people."""
        kind = "byte" if self.dtype == "uint8" else "float"
        features = ", ".join(
            f"{name} ({size} {kind}s)"
            for name, size in zip(self.feature_names, self.feature_sizes)
        )
        level = "video" if self.is_video_level else "frame"
        return (
            f"{len(self):,} videos in {len(self.files)} shards, {level} level, "
            f"id in {self.id_key!r}, labels in {self.labels_key!r}, "
            f"features {features}"
        )

    def error(self, number, reason):
        """A `RecordError` that names the file and place of a record.

        Args:
            number: int, the record's; also the error's attribute `number`.
            reason: `RecordError`, what is wrong with it.
        """
        file, record = self.place(number)
        error = RecordError(f"{file}: record {record}: {reason}", reason.reason)
        error.number = number
        return error

    def video_ids(self):
        """The ids of all videos, a list of bytes.

        Raises:
            RecordError: naming the first record that cannot be read.
        """
        if self._video_ids is None:  # every record is read for it
            self._video_ids = [one for one, _ in self.ids_and_labels()]
        return self._video_ids

    def checksums(self):
        """The data checksums that the files hold for all videos, as bytes.

        They are not verified; other data have others.
        """
        return b"".join(
            self.opened(file).read(start + length, tfrecord.FOOTER_SIZE)
            for file, _, start, length in self._index.tolist()
        )

    def select(self, numbers):
        """The same shards with some of the videos only.

        Args:
            numbers: rising record numbers.

        Returns:
            `Shards`, whose videos are numbered anew.
        """
        selected = copy.copy(self)
        selected._reader = GroupReader(selected)
        selected._index = self._index[np.asarray(numbers, int)]
        if self._video_ids is not None:
            selected._video_ids = [self._video_ids[n] for n in numbers]
        return selected

    def shuffled(self, seed, epoch):
        """The order of one epoch: files permuted, then records within groups.

        Args:
            seed: int.
            epoch: int; the same pair gives the same order.

        Returns:
            int64 array, a permutation of the record numbers.
        """
        generator = np.random.default_rng((seed, epoch))
        bounds = np.searchsorted(
            self._index[:, 0], np.arange(len(self.files) + 1)
        )
        files = generator.permutation(len(self.files))
        groups = []
        for start in range(0, len(files), SHUFFLED_SHARDS):
            group = np.concatenate(
                [
                    np.arange(bounds[file], bounds[file + 1])
                    for file in files[start : start + SHUFFLED_SHARDS]
                ]
            )
            groups.append(generator.permutation(group))
        return np.concatenate(groups)

    def _index_file(self, number):
        file = self.files[number]
        try:
            opened = self._files.get(file)
        except RecordError as error:
            return self._without_records(file, error)
        index, error = tfrecord.index_records(opened.read, opened.size)
        if error is None and not opened.is_whole:
            error = RecordError(
                f"its compressed data end early, after record {len(index) - 1};"
                " copy the file anew",
                "cut off",
            )
        if error is not None:
            error = RecordError(f"{file}: {error}", error.reason)
            if not len(index):
                return self._without_records(file, error)
            if self.skipped is None:
                raise error
            self.skipped.add((file, len(index)), error)
        if not len(index):
            error = f"{file}: holds no record; remove it or copy it anew"
            return self._without_records(file, RecordError(error, "no record"))
        places = np.stack(
            [np.full(len(index), number), np.arange(len(index))], axis=1
        )
        return np.concatenate([places, index], axis=1)

    def _without_records(self, file, error):
        """The empty index of a file; raises where that is not to be skipped."""
        if self.skipped is None or error.reason == "damaged length":
            raise error
        self.skipped.add((file, 0), error)
        return np.zeros((0, 4), np.int64)

    def _bytes(self, number):
        """The bytes of one record."""
        file, _, start, length = self._index[number].tolist()
        data = self.opened(file).read(start, length + tfrecord.FOOTER_SIZE)
        if self.verify_checksums:
            tfrecord.verify(data[:length], data[length:])
        return data[:length]

    def _find_schema(self, *arguments):
        """Takes what the first record holds, where it can be read."""
        first_error = RecordError(
            f"no shard of {self.pattern} has a record that can be read"
        )
        for number in range(min(len(self), TRIED_RECORDS)):
            try:
                return RecordSchema(self._bytes(number), *arguments)
            except RecordError as error:
                error = self.error(number, error)
                if not number:
                    first_error = error
                self.skip(number, error)
        raise first_error


def label_error(label, num_classes):
    """A `RecordError` for a label outside the vocabulary."""
    return RecordError(
        f"label {label} is outside the vocabulary of {num_classes} classes; "
        "correct the file or --num_classes",
        "label outside the vocabulary",
    )


def _part_of(items, index, count):
    """One of so many parts of a sequence, about equal, in its order."""
    return items[
        index * len(items) // count : (index + 1) * len(items) // count
    ]


def match(pattern):
    """The files of a pattern (several separated by commas), sorted.

    Raises:
        InputError: one part of the pattern has no file.
    """
    files = []
    for part in pattern.split(","):
        try:
            found = tf.io.gfile.glob(part)
        except (tf.errors.OpError, ValueError):
            found = []
        found = [
            file
            for file in found
            # What is hidden is not whole yet, or no shard.
            if not file.rpartition("/")[2].startswith(".")
            and not tf.io.gfile.isdir(file)
        ]
        if not part or not found:
            raise InputError(
                f"no file matches {part!r}; give a pattern such as "
                "'data/train*.tfrecord' (in quotes)"
            )
        files.extend(found)
    return sorted(set(files))
