"""What the records of one set of shards hold, as found in the first one."""

import numpy as np

from yt8m_distill import records
from yt8m_distill.errors import InputError, RecordError

# 2018 and 2019 releases; 2017 release and AudioSet; MediaPipe.
ID_KEYS = ("id", "video_id", "clip/media_id", "clip/data_path")
# Values a frame of the features that the releases and AudioSet name. Found
# features come in this order, others after them by name.
OFFICIAL_SIZES = {
    "rgb": 1024,
    "audio": 128,
    "audio_embedding": 128,
    "mean_rgb": 1024,
    "mean_audio": 128,
    # MediaPipe's, whose sizes depend on the graph that made them
    "RGB/feature/floats": None,
    "AUDIO/feature/floats": None,
}
# Context of the 2019 release, which is no video-level feature.
SEGMENT_KEYS = (
    "segment_labels",
    "segment_start_times",
    "segment_end_times",
    "segment_scores",
)


class RecordSchema:
    """Names, sizes and kinds of what records hold.

    Args:
        data: bytes, the first record.
        feature_names, feature_sizes: tuples, as of `Shards`; empty: found.
        id_key, labels_key: str, as of `Shards`.

    Attributes:
        feature_names, feature_sizes, dtype, is_video_level, id_key,
            labels_key: as of `Shards`.

    Raises:
        RecordError: the record is no video with these features.
        InputError: there are more or fewer sizes than names.
    """

    def __init__(self, data, feature_names, feature_sizes, id_key, labels_key):
        self.is_video_level = not records.parse(memoryview(data)).features
        video = parse(data)
        self.labels_key = labels_key
        self.id_key = _found_id_key(video, id_key)
        if not video.features:
            raise RecordError(
                "no frame features; a frame-level record (SequenceExample "
                "with feature lists) or a video-level one (Example with "
                "floats) is needed",
                "missing feature",
            )
        names = feature_names or tuple(sorted(video.features, key=_usual_order))
        if feature_sizes and len(feature_sizes) != len(names):
            raise InputError(
                f"{len(feature_sizes)} feature sizes for the {len(names)} "
                f"features {','.join(names)}; give one --feature_sizes value "
                "for each of --feature_names"
            )
        sizes = feature_sizes or tuple(map(OFFICIAL_SIZES.get, names))
        for name, size in zip(names, sizes):
            values = video.features.get(name, np.zeros((0, 0)))
            if not values.size or size not in (None, values.shape[1]):
                self._refuse(video, name, size)
        kinds = {video.features[name].dtype.name for name in names}
        if len(kinds) > 1:
            raise RecordError(
                "some features are bytes and others floats; read only one kind "
                "with --feature_names",
                "feature kind",
            )
        self.dtype = kinds.pop()
        self.feature_names = names
        self.feature_sizes = tuple(
            video.features[name].shape[1] for name in names
        )
        self._keep = {self.id_key, labels_key, *names}
        self._single_id(video)

    def read(self, data):
        """Reads a record.

        Args:
            data: bytes.

        Returns:
            `(video_id, labels, features)`, as of `Shards.video`.

        Raises:
            RecordError: it holds something else.
        """
        return self.checked(parse(data, self._keep))

    def checked(self, video):
        """As `read`, of a record that `parse` read."""
        features = []
        for name, size in zip(self.feature_names, self.feature_sizes):
            values = video.features.get(name)
            if (
                values is None
                or values.shape[1] != size
                or not len(values)
                or values.dtype != self.dtype
            ):
                self._refuse(video, name, size)
            features.append(values)
        return self._single_id(video), self._labels(video), features

    def _single_id(self, video):
        values = video.context.get(self.id_key, ())
        if len(values) != 1 or not isinstance(values[0], bytes):
            raise RecordError(
                f"no video id {self.id_key!r} in the context, which holds "
                f"{_listed(video.context)}; every record needs one",
                "missing id",
            )
        return values[0]

    def _labels(self, video):
        labels = video.context.get(self.labels_key, [])
        if not isinstance(labels, list) or not all(
            isinstance(label, int) for label in labels
        ):
            raise RecordError(
                f"{self.labels_key!r} holds no integers; name the labels with "
                "--labels_key",
                "labels",
            )
        return labels

    def _refuse(self, video, name, size):
        """Says what is wrong with a feature."""
        if name not in video.features:
            raise RecordError(
                f"no feature {name!r}, only {_listed(video.features)}; name "
                "the features to read with --feature_names",
                "missing feature",
            )
        values = video.features[name]
        if 0 in values.shape:
            raise RecordError(
                f"feature {name!r} has no frames; remove the record",
                "no frames",
            )
        if size not in (None, values.shape[1]):
            raise RecordError(
                f"feature {name!r} has {values.shape[1]} values a frame, "
                f"expected {size}; correct the file, or give "
                "--feature_names and --feature_sizes as they are",
                "feature size",
            )
        raise RecordError(
            f"feature {name!r} holds {values.dtype} values, the first "
            f"record {self.dtype}; read such files in a run of their own",
            "feature kind",
        )


def parse(data, keep=None):
    """As `records.parse`; an `Example` is one frame of its float features."""
    video = records.parse(memoryview(data), keep)
    if not video.features:
        video.features.update(
            (name, values[None])
            for name, values in video.context.items()
            if isinstance(values, np.ndarray) and name not in SEGMENT_KEYS
        )
    return video


def _found_id_key(video, id_key):
    keys = [id_key] if id_key else ID_KEYS
    for key in keys:
        if key in video.context:
            return key
    raise RecordError(
        f"no video id ({' or '.join(map(repr, keys))}) in the context, which "
        f"holds {_listed(video.context)}; this is no YouTube-8M or AudioSet "
        "record, or name its id with --id_key",
        "missing id",
    )


def _usual_order(name):
    official = list(OFFICIAL_SIZES)
    place = official.index(name) if name in official else len(official)
    return place, name


def _listed(names):
    return ", ".join(sorted(map(repr, names))) or "nothing"
