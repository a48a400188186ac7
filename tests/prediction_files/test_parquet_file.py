"""Parquet: columns, row groups, and what is no such file."""

import numpy as np
import pytest

from yt8m_distill.errors import InputError
from yt8m_distill.prediction_files import formats, parquet_file

arrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

SCORES = np.float32(np.random.default_rng(0).random((10, 3)))
IDS = [f"v{number}".encode() for number in range(10)]


def test_columns(tmp_path):
    path = tmp_path / "p.parquet"
    with formats.writing(path, "parquet", 2, ["a", "ß", "c"]) as opened:
        opened.write(IDS, SCORES)
    table = parquet.read_table(path)
    assert {
        name: str(table.schema.field(name).type) for name in table.schema.names
    } == {
        "video_id": "string",
        "classes": "list<element: int32>",
        "scores": "list<element: float>",
        "names": "list<element: string>",
    }
    for row, scores in zip(table.to_pylist(), SCORES, strict=True):
        assert row["classes"] == np.argsort(-scores)[:2].tolist()
        assert row["names"] == ["aßc"[label] for label in row["classes"]]
        assert row["scores"] == scores[row["classes"]].tolist()


def test_row_groups_are_written_as_they_fill(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet_file, "ROW_GROUP_SIZE", 4)
    path = tmp_path / "p.parquet"
    with formats.writing(path, "parquet") as opened:
        for start in range(0, 10, 2):
            opened.write(IDS[start : start + 2], SCORES[start : start + 2])
            assert opened._num_waiting < 4
    metadata = parquet.read_metadata(path)
    groups = range(metadata.num_row_groups)
    assert [metadata.row_group(n).num_rows for n in groups] == [4, 4, 2]
    assert [one for one, _, _ in formats.read(path)] == [
        one.decode() for one in IDS
    ]


GOOD = {
    "video_id": ["x", "y"],
    "classes": [[2, 1]] * 2,
    "scores": [[1, 0.5]] * 2,
}


def test_files_of_others(tmp_path):
    types = (
        (arrow.large_string(), arrow.int64(), arrow.float64()),
        (arrow.string(), arrow.uint8(), arrow.float16()),
    )
    for text, integer, real in types:
        for kind in (arrow.list_, arrow.large_list):
            table = {
                "scores": arrow.array(
                    [np.float16(one) for one in GOOD["scores"]], kind(real)
                ),
                "note": [1, 2],
                "classes": arrow.array(GOOD["classes"], kind(integer)),
                "video_id": arrow.array(GOOD["video_id"], text),
            }
            parquet.write_table(arrow.table(table), tmp_path / "p.parquet")
            found = list(formats.read(tmp_path / "p.parquet"))
            assert [one for one, _, _ in found] == ["x", "y"]
            assert found[0][1].tolist() == [2, 1]
            assert found[0][2].tolist() == [1.0, 0.5]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"scores": None}, "column scores is missing; expected"),
        ({"video_id": [1, 2]}, "column video_id is int64"),
        ({"classes": [["a"], ["b"]]}, "column classes is list<.*string"),
        ({"classes": [1, 2]}, "column classes is int64"),
        ({"video_id": ["x", None]}, "row 2: a value is missing"),
        ({"classes": [[2, 1], None]}, "row 2: a value is missing"),
        ({"classes": [[2, 1], [1]]}, "row 2: found 1 classes, 2 scores"),
        ({"scores": [[1, 0.5], [1, None]]}, "row 2: found 2 classes"),
        ({"scores": [[1, 0.5], [1, np.nan]]}, "row 2: .* a score is no number"),
        ({"classes": [[1, 1], [2, 1]]}, "row 1: a class is there twice"),
    ],
)
def test_files_that_are_no_predictions(columns, message, tmp_path):
    table = {
        name: values
        for name, values in {**GOOD, **columns}.items()
        if values is not None
    }
    parquet.write_table(arrow.table(table), tmp_path / "p.parquet")
    with pytest.raises(InputError, match=message) as refused:
        list(formats.read(tmp_path / "p.parquet"))
    assert "\n" not in str(refused.value)


def test_broken_files(tmp_path):
    (tmp_path / "p.parquet").write_text("VideoId,LabelConfidencePairs\n")
    with pytest.raises(InputError, match="p.parquet cannot be read"):
        list(formats.read(str(tmp_path / "p.parquet")))
