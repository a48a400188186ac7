"""What all formats of predictions have in common."""

import gzip
import sys

import numpy as np
import pytest

from yt8m_distill.errors import InputError
from yt8m_distill.prediction_files import formats

RANDOM = np.random.default_rng(0)
IDS = [b"a", "β,ü".encode(), b"c d", b'"e"']
SCORES = np.float32(RANDOM.random((4, 6)) ** 9)
NAMES = ["Game", "Food, drink", 'a "b"', "Fußball", "4", "five"]
FILES = [
    f"p.{name}{packed}"
    for name in formats.names()
    for packed in ("", ".gz")
    if not packed or formats.get_class(name).packed_by_gzip
]


def written(path, top_k=4, class_names=None, batches=2):
    """A file with the scores above, in so many batches."""
    if ".parquet" in str(path):
        pytest.importorskip("pyarrow")
    with formats.writing(path, formats.of(path), top_k, class_names) as opened:
        for rows in np.split(np.arange(4), batches):
            opened.write([IDS[row] for row in rows], SCORES[rows])
    return path


def test_a_format_is_a_file_of_the_folder():
    assert formats.names() == ["csv", "jsonl", "parquet"]
    assert formats.of("a/p.csv.gz") == formats.of("P.CSV") == "csv"
    assert formats.of("p.parquet") == "parquet"
    assert formats.of("p.txt") is formats.of("csv") is formats.of("") is None


@pytest.mark.parametrize("name", FILES)
def test_round_trip(name, tmp_path):
    path = written(tmp_path / name)
    found = list(formats.read(str(path)))
    assert [one for one, _, _ in found] == [one.decode() for one in IDS]
    for (_, classes, scores), row in zip(found, SCORES, strict=True):
        expected = np.argsort(-row)[:4]
        np.testing.assert_array_equal(classes, expected)
        if "csv" in name:
            np.testing.assert_allclose(scores, row[expected], rtol=1e-5)
        else:
            np.testing.assert_array_equal(scores, row[expected])
        assert classes.dtype == int and scores.dtype == float
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("class_names", [None, NAMES])
@pytest.mark.parametrize("name", FILES)
def test_the_same_predictions_are_the_same_bytes(name, class_names, tmp_path):
    first, second = (
        written(tmp_path / folder / name, 4, class_names, batches)
        for folder, batches in (("a", 1), ("b", 4))
    )
    plain = [first.read_bytes(), second.read_bytes()]
    if name.endswith(".gz"):
        assert plain[0][4:8] == bytes(4)  # no time
        plain = list(map(gzip.decompress, plain))
    assert plain[0] == plain[1] and plain[0]
    again = written(tmp_path / "again" / name, 4, class_names, 1)
    assert again.read_bytes() == first.read_bytes()


@pytest.mark.parametrize("name", [one for one in FILES if ".gz" in one])
def test_packed_is_the_same_packed(name, tmp_path):
    packed = written(tmp_path / name)
    plain = written(tmp_path / name.removesuffix(".gz"))
    assert gzip.decompress(packed.read_bytes()) == plain.read_bytes()


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("older", [None, b"of yesterday"])
def test_nothing_is_left_half_written(name, older, tmp_path):
    path = tmp_path / "out" / name
    if older:
        path.parent.mkdir()
        path.write_bytes(older)
    with pytest.raises(KeyboardInterrupt):
        if "parquet" in name:
            pytest.importorskip("pyarrow")
        with formats.writing(path, formats.of(path)) as opened:
            opened.write(IDS, SCORES)
            raise KeyboardInterrupt
    left = {one.name: one.read_bytes() for one in path.parent.iterdir()}
    assert left == ({name: older} if older else {})


@pytest.mark.parametrize("name", FILES)
def test_a_batch_without_videos_and_one_with_ragged_pairs(name, tmp_path):
    if "parquet" in name:
        pytest.importorskip("pyarrow")
    path = tmp_path / name
    with formats.writing(path, formats.of(path)) as opened:
        opened.write_pairs(["a", "b"], [[3, 1], []], [[0.5, 0.25], []])
        opened.write([], SCORES[:0])
        opened.write_pairs(["c"], [[2]], [[1.0]])
    found = [
        (one, classes.tolist(), scores.tolist())
        for one, classes, scores in formats.read(path)
    ]
    assert found == [
        ("a", [3, 1], [0.5, 0.25]),
        ("b", [], []),
        ("c", [2], [1.0]),
    ]


@pytest.mark.parametrize("score", [np.nan, np.inf])
def test_a_model_that_diverged_writes_nothing(score, tmp_path):
    scores = SCORES.copy()
    scores[2, 3] = score
    with pytest.raises(InputError, match="the model has diverged"):
        with formats.writing(tmp_path / "p.csv", "csv") as opened:
            opened.write(IDS, scores)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("path", "name", "message"),
    [
        ("p.parquet", "csv", "p.parquet has the ending of parquet, but .* csv"),
        ("p.jsonl.gz", "csv", "--output_format=jsonl or a name .* in .csv"),
        ("p.csv", "jsonl", "give --output_format=csv"),
        ("p.csv", "parquet", "give --output_format=csv"),
        ("p.parquet.gz", "parquet", "in .gz, but .* a name that ends in .parq"),
        ("p.gz", "parquet", "ends in .gz"),
    ],
)
def test_names_that_do_not_suit(path, name, message, tmp_path):
    with pytest.raises(InputError, match=message) as refused:
        formats.check(str(tmp_path / path), name)
    assert "\n" not in str(refused.value)
    with pytest.raises(InputError, match=message):
        with formats.writing(tmp_path / path, name):
            pass
    assert not list(tmp_path.iterdir())


def test_other_endings_are_those_of_any_format(tmp_path):
    for name in ("csv", "jsonl"):
        formats.check("p.txt", name)
        formats.check("", name)
    with formats.writing(tmp_path / "p.gz", "csv") as opened:
        opened.write(IDS, SCORES)
    assert len(list(formats.read(tmp_path / "p.gz"))) == 4


def test_without_pyarrow_it_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    hint = r"pip install yt8m_distill\[parquet\]"
    with pytest.raises(InputError, match=hint):
        formats.check("", "parquet")
    (tmp_path / "p.parquet").touch()
    with pytest.raises(InputError, match=hint):
        list(formats.read(str(tmp_path / "p.parquet")))


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="cannot read .*none.csv"):
        list(formats.read(f"{tmp_path}/none.csv"))
    (tmp_path / "p.csv.gz").write_text("not packed")
    with pytest.raises(InputError, match="cannot read .*p.csv.gz"):
        list(formats.read(f"{tmp_path}/p.csv.gz"))
    path = written(tmp_path / "q.jsonl.gz")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match="cannot read .*q.jsonl.gz"):
        list(formats.read(str(path)))
    with pytest.raises(InputError, match="gunzip it"):
        list(formats.read(f"{tmp_path}/p.parquet.gz"))
