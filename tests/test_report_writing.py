import csv
import sys

import pytest

from tests.written_runs import write_run, write_runs
from yt8m_distill import config, report_markdown, report_writing
from yt8m_distill.errors import InputError
from yt8m_distill.report_elements import Number, Table


def write(folder, **flags):
    values = {
        "runs": [str(folder / "runs")],
        "output": str(folder / "page.html"),
        **flags,
    }
    return report_writing.write(config.from_values("report", values))


def test_writes_page_markdown_pictures_and_tables(tmp_path, capsys):
    write_runs(tmp_path / "runs")
    page = write(tmp_path, sections=["curves", "results", "recovered_share"])
    assert page == tmp_path / "page.html"
    text = (tmp_path / "page.md").read_text()
    titles = ["## Results", "## Recovered share", "## Training curves"]
    assert [one for one in text.splitlines() if one[:3] == "## "] == titles
    files = {path.name for path in (tmp_path / "page_files").iterdir()}
    assert {"results.csv", "recovered_share.csv", "recovered_share.png"} < files
    assert len([one for one in files if one.endswith(".png")]) == 7
    for name in files:
        assert f"(page_files/{name})" in text
    assert "12 runs in 6 groups" in capsys.readouterr().out
    with open(tmp_path / "page_files" / "results.csv", newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert [row["run"] for row in rows][0] == "teacher"
    assert float(rows[0]["GAP"]) == pytest.approx(0.605)
    assert float(rows[0]["GAP spread"]) == pytest.approx(0.00707107)
    assert rows[0]["seeds"] == "0, 1"


def test_a_report_takes_the_place_of_another(tmp_path):
    write_run(tmp_path / "runs" / "a", [0.1])
    write(tmp_path, sections=["results"])
    write_run(tmp_path / "runs" / "b", [0.2], batch_size=4)
    page = write(tmp_path, sections=["results"])
    assert "Report of 2 runs" in page.read_text()
    assert not list(tmp_path.rglob("*.partial"))


def test_sections_say_what_is_missing(tmp_path):
    write_run(tmp_path / "runs" / "a", [0.1])
    page = write(tmp_path, sections=["parallel_teachers", "recovered_share"])
    assert "<p>No student here.</p>" in page.read_text()
    assert "No parallel run here" in (tmp_path / "page.md").read_text()


def test_a_section_that_is_named_twice_is_shown_once(tmp_path):
    write_run(tmp_path / "runs" / "a", [0.1])
    page = write(tmp_path, sections=["results", "results"])
    assert page.read_text().count("<h2") == 1


def test_what_was_left_out_is_told(tmp_path, capsys):
    write_run(tmp_path / "runs" / "a", [0.1])
    write_run(tmp_path / "runs" / "young", [])
    page = write(tmp_path, sections=["results"])
    assert "no epoch of it is finished" in page.read_text()
    assert "no epoch of it is finished" in page.with_suffix(".md").read_text()
    assert "1 left out" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"output": "page.md"}, "--output=page.md.*ends in .html"),
        ({"output": "gs://b/page.html"}, "--output=gs://.*remote"),
        ({"sections": ["nope"]}, "no 'nope' among.*results"),
        ({"runs": ["nowhere"]}, "--runs=nowhere: no run there"),
        ({"max_videos": 0}, "--max_videos=0; give at least 1"),
        ({"vocabulary": "no.csv", "sections": ["results"]}, "no.csv"),
        (
            {"eval_data_pattern": "no*", "sections": ["results"]},
            "--eval_data_pattern: no file matches 'no.'; give .*'data/eval",
        ),
    ],
)
def test_bad_flags_are_refused(tmp_path, monkeypatch, flags, message):
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "runs" / "a", [0.1])
    with pytest.raises(InputError, match=message):
        write(tmp_path, **flags)
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


def test_without_matplotlib_it_says_what_to_install(tmp_path, monkeypatch):
    write_run(tmp_path / "runs" / "a", [0.1])
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(InputError, match=r"pip install 'yt8m_distill\[report"):
        write(tmp_path)


def test_a_table_as_csv_and_markdown(tmp_path):
    table = Table(
        "t",
        ["name", "`score`"],
        [
            ["a|b", Number(0.5, 0.25, digits=2, is_best=True)],
            ["**c**", Number(None)],
            [None, Number(-1.5, digits=1, has_sign=True, unit=" %")],
        ],
        "What it is.",
    )
    with open(tmp_path / "t.csv", "w") as opened:
        report_markdown.write_csv(opened, table)
    assert (tmp_path / "t.csv").read_text().splitlines() == [
        "name,score,score spread",
        "a|b,0.5,0.25",
        "c,,",
        ",-1.5,",
    ]
    assert report_markdown.as_markdown(table, "files").splitlines() == [
        "| name | `score` |",
        "| --- | ---: |",
        "| a\\|b | **0.50 ± 0.25** |",
        "| **c** | – |",
        "|  | −1.5 % |",
        "",
        "What it is. ([CSV](files/t.csv))",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("student_k3 of `a_*`, **L_rep**", "student_k3 of `a_*`, **L_rep**"),
        ("<b>[x](y)", r"\<b>\[x\](y)"),
        ("M*A*S*H, _old_ and a`b", r"M\*A\*S\*H, \_old\_ and a\`b"),
    ],
)
def test_markdown_keeps_what_means_nothing(text, expected):
    assert report_markdown.escaped(text) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.25], "0.2500"),
        ([0.2, 0.4], "0.3000 ± 0.1414"),
        ([0.2, None, float("nan")], "0.2000"),
        ([], "–"),
    ],
)
def test_a_number_of_values(values, expected):
    assert Number.of(values).text() == expected
    assert Number(1234.5, digits=1, has_sign=True).text() == "+1,234.5"


def test_names_are_no_formulas(tmp_path):
    write_run(tmp_path / "runs" / r"$\nothing$", [0.1])
    write(tmp_path, sections=["curves"])
    assert (tmp_path / "page_files" / "curves_12_frames_gap.png").exists()
