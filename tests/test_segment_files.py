import csv
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


def test_names_and_ids_that_csv_has_to_quote_are_read_again(tmp_path):
    names = ['a "b"', "c, d", "one\ntwo", "plain"]
    ids = ["x,y:5", 'x"y:0']
    rankings = [(label, ids, [0.5, 0.1]) for label in range(len(names))]
    segment_files.write(tmp_path / "a.csv", "csv", rankings, names)
    with open(tmp_path / "a.csv", newline="") as opened:
        header, *rows = csv.reader(opened)
    assert header == ["Name", "Segments"]
    assert rows == [[name, " ".join(ids)] for name in names]
    # With indices nothing is quoted, as in the submissions of 2019.
    segment_files.write(tmp_path / "b.csv", "csv", rankings)
    assert list(segment_files.read(tmp_path / "b.csv")) == [
        (label, ids) for label in range(len(names))
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
    # The shortest digits that are the same float32.
    assert '"scores": [0.33333334]}' in path.read_text()
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


GOOD = {"class": 3, "segments": ["a:0"]}


@pytest.mark.parametrize(
    "other",
    [
        {"class": -3},
        {"class": 1 << 24},
        {"class": None},
        {"segments": None},
        {"segments": ["a:0", None]},
        {"segments": ["a:0", "b"]},
        {"segments": [":0"]},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["jsonl", "parquet"])
def test_json_and_parquet_are_checked_alike(name, other, tmp_path):
    path = tmp_path / f"a.{name}"
    rows = [GOOD, {**GOOD, **other}]
    if name == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        arrow = pytest.importorskip("pyarrow")
        table = arrow.Table.from_pylist(rows)
        pytest.importorskip("pyarrow.parquet").write_table(table, path)
    assert segment_files.is_segment_file(path)
    with pytest.raises(InputError, match="2: found .*; expected") as refused:
        list(segment_files.read(path))
    assert str(refused.value).startswith(f"{path}: ")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "line",
    [
        '{"segments": ["a:0"]}',
        '{"class": 3}',
        '{"class": "3", "segments": ["a:0"]}',
        '{"class": 3.5, "segments": ["a:0"]}',
        '{"class": true, "segments": ["a:0"]}',
        '{"class": 3, "segments": ""}',
        '{"class": 3, "segments": {"a:0": 1}}',
        "3",
        "{",
        "",
    ],
)
def test_lines_that_are_no_rankings(line, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(f"{json.dumps(GOOD)}\n{line}\n")
    with pytest.raises(InputError, match="line 2: found"):
        list(segment_files.read(path))


@pytest.mark.parametrize(
    "columns, message",
    [
        ({"segments": [["a:0"]]}, "column class is missing; expected class"),
        ({"class": [3]}, "column segments is missing"),
        ({**GOOD, "class": ["3"]}, "column class is string"),
        ({**GOOD, "class": [3.0]}, "column class is double"),
        ({"class": [3], "segments": ["a:0"]}, "column segments is string"),
        ({"class": [3], "segments": [[5]]}, "column segments is list<.*int64"),
    ],
)
def test_parquet_of_other_columns_is_refused(columns, message, tmp_path):
    arrow = pytest.importorskip("pyarrow")
    path = tmp_path / "a.parquet"
    pytest.importorskip("pyarrow.parquet").write_table(
        arrow.table(columns), path
    )
    with pytest.raises(InputError, match=message) as refused:
        list(segment_files.read(path))
    assert "\n" not in str(refused.value)


def test_a_bad_row_of_many_segments_is_told_in_short(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    row = {"class": 3, "segments": ["a:0"] * 5000 + ["b"]}
    pytest.importorskip("pyarrow.parquet").write_table(
        arrow.Table.from_pylist([row]), tmp_path / "a.parquet"
    )
    with pytest.raises(InputError, match="row 1: found") as refused:
        list(segment_files.read(tmp_path / "a.parquet"))
    assert len(str(refused.value).removeprefix(str(tmp_path))) < 300


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
