"""A set of TFRecord shards, opened for random access by record number."""

import copy
import functools
import mmap

import numpy as np
import tensorflow as tf

from yt8m_distill import records
from yt8m_distill.errors import InputError

# 2018 and 2019 releases; 2017 release and AudioSet.
ID_KEYS = ("id", "video_id")
# Values a frame of the features that the releases and AudioSet name. Found
# features come in this order, others after them by name.
OFFICIAL_SIZES = {"rgb": 1024, "audio": 128, "audio_embedding": 128}
OPEN_SHARDS = 256
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
            `tf.io.gfile.glob` takes.
        feature_names: names of the frame features to read, joined in this
            order; empty: all that the first record has.
        feature_sizes: values a frame of each feature; empty: as in the first
            record, but 1024 for `rgb` and 128 for `audio`, so that records of
            another layout under these names are not taken for videos.

    Attributes:
        files: list of file names, sorted.
        feature_names: tuple of str.
        feature_sizes: tuple of int.
        dtype: "uint8" (quantised features) or "float32".
        id_key: name of the video's id in the records.

    Raises:
        InputError: no file matches, a file is empty, cut off or no TFRecord
            file, or the first record is not a video with these features.
    """

    def __init__(self, pattern, feature_names=(), feature_sizes=()):
        self.pattern = pattern
        self.files = _match(pattern)
        self._open = functools.lru_cache(OPEN_SHARDS)(_open)
        self._video_ids = None
        # (file, record in it, offset, length) of each video
        self._index = np.concatenate(
            [self._index_file(number) for number in range(len(self.files))]
        )
        self._find_layout(tuple(feature_names), tuple(feature_sizes))

    def __len__(self):
        """Number of videos."""
        return len(self._index)

    def video(self, number):
        """Reads one record.

        Args:
            number: int in `[0, len(self))`.

        Returns:
            `(video_id, labels, features)`: bytes, list of int, list of arrays
            `(num_frames, size)` in the order of `feature_names`. uint8 features
            are views of the file.

        Raises:
            RecordError: naming file, record, what is wrong and the remedy.
        """
        try:
            video = self._parse(number)
            return (
                self._single_id(video),
                video.context.get("labels", []),
                [
                    self._checked_feature(video, name, size)
                    for name, size in zip(
                        self.feature_names, self.feature_sizes
                    )
                ],
            )
        except records.RecordError as error:
            raise self.error(number, error) from None

    def error(self, number, reason):
        """A `RecordError` that names the file and place of a record."""
        file, record, _, _ = self._index[number]
        return records.RecordError(
            f"{self.files[file]}: record {record}: {reason}"
        )

    def video_ids(self):
        """The ids of all videos, a list of bytes.

        Raises:
            RecordError: naming the first record that cannot be read.
        """
        if self._video_ids is None:  # every record is parsed for it
            self._video_ids = [
                self.video(number)[0] for number in range(len(self))
            ]
        return self._video_ids

    def checksums(self):
        """The data checksums that the files hold for all videos, as bytes.

        They are not verified; other data have others.
        """
        found = []
        for file, _, offset, length in self._index.tolist():
            end = offset + length
            found.append(bytes(self._open(self.files[file])[end : end + 4]))
        return b"".join(found)

    def select(self, numbers):
        """The same shards with some of the videos only.

        Args:
            numbers: rising record numbers.

        Returns:
            `Shards`, whose videos are numbered anew.
        """
        selected = copy.copy(self)
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
            index = records.index_records(self._open(file))
        except records.RecordError as error:
            raise records.RecordError(f"{file}: {error}") from None
        if not len(index):
            raise records.RecordError(
                f"{file}: holds no record; remove it or copy it anew"
            )
        places = np.stack(
            [np.full(len(index), number), np.arange(len(index))], axis=1
        )
        return np.concatenate([places, index], axis=1)

    def _parse(self, number):
        file, _, offset, length = self._index[number].tolist()
        buffer = memoryview(self._open(self.files[file]))
        return records.parse_sequence_example(buffer[offset : offset + length])

    def _find_layout(self, names, sizes):
        try:
            video = self._parse(0)
            self.id_key = next(
                (key for key in ID_KEYS if key in video.context), None
            )
            if self.id_key is None:
                raise records.RecordError(
                    f"no video id ({' or '.join(map(repr, ID_KEYS))}) in the "
                    f"context, which holds {_listed(video.context)}; this is "
                    "no frame-level YouTube-8M or AudioSet record"
                )
            if not video.features:
                raise records.RecordError(
                    "no frame features; a frame-level record (SequenceExample "
                    "with feature lists) is needed"
                )
            self.feature_names = names or tuple(
                sorted(video.features, key=_usual_order)
            )
            if sizes and len(sizes) != len(self.feature_names):
                raise InputError(
                    f"{len(sizes)} feature sizes for the "
                    f"{len(self.feature_names)} features "
                    f"{','.join(self.feature_names)}; give one "
                    "--feature_sizes value for each of --feature_names"
                )
            sizes = sizes or tuple(map(OFFICIAL_SIZES.get, self.feature_names))
            features = [
                self._checked_feature(video, name, size)
                for name, size in zip(self.feature_names, sizes)
            ]
        except records.RecordError as error:
            raise self.error(0, error) from None
        self.feature_sizes = tuple(array.shape[1] for array in features)
        kinds = {array.dtype.name for array in features}
        if len(kinds) > 1:
            raise self.error(
                0,
                "some features are bytes and others floats; read only one kind "
                "with --feature_names",
            )
        self.dtype = kinds.pop()

    def _single_id(self, video):
        values = video.context.get(self.id_key, [])
        if len(values) != 1 or not isinstance(values[0], bytes):
            raise records.RecordError(
                f"no video id {self.id_key!r} in the context, which holds "
                f"{_listed(video.context)}; every record needs one"
            )
        return values[0]

    def _checked_feature(self, video, name, size):
        if name not in video.features:
            raise records.RecordError(
                f"no feature {name!r}, only {_listed(video.features)}; name "
                "the features to read with --feature_names"
            )
        values = video.features[name]
        if not values.size:
            raise records.RecordError(
                f"feature {name!r} has no frames; remove the record"
            )
        if size not in (None, values.shape[1]):
            raise records.RecordError(
                f"feature {name!r} has {values.shape[1]} values a frame, "
                f"expected {size}; correct the file, or give "
                "--feature_names and --feature_sizes as they are"
            )
        if values.dtype != getattr(self, "dtype", values.dtype):
            raise records.RecordError(
                f"feature {name!r} holds {values.dtype} values, the first "
                f"record {self.dtype}; read such files in a run of their own"
            )
        return values


def _match(pattern):
    files = []
    for part in pattern.split(","):
        try:
            found = tf.io.gfile.glob(part)
        except (tf.errors.OpError, ValueError):
            found = []
        found = [file for file in found if not tf.io.gfile.isdir(file)]
        if not part or not found:
            raise InputError(
                f"no file matches {part!r}; give a pattern such as "
                "'data/train*.tfrecord' (in quotes)"
            )
        files.extend(found)
    return sorted(set(files))


def _open(file):
    """The bytes of a file: mapped if it is local, read if it is not."""
    if "://" in file:
        with tf.io.gfile.GFile(file, "rb") as opened:
            return opened.read()
    try:
        with open(file, "rb") as opened:
            if not opened.seek(0, 2):  # an empty file cannot be mapped
                return b""
            return mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from None


def _usual_order(name):
    official = list(OFFICIAL_SIZES)
    place = official.index(name) if name in official else len(official)
    return place, name


def _listed(names):
    return ", ".join(sorted(map(repr, names))) or "nothing"
