"""JSON Lines: what is written, and what is no such file."""

import json

import numpy as np
import pytest

from yt8m_distill.errors import InputError
from yt8m_distill.prediction_files import formats

GOLDEN = """\
{"video_id": "ü\\"1", "classes": [1, 0], "scores": [0.1, 1e-05], \
"names": ["a \\"b\\"", "Fußball"]}
{"video_id": "v", "classes": [0, 1], "scores": [1.0, 0.33333334], \
"names": ["Fußball", "a \\"b\\""]}
"""


def test_with_names(tmp_path):
    names = ["Fußball", 'a "b"']
    with formats.writing(tmp_path / "p.jsonl", "jsonl", 9, names) as opened:
        opened.write(
            ['ü"1'.encode(), b"v"], np.float32([[1e-5, 0.1], [1, 1 / 3]])
        )
    assert (tmp_path / "p.jsonl").read_bytes() == GOLDEN.encode()
    assert len(list(formats.read(tmp_path / "p.jsonl"))) == 2


def test_scores_are_read_as_the_same_float32(tmp_path):
    random = np.random.default_rng(0)
    scores = random.integers(0, 0x3F800000, (20, 50), np.int32).view("f4")
    with formats.writing(tmp_path / "p.jsonl", "jsonl", 50) as opened:
        opened.write([b"x"] * 20, scores)
    lines = (tmp_path / "p.jsonl").read_text().splitlines()
    for line, row in zip(lines, scores, strict=True):
        found = json.loads(line)
        np.testing.assert_array_equal(
            np.float32(found["scores"]), row[found["classes"]]
        )


GOOD = '{"video_id": "x", "classes": [2, 1], "scores": [0.5, 1]}'


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "found ''"),
        ("x", "found 'x'"),
        ("[]", "found"),
        ('{"video_id": "x", "classes": [1]}', "found"),
        (GOOD.replace('"x"', "3"), "found"),
        (GOOD.replace("0.5, 1", "0.5"), "found"),
        (GOOD.replace("0.5", '"0.5"'), "found"),
        (GOOD.replace("2, 1", "2.5, 1"), "found"),
        (GOOD.replace("2, 1", "[2, 1]"), "found"),
        (GOOD.replace("2, 1", "1, 1"), "a class is there twice"),
        (GOOD.replace("0.5", "NaN"), ".* a score is no number"),
        (GOOD.replace("2, 1", "-2, 1"), "class -2 is below 0"),
    ],
)
def test_files_that_are_no_predictions(line, message, tmp_path):
    (tmp_path / "p.jsonl").write_text(f"{GOOD}\n{line}\n")
    with pytest.raises(InputError, match=f"line 2: {message}") as refused:
        list(formats.read(tmp_path / "p.jsonl"))
    assert "\n" not in str(refused.value)


def test_the_highest_score_comes_first(tmp_path):
    (tmp_path / "p.jsonl").write_text(GOOD + "\n")
    ((video_id, classes, scores),) = formats.read(tmp_path / "p.jsonl")
    assert (video_id, classes.tolist(), scores.tolist()) == (
        "x",
        [1, 2],
        [1.0, 0.5],
    )
