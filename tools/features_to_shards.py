r"""Makes shards in the frame-level format of YouTube-8M of your own features.

python tools/features_to_shards.py --features='features/*.npy' \
    --labels_csv=labels.csv --output_dir=data --split=train --num_shards=4

--features takes several patterns, separated by commas, of these files:

- .npy: a video a file, an array `(num_frames, size)`. The file's name without
  its ending is the video's id, --feature_name what the feature is called.
- .npz: a video a file, such an array for each feature, under its name. An array
  `id` of one value takes the place of the file's name.
- .parquet: a row a frame, a column of lists for each feature, --id_column and,
  if it is there, --frame_column, by which a video's rows are sorted; other
  columns are not used. The rows of one video have to be adjacent. Needs
  `pip install yt8m_distill[parquet]`, and room for a copy of what is written.

The features of one video may have different numbers of frames. --labels_csv has
a header, --id_column and --labels_column: integers separated by spaces or `;`
or, with a --vocabulary (YouTube-8M's vocabulary.csv, AudioSet's
class_labels_indices.csv), names separated by `;`. Test videos need none.

Bytes (uint8) are written as they are. Floats are quantised as the official
feature extractor does it, byte = round((clip(x, −2, 2) + 2) · 255 / 4), halves
to even: values outside the range are clipped, so whiten or scale features that
are wider. The reader makes byte · 4/255 + 4/512 − 2 of it: that is x with an
error of at most 2/255 and a constant bias of 4/512. It does so whatever
--quantize_range is; with another one it sees features that are scaled and
shifted. --quantize=False writes floats, which it takes unchanged.

Videos are sorted by id and dealt to the shards in turn: the same input gives
the same bytes. All shards of the split are written, or none.
"""

import contextlib
import itertools
import math
import os
import pathlib
import re
import tempfile

import numpy as np
from absl import flags

from yt8m_distill import command_line, feature_files, label_files, record_writer
from yt8m_distill.errors import InputError

FLAGS = flags.FLAGS
# A larger share of clipped values is warned of.
MUCH_CLIPPED = 0.01


class Preparer:
    """Checks features and makes them what is written.

    Args:
        bounds: (low, high) for `record_writer.quantize`; None: floats stay
            floats.
        max_frames: int, further frames are cut off; 0: none.

    Attributes:
        layout: dict name → (size, dtype's name), as of the first video.
        clipped: dict name → [values out of range, values], of float features.
    """

    def __init__(self, bounds=(-2.0, 2.0), max_frames=0):
        self.bounds = bounds
        self.max_frames = max_frames
        self.layout = None
        self.clipped = {}

    def prepare(self, place, arrays):
        """One video's features, uint8 or float32.

        Args:
            place: str, where the video is, for messages.
            arrays: dict name → array.

        Returns:
            dict name → array `(num_frames, size)`.

        Raises:
            InputError: the features are none, or not those of the first video.
        """
        prepared = {
            name: self._frames(place, name, np.asarray(arrays[name]))
            for name in sorted(arrays)
        }
        layout = {
            name: (frames.shape[1], frames.dtype.name)
            for name, frames in prepared.items()
        }
        if self.layout is None:
            if len({dtype for _, dtype in layout.values()}) != 1:
                raise InputError(
                    f"{place} has {listed(layout)}; expected features that "
                    "are all bytes or all floats"
                )
            self.layout, self.first = layout, place
        if layout != self.layout:
            raise InputError(
                f"{place} has {listed(layout)}; expected {listed(self.layout)} "
                f"as in {self.first}"
            )
        return prepared

    def _frames(self, place, name, values):
        if values.ndim != 2 or not values.size:
            raise InputError(
                f"{place}: {name} has the shape {values.shape}, expected "
                "(num_frames, size), neither of them 0"
            )
        if values.dtype.kind != "f" and values.dtype != np.uint8:
            raise InputError(
                f"{place}: {name} holds {values.dtype}; expected floats, or "
                "uint8, which is written as it is"
            )
        values = values[: self.max_frames or None]
        if values.dtype == np.uint8:
            return values
        with np.errstate(over="ignore", invalid="ignore"):
            values = values.astype(np.float32)
        for frame, column in np.argwhere(~np.isfinite(values)).tolist():
            raise InputError(
                f"{place}: frame {frame} of {name} holds "
                f"{values[frame, column]}; expected finite values"
            )
        if self.bounds is None:
            return values
        low, high = self.bounds
        counts = self.clipped.setdefault(name, [0, 0])
        counts[0] += np.count_nonzero((values < low) | (values > high))
        counts[1] += values.size
        return record_writer.quantize(values, low, high)


def listed(layout):
    """The features of a layout, for people."""
    kinds = {"uint8": "bytes", "float32": "floats"}
    found = [
        f"{n} ({size} {kinds[kind]})" for n, (size, kind) in layout.items()
    ]
    return ", ".join(found) or "no features"


def choose_labels(ids, labels, unlabelled):
    """The labels of the videos to write, in the order of their ids.

    Args:
        ids: iterable of str.
        labels: dict id → list of int, or None: no video has any.
        unlabelled: "keep", "skip" or "fail", what to do with other videos.

    Returns:
        dict id → list of int.

    Raises:
        InputError: a video has no labels, and that is to fail.
    """
    ids = sorted(ids)
    if labels is None:
        return {video_id: [] for video_id in ids}
    missing = [video_id for video_id in ids if video_id not in labels]
    if missing and unlabelled == "fail":
        raise InputError(
            f"{len(missing):,} of {len(ids):,} videos have no row in "
            f"--labels_csv, the first is {missing[0]!r}; add rows, or give "
            "--unlabelled=keep or skip"
        )
    unused = len(labels.keys() - set(ids))
    if missing or unused:
        print(
            f"{len(missing):,} videos have no row in --labels_csv; "
            f"{unused:,} rows there are of videos that were not found"
        )
    if unlabelled == "skip":
        ids = [video_id for video_id in ids if video_id in labels]
    return {video_id: labels.get(video_id, []) for video_id in ids}


@contextlib.contextmanager
def all_or_none(folder, split, names):
    """Yields a path for files that are moved to a folder in the end, or never.

    Args:
        folder: path; made if missing.
        split: str; there may be no shards of it in `folder`.
        names: list of str, the files' names.
    """
    kind = re.compile(re.escape(split) + r"\d{5}-of-\d{5}\.tfrecord")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        there = sorted(filter(kind.fullmatch, os.listdir(folder)))
        if there:
            raise InputError(
                f"{folder / there[0]} is there already; remove the shards of "
                f"{split} first"
            )
        unfinished = tempfile.TemporaryDirectory(
            prefix=f".{split}.", suffix=".partial", dir=folder
        )
    except OSError as error:
        raise InputError(
            f"cannot write in {folder}: {error.strerror}; give another "
            "--output_dir"
        ) from None
    with unfinished as directory:
        yield pathlib.Path(directory)
        try:
            for name in names:
                os.rename(pathlib.Path(directory, name), folder / name)
        except BaseException:
            for name in names:
                (folder / name).unlink(missing_ok=True)
            raise


def convert(
    pattern,
    output_dir,
    split="train",
    num_shards=1,
    labels=None,
    unlabelled="fail",
    preparer=None,
    *,
    id_key="id",
    feature_name="rgb",
    id_column="video_id",
    frame_column="frame",
):
    """Writes the shards of a split and prints what they hold.

    Args:
        pattern: str, files of features.
        output_dir: path; made if missing.
        split: str, how the shards' names start.
        num_shards: int.
        labels, unlabelled: as of `choose_labels`.
        preparer: `Preparer`; None: one that quantises.
        id_key: str, name of the id in the records.
        feature_name: str, of the arrays in .npy files.
        id_column, frame_column: str, of Parquet files.

    Returns:
        str, pattern of the shards.

    Raises:
        InputError: something is not as described above.
    """
    if not re.fullmatch(r"\w[\w.-]*", split) or id_key in ("", "labels"):
        raise InputError(
            f"--split={split} --id_key={id_key}: expected a split of letters "
            "and digits, and a key other than labels"
        )
    preparer = preparer or Preparer()
    videos = feature_files.find_videos(pattern, id_column)
    file_of = {video: file for file in videos for video in videos[file]}
    labels = choose_labels(file_of, labels, unlabelled)
    if len(labels) < num_shards:
        raise InputError(
            f"{len(labels):,} videos to write into --num_shards={num_shards}; "
            "expected at least one for each shard"
        )
    ending = f"-of-{num_shards:05}.tfrecord"
    names = [f"{split}{number:05}{ending}" for number in range(num_shards)]
    folder = pathlib.Path(output_dir)
    spans = {}

    def record(video_id, arrays, place):
        return record_writer.serialize(
            video_id, labels[video_id], preparer.prepare(place, arrays), id_key
        )

    def written(video_id):
        if video_id in spans:
            start, length = spans[video_id]
            records.seek(start)
            return records.read(length)
        file = file_of[video_id]
        arrays = feature_files.read_arrays(file, feature_name)
        if file.endswith(".npz"):
            arrays.pop("id", None)
        return record(video_id, arrays, file)

    with (
        all_or_none(folder, split, names) as unfinished,
        # Parquet files are read in their own order, into a file of records.
        open(unfinished / "records", "w+b") as records,
    ):
        for file in videos:
            if not file.endswith(".parquet"):
                continue
            found = feature_files.parquet_videos(
                file, videos[file], frame_column
            )
            for video_id, arrays in found:
                if video_id in labels:
                    data = record(video_id, arrays, f"{file}: {video_id!r}")
                    spans[video_id] = records.tell(), len(data)
                    records.write(data)
        num_bytes = sum(
            record_writer.write_shard(
                unfinished / name,
                map(written, list(labels)[number::num_shards]),
            )
            for number, name in enumerate(names)
        )
    counts = list(map(len, labels.values()))
    print(
        f"{len(labels):,} videos in {num_shards:,} shards of {folder}, "
        f"{num_bytes / 1e6:,.1f} MB: {listed(preparer.layout)}; "
        f"{min(counts)} to {max(counts)} labels a video, mean "
        f"{np.mean(counts):.2f}, largest "
        f"{max(itertools.chain(*labels.values()), default='none')}"
    )
    print_clipped(preparer)
    shards_pattern = f"{folder}/{split}?????{ending}"
    print_next_step(shards_pattern, preparer.layout, id_key)
    return shards_pattern


def print_clipped(preparer):
    """Prints the share of clipped values, and a warning if it is large."""
    for name, (outside, total) in preparer.clipped.items():
        low, high = preparer.bounds
        print(
            f"{name}: {outside / total:.3%} of the values were outside "
            f"[{low:g}, {high:g}] and clipped"
        )
        if outside / total > MUCH_CLIPPED:
            print(
                f"warning: more than {MUCH_CLIPPED:.0%} of {name} was clipped; "
                "whiten or scale it first, or give --quantize=False"
            )


def print_next_step(pattern, layout, id_key):
    """Prints how to look at the shards."""
    from yt8m_distill.record_schema import ID_KEYS, OFFICIAL_SIZES

    command = f"python tools/inspect_shard.py --input_data_pattern='{pattern}'"
    sizes = {name: size for name, (size, _) in layout.items()}
    if any(OFFICIAL_SIZES.get(n) not in (None, s) for n, s in sizes.items()):
        command += f" --feature_names={','.join(sizes)}"
        command += f" --feature_sizes={','.join(map(str, sizes.values()))}"
    if id_key not in ID_KEYS:
        command += f" --id_key={id_key}"
    print(f"next: {command}")


def parse_bounds(values):
    """(low, high) of a list of two str; raises InputError for others."""
    try:
        low, high = map(float, values)
    except ValueError:
        low = high = math.nan
    if not -math.inf < low < high < math.inf:
        raise InputError(
            f"--quantize_range={','.join(values)}: expected the least and the "
            "greatest value, such as -2,2"
        )
    return low, high


def define_flags():
    flags.DEFINE_string("features", None, "patterns of .npy, .npz, .parquet")
    flags.DEFINE_string("output_dir", None, "directory for the shards")
    flags.DEFINE_string("split", "train", "first part of the shards' names")
    flags.DEFINE_integer("num_shards", 1, "shards to write", 1, 99999)
    flags.DEFINE_string("labels_csv", "", "labels of the videos; empty: none")
    flags.DEFINE_string("vocabulary", "", "CSV of class names in --labels_csv")
    flags.DEFINE_enum(
        "unlabelled",
        "fail",
        ["keep", "skip", "fail"],
        "what to do with videos without a row in --labels_csv",
    )
    flags.DEFINE_bool("quantize", True, "make bytes of floats")
    flags.DEFINE_list("quantize_range", ["-2", "2"], "values of bytes 0, 255")
    flags.DEFINE_integer("max_frames", 0, "cut videos to these; 0: never", 0)
    flags.DEFINE_string("feature_name", "rgb", "the feature in .npy files")
    flags.DEFINE_string("id_key", "id", "name of the id in the records")
    flags.DEFINE_string("id_column", "video_id", "ids, in .parquet and CSV")
    flags.DEFINE_string("frame_column", "frame", "order, in .parquet")
    flags.DEFINE_string("labels_column", "labels", "labels in --labels_csv")
    flags.mark_flags_as_required(["features", "output_dir"])


def main():
    bounds = parse_bounds(FLAGS.quantize_range) if FLAGS.quantize else None
    if FLAGS.vocabulary and not FLAGS.labels_csv:
        raise InputError("--vocabulary needs a --labels_csv of class names")
    labels = None
    if FLAGS.labels_csv:
        labels = label_files.read_labels(
            FLAGS.labels_csv,
            FLAGS.id_column,
            FLAGS.labels_column,
            FLAGS.vocabulary,
        )
    convert(
        FLAGS.features,
        FLAGS.output_dir,
        FLAGS.split,
        FLAGS.num_shards,
        labels,
        FLAGS.unlabelled,
        Preparer(bounds, FLAGS.max_frames),
        id_key=FLAGS.id_key,
        feature_name=FLAGS.feature_name,
        id_column=FLAGS.id_column,
        frame_column=FLAGS.frame_column,
    )


if __name__ == "__main__":
    command_line.run_tool(define_flags, main)
