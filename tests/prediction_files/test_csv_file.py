"""The Kaggle submission, byte for byte, and the CSV with names."""

import csv
import io

import numpy as np
import pytest

from yt8m_distill.errors import InputError
from yt8m_distill.prediction_files import formats

IDS = [b"v1", "ü2".encode(), b"a,b"]
SCORES = np.float32(
    [[0.5, 1e-5, 0.25, 0.5], [1 / 3, 1, 0, 1e-9], [0.1, 0.1, 0.1, 0.1]]
)
GOLDEN = """VideoId,LabelConfidencePairs
v1,0 0.5 3 0.5 2 0.25 1 1e-05
ü2,1 1 0 0.333333 3 1e-09 2 0
a,b,0 0.1 1 0.1 2 0.1 3 0.1
"""
GOLDEN_TOP_1 = """VideoId,LabelConfidencePairs
v1,0 0.5
ü2,1 1
a,b,0 0.1
"""
NAMES = ["Game", "Food, drink", 'the "b"', "Fußball"]
GOLDEN_WITH_NAMES = """VideoId,Label,Confidence
v1,Game,0.5
v1,Fußball,0.5
ü2,"Food, drink",1
ü2,Game,0.333333
"a,b",Game,0.1
"a,b","Food, drink",0.1
"""


def written(path, *arguments):
    with formats.writing(path, "csv", *arguments) as opened:
        opened.write(IDS[:2], SCORES[:2])
        opened.write(IDS[2:], SCORES[2:])
    return path.read_bytes()


@pytest.mark.parametrize(
    ("top_k", "golden"), [(20, GOLDEN), (4, GOLDEN), (1, GOLDEN_TOP_1)]
)
def test_the_submission_is_the_golden_one(top_k, golden, tmp_path):
    assert written(tmp_path / "p.csv", top_k) == golden.encode()


def test_a_line_is_the_format_of_its_pairs(tmp_path):
    """As google/youtube-8m writes it, a pair at a time."""
    scores = np.float32(np.random.default_rng(0).random((9, 30)) ** 20)
    with formats.writing(tmp_path / "p.csv", "csv", 30) as opened:
        opened.write([b"x"] * 9, scores)
    lines = (tmp_path / "p.csv").read_text().splitlines()[1:]
    for line, row in zip(lines, scores, strict=True):
        pairs = sorted(enumerate(row), key=lambda pair: -pair[1])
        assert line == "x," + " ".join(f"{i:d} {g:g}" for i, g in pairs)


def test_with_names_it_has_a_row_a_pair(tmp_path):
    text = written(tmp_path / "p.csv", 2, NAMES).decode()
    assert text == GOLDEN_WITH_NAMES
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[2] == {
        "VideoId": "ü2",
        "Label": "Food, drink",
        "Confidence": "1",
    }
    with pytest.raises(InputError, match="again without --vocabulary"):
        list(formats.read(tmp_path / "p.csv"))
