import gzip
import json

import numpy as np
import pytest

from yt8m_distill import segment_files
from yt8m_distill.errors import InputError

RANKINGS = [
    (3, ["aZ:10", "b-_c:0", "aZ:5"], np.array([0.9, 0.1, 1e-5], "float32")),
    (17, [], np.zeros(0, "float32")),
    (240, ["aZ:5"], np.array([1 / 3], "float32")),
]
GOLDEN = b"Class,Segments\n3,aZ:10 b-_c:0 aZ:5\n240,aZ:5\n"


def test_the_submission_byte_for_byte(tmp_path):
    path = tmp_path / "a.csv"
    assert segment_files.write(path, "csv", RANKINGS) == 2
    assert path.read_bytes() == GOLDEN
    packed = tmp_path / "a.csv.gz"
    segment_files.write(packed, "csv", iter(RANKINGS))
    assert gzip.decompress(packed.read_bytes()) == GOLDEN
    for one in (path, packed):
        assert segment_files.is_segment_file(one)
        assert list(segment_files.read(one)) == [
            (label, segments) for label, segments, _ in RANKINGS if segments
        ]


def test_names_of_classes_in_csv(tmp_path):
    names = [f"name {n}" for n in range(300)]
    names[3] = 'Game, "board"'
    segment_files.write(tmp_path / "a.csv", "csv", RANKINGS, names)
    assert segment_files.is_segment_file(tmp_path / "a.csv")
    with pytest.raises(InputError, match="without --vocabulary"):
        list(segment_files.read(tmp_path / "a.csv"))
    assert (tmp_path / "a.csv").read_text().splitlines() == [
        "Name,Segments",
        '"Game, ""board""",aZ:10 b-_c:0 aZ:5',
        "name 240,aZ:5",
    ]


def test_json_lines_have_the_scores(tmp_path):
    path = tmp_path / "a.jsonl"
    names = ["ä"] * 300
    segment_files.write(path, "jsonl", RANKINGS, names)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [row["class"] for row in rows] == [3, 240]
    assert rows[0]["segments"] == RANKINGS[0][1] and rows[0]["name"] == "ä"
    for row, (_, _, scores) in zip(rows, (RANKINGS[0], RANKINGS[2])):
        np.testing.assert_array_equal(
            np.array(row["scores"], "float32"), scores
        )
    assert segment_files.is_segment_file(path)
    assert [label for label, _ in segment_files.read(path)] == [3, 240]


def test_parquet_has_the_scores(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "a.parquet"
    segment_files.write(path, "parquet", RANKINGS)
    assert segment_files.is_segment_file(path)
    assert list(segment_files.read(path)) == [
        (3, RANKINGS[0][1]),
        (240, RANKINGS[2][1]),
    ]
    rows = parquet.read_table(path).to_pylist()
    assert [row["class"] for row in rows] == [3, 240]
    assert rows[0]["segments"] == RANKINGS[0][1]
    np.testing.assert_array_equal(
        np.array(rows[0]["scores"], "float32"), RANKINGS[0][2]
    )


@pytest.mark.parametrize(
    "content, message",
    [
        ("VideoId,LabelConfidencePairs\n", "starts with 'VideoId"),
        ("Class,Segments\n3,a:0\nx,a:5\n", "line 3: found 'x,a:5'"),
        ("Class,Segments\n3,a:0 b\n", "line 2"),
        ("Class,Segments\n3 a:0\n", "line 2"),
        ("Class,Segments\n3,:0\n", "line 2"),
        ("Class,Segments\n-3,a:0\n", "line 2"),
        ("Class,Segments\n99999999999,a:0\n", "line 2"),
    ],
)
def test_other_files_are_refused(tmp_path, content, message):
    path = tmp_path / "a.csv"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        list(segment_files.read(path))


def test_nothing_is_left_behind(tmp_path):
    def broken():
        yield RANKINGS[0]
        raise ValueError("half way")

    path = tmp_path / "a.csv"
    path.write_text("before")
    with pytest.raises(ValueError, match="half way"):
        segment_files.write(path, "csv", broken())
    assert path.read_text() == "before"
    assert [one.name for one in tmp_path.iterdir()] == ["a.csv"]


def test_a_name_that_does_not_suit_is_refused(tmp_path):
    with pytest.raises(InputError, match="ending of jsonl"):
        segment_files.write(tmp_path / "a.jsonl", "csv", RANKINGS)
    with pytest.raises(InputError, match="cannot read"):
        list(segment_files.read(tmp_path / "none.csv"))
    assert not segment_files.is_segment_file(tmp_path / "none.csv")


def test_damaged_and_strange_files_are_refused(tmp_path):
    packed = tmp_path / "a.csv.gz"
    content = bytearray(gzip.compress(GOLDEN * 50))
    content[30] ^= 0xFF
    packed.write_bytes(content)
    with pytest.raises(InputError, match="cannot read|line"):
        list(segment_files.read(packed))
    segment_files.is_segment_file(packed)  # does not raise
    lines = tmp_path / "a.jsonl"
    lines.write_text('{"segments": [5], "class": 1}\n')
    assert segment_files.is_segment_file(lines)
    with pytest.raises(InputError, match="line 1"):
        list(segment_files.read(lines))


def test_ids_that_would_not_be_read_again():
    segment_files.check_ids([b"a:5", "ä:0".encode()])
    for one in (b"a b:5", b"\xff:5"):
        with pytest.raises(InputError, match="cannot be written"):
            segment_files.check_ids([b"a:0", one])
