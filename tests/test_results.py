"""docs/results.md says what docs/results/*.json hold."""

import json
import math
import re
import statistics

import pytest

from tests.conftest import ROOT
from yt8m_distill import filled_tables, parts, table_results

KEPT = sorted((ROOT / "docs" / "results").glob("*.json"))


@pytest.fixture(params=KEPT, ids=lambda path: path.stem)
def kept(request):
    """A file of results and what it holds: its name is DATA_ENCODER_TABLE."""
    kept = json.loads(request.param.read_text())
    name = next(
        name
        for name in parts.names("paper_tables")
        if request.param.stem.endswith(name)
    )
    return (name, kept, *filled_tables.results_of(name, kept))


def test_every_run_of_it_is_there(kept):
    _, _, _, results = kept
    for row in results.rows:
        for cell in row["cells"].values():
            assert not cell["failures"] and not cell["pending"]
            assert len(cell["values"]) == len(cell["runs"])


def test_the_papers_orders_hold_where_it_is_said(kept):
    _, found, table, results = kept
    statements = [one._asdict() for one in table.statements(results)]
    assert json.loads(json.dumps(statements)) == found["statements"]


def test_the_document_has_its_numbers_and_says_what_does_not_hold(kept):
    _, found, table, results = kept
    document = (ROOT / "docs" / "results.md").read_text()
    numbers = table_results.markdown(
        results, table.metrics, table.metrics_are_rows, table.row_heading
    )
    assert numbers in document
    assert f"    {found['command']}" in document
    for one in found["statements"]:
        verdict = "holds" if one["holds"] else "does not hold"
        assert f"| {one['claim']} | {verdict} | {one['evidence']} |" in document


def test_every_table_of_the_document_is_kept():
    document = (ROOT / "docs" / "results.md").read_text()
    commands = re.findall(
        r"^ {4}(python -m yt8m_distill\.tables .*)$", document, re.MULTILINE
    )
    kept = [json.loads(path.read_text())["command"] for path in KEPT]
    assert sorted(commands) == sorted(kept)


def test_the_mean_over_all_k_is_that_of_table_1():
    """Differences to Uniform-k, in standard errors of their mean."""
    cells = {}
    for part in ("", "_15_frames"):
        path = ROOT / "docs" / "results" / f"audioset60_hrnn{part}_table1.json"
        for row in json.loads(path.read_text())["rows"]:
            for column, cell in row["cells"].items():
                cells[row["name"], column] = cell["values"]
    students = sorted(
        {name for name, _ in cells if name.startswith(("Serial", "Parallel"))}
    )
    columns = sorted({column for name, column in cells if name == students[0]})
    assert len(students) == 8 and len(columns) == 4
    document = (ROOT / "docs" / "results.md").read_text()

    def seeds(name, column, metric):
        return [one[metric] for one in cells[name, column]]

    def text(name, metric):
        gain = statistics.fmean(
            statistics.fmean(seeds(name, column, metric))
            - statistics.fmean(seeds("Uniform-k", column, metric))
            for column in columns
        )
        # With two seeds a row, the variance of a difference of two means is
        # that of a single run.
        variances = [
            statistics.fmean(
                statistics.variance(seeds(one, column, metric))
                for one in ("Uniform-k", *students)
            )
            for column in columns
        ]
        error = math.sqrt(sum(variances)) / len(columns)
        return f"{gain:+.4f} ({abs(gain) / error:.1f})".replace("0.", ".", 1)

    for name in students:
        line = f"| {name} | {text(name, 'gap')} | {text(name, 'map')} |"
        assert line in document
