"""Parquet: one row a video.

Columns `video_id` (string), `classes` (list of int32) and `scores` (list of
float32) in falling order, and `names` (list of string) where the names of
classes are known.
"""

import contextlib
import re

import numpy as np

from yt8m_distill.errors import InputError
from yt8m_distill.feature_files import reading_parquet
from yt8m_distill.prediction_files import prediction_file

# Videos of a row group: some 1 MB of pairs, held until they are written.
ROW_GROUP_SIZE = 8192
# Column → what pyarrow calls the types that are read.
INTEGER, TEXT = r"u?int\d", r"(large_)?string"
LIST = r"(large_|fixed_size_)?list<\w+: "
TYPES = {
    "video_id": TEXT + "$",
    "classes": LIST + INTEGER,
    "scores": LIST + r"(halffloat|float|double)",
}


class ParquetFile(prediction_file.PredictionFile):
    """Parquet, a row a video; needs pyarrow."""

    ending = ".parquet"
    packed_by_gzip = False

    def __init__(self, opened, top_k=20, class_names=None):
        import pyarrow
        import pyarrow.parquet

        super().__init__(opened, top_k, class_names)
        columns = {
            "video_id": pyarrow.string(),
            "classes": pyarrow.list_(pyarrow.int32()),
            "scores": pyarrow.list_(pyarrow.float32()),
        }
        if class_names:
            columns["names"] = pyarrow.list_(pyarrow.string())
            self._names = pyarrow.array(class_names, pyarrow.string())
        self._schema = pyarrow.schema(columns)
        self._writer = pyarrow.parquet.ParquetWriter(opened, self._schema)
        self._waiting, self._num_waiting = [], 0

    def __exit__(self, *exception):
        # Closed in any case: pyarrow would close it later, too late.
        with self._writer:
            super().__exit__(*exception)

    def write_pairs(self, video_ids, classes, scores):
        import pyarrow

        lengths = [len(row) for row in classes]
        ends = pyarrow.array(np.cumsum([0, *lengths]), pyarrow.int32())
        classes, scores = (
            pyarrow.array(np.concatenate([(), *rows]).astype(kind))
            for rows, kind in ((classes, np.int32), (scores, np.float32))
        )
        columns = [classes, scores]
        if self.class_names:
            columns.append(self._names.take(classes))
        lists = [
            pyarrow.ListArray.from_arrays(ends, column) for column in columns
        ]
        ids = pyarrow.array(video_ids, pyarrow.string())
        self._waiting.append(
            pyarrow.record_batch([ids, *lists], schema=self._schema)
        )
        self._num_waiting += len(video_ids)
        if self._num_waiting >= ROW_GROUP_SIZE:
            self._write_row_group()

    def finish(self):
        if self._waiting:
            self._write_row_group()

    def _write_row_group(self):
        import pyarrow

        rows = pyarrow.Table.from_batches(self._waiting)
        self._writer.write_table(rows, row_group_size=len(rows))
        self._waiting, self._num_waiting = [], 0

    @classmethod
    def check_libraries(cls):
        try:
            import pyarrow.parquet  # noqa: F401
        except ImportError:
            raise InputError(
                "Parquet files need pyarrow: pip install yt8m_distill[parquet]"
            ) from None

    @classmethod
    def join(cls, paths, opened):
        import pyarrow.parquet

        with contextlib.ExitStack() as stack:
            writer = None
            for path in paths:
                with reading_parquet(path) as part:
                    if writer is None:
                        writer = stack.enter_context(
                            pyarrow.parquet.ParquetWriter(
                                opened, part.schema_arrow
                            )
                        )
                    for rows in part.iter_batches(ROW_GROUP_SIZE):
                        writer.write_batch(rows)

    @classmethod
    def read(cls, path):
        yield from prediction_file.parsed(
            read_rows(
                path,
                TYPES,
                "video_id (text), classes (lists of integers) and scores "
                "(lists of floats)",
            ),
            _parsed,
            f"{path}: row",
            "a row is an id, classes and as many scores",
        )


def read_rows(path, types, expected, batch_size=ROW_GROUP_SIZE):
    """The rows of a file whose columns are as they should be.

    Args:
        path: str.
        types: dict name of a column that is read → regular expression of what
            pyarrow calls its type.
        expected: str for messages, what the columns are to be.
        batch_size: int, rows that are in memory at a time.

    Yields:
        dict name → value, a row.

    Raises:
        InputError: naming the column that is missing or of another type, or the
            file cannot be read.
    """
    with reading_parquet(path) as opened:
        found = {field.name: str(field.type) for field in opened.schema_arrow}
        for name, pattern in types.items():
            if not re.match(pattern, found.get(name, "")):
                raise InputError(
                    f"{path}: column {name} is {found.get(name, 'missing')}; "
                    f"expected {expected}"
                )
        for batch in opened.iter_batches(batch_size, columns=list(types)):
            yield from batch.to_pylist()


def _parsed(row):
    if None in (row["video_id"], row["classes"], row["scores"]):
        raise ValueError("a value is missing")
    classes, scores = row["classes"], row["scores"]
    if len(classes) != len(scores) or None in classes or None in scores:
        raise ValueError(f"found {len(classes)} classes, {len(scores)} scores")
    return prediction_file.checked(
        row["video_id"], np.array(classes, int), np.array(scores, float)
    )
