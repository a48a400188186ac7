"""Features of videos in .npy, .npz and Parquet files."""

import contextlib
import csv
import itertools
import pathlib
import re
import zipfile
import zlib

import numpy as np

from yt8m_distill.errors import InputError

# Frames of a Parquet file that are read at a time.
BATCH_ROWS = 1024
# Bytes of each of its columns.
BUFFER_SIZE = 1 << 20


@contextlib.contextmanager
def reading(file):
    """Opens a file, local or remote; raises InputError where it is broken."""
    import tensorflow as tf

    try:
        with tf.io.gfile.GFile(file, "rb") as opened:
            opened.closed = False  # pyarrow asks for it
            yield opened
    except InputError:
        raise
    except (
        OSError,
        ValueError,
        KeyError,
        EOFError,
        NotImplementedError,
        csv.Error,
        zipfile.BadZipFile,
        zlib.error,
        tf.errors.OpError,
    ) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{file} cannot be read: {reason}") from None


def find_videos(pattern, id_column):
    """The videos of all files that match.

    Args:
        pattern: str, several separated by commas.
        id_column: str, of Parquet files.

    Returns:
        dict file → dict id → number of rows; 0: the file is the video.

    Raises:
        InputError: no file matches, one cannot be read, or an id comes twice.
    """
    from yt8m_distill import shards

    try:
        files = shards.match(pattern)
    except InputError:
        raise InputError(
            f"--features={pattern}: a pattern matches no file; expected "
            "patterns such as 'features/*.npy' (in quotes)"
        ) from None
    videos, file_of = {}, {}
    for file in files:
        path = pathlib.PurePath(file)
        if path.suffix == ".npy":
            videos[file] = {path.stem: 0}
        elif path.suffix == ".npz":
            value = read_arrays(file, only=["id"]).get("id", path.stem)
            value = np.asarray(value)
            value = value.item() if value.size == 1 else value.tolist()
            videos[file] = {checked_id(file, value): 0}
        elif path.suffix == ".parquet":
            videos[file] = parquet_ids(file, id_column)
        else:
            raise InputError(f"{file}: expected .npy, .npz or .parquet files")
        for video_id in videos[file]:
            if video_id in file_of:
                raise InputError(
                    f"{file_of[video_id]} and {file} both hold the video "
                    f"{video_id!r}; put a video's features into one .npz file"
                )
            file_of[video_id] = file
    return videos


def checked_id(file, value):
    """A video's id as str."""
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    if type(value) not in (str, int) or value == "":
        raise InputError(
            f"{file}: {value!r} is no video id; expected one text or integer"
        )
    return str(value)


def read_arrays(file, feature_name="rgb", only=None):
    """The arrays of a .npy or .npz file by name, all or those in `only`."""
    with reading(file) as opened:
        arrays = np.load(opened, allow_pickle=False)
        if isinstance(arrays, np.ndarray):
            arrays = {feature_name: arrays}
        return {n: arrays[n] for n in arrays if only is None or n in only}


@contextlib.contextmanager
def reading_parquet(file):
    """Opens a Parquet file, as pyarrow does."""
    try:
        import pyarrow.parquet
    except ImportError:
        raise InputError(
            f"{file} needs pyarrow: pip install yt8m_distill[parquet]"
        ) from None
    with reading(file) as opened:
        # pre_buffer would keep all row groups in memory.
        yield pyarrow.parquet.ParquetFile(
            opened, buffer_size=BUFFER_SIZE, pre_buffer=False
        )


def parquet_ids(file, id_column):
    """How many rows each video of a Parquet file has, dict id → int."""
    counts = {}
    last = None
    with reading_parquet(file) as opened:
        names = opened.schema_arrow.names
        if id_column not in names:
            raise InputError(
                f"{file} has no column {id_column!r}, only "
                f"{', '.join(names)}; name it with --id_column"
            )
        for batch in opened.iter_batches(columns=[id_column]):
            for value, rows in itertools.groupby(batch.column(0).to_pylist()):
                video_id = checked_id(file, value)
                if video_id in counts and video_id != last:
                    raise InputError(
                        f"{file}: {id_column} {video_id!r} comes back after "
                        "other videos; rows of one video have to be adjacent"
                    )
                counts[video_id] = counts.get(video_id, 0) + len(list(rows))
                last = video_id
    return counts


def parquet_videos(file, counts, frame_column):
    """Yields (id, dict name → array) of each video of a Parquet file.

    Args:
        file: str.
        counts: dict id → number of rows, as of `parquet_ids`.
        frame_column: str; rows are sorted by it if it is there.
    """
    with reading_parquet(file) as opened:
        import pyarrow

        types = {field.name: str(field.type) for field in opened.schema_arrow}
        is_list = re.compile(r"(large_|fixed_size_)?list<").match
        names = [name for name in types if is_list(types[name])]
        if not names:
            raise InputError(
                f"{file} has no column of lists, only {', '.join(types)}"
            )
        order = [frame_column] if frame_column in types else []
        if order and "string" in types[frame_column]:
            raise InputError(
                f"{file}: column {frame_column!r} holds text, expected numbers "
                "by which to sort rows; name it with --frame_column"
            )
        batches = opened.iter_batches(BATCH_ROWS, columns=names + order)
        rest = next(batches, None)
        for video_id, missing in counts.items():
            pieces = []
            while missing:
                rest = rest if rest.num_rows else next(batches)
                pieces.append(rest.slice(0, missing))
                rest = rest.slice(missing)
                missing -= pieces[-1].num_rows
            rows = pyarrow.Table.from_batches(pieces)
            if order:
                rows = rows.sort_by(frame_column)
            place = f"{file}: video {video_id!r}"
            arrays = {name: matrix(place, name, rows[name]) for name in names}
            yield video_id, arrays


def matrix(place, name, column):
    """A column of lists, all as long, as an array `(rows, size)`."""
    import pyarrow.compute

    lists = pyarrow.concat_arrays(column.chunks)
    lengths = pyarrow.compute.list_value_length(lists)
    sizes = sorted(lengths.drop_null().unique().to_pylist())
    values = lists.flatten()
    if len(sizes) != 1 or lists.null_count or values.null_count:
        raise InputError(
            f"{place}: {name} holds lists of {sizes} values, "
            f"{lists.null_count + values.null_count} missing; expected lists "
            "of one size without gaps"
        )
    return values.to_numpy(zero_copy_only=False).reshape(len(lists), *sizes)
