"""Every table of the folder keeps the contract of tables."""

import pytest

from yt8m_distill import config, filled_tables, parts
from yt8m_distill.study import Study

NAMES = parts.names("paper_tables")


@pytest.fixture
def study(tmp_path):
    teacher = tmp_path / "teacher.flags"
    teacher.write_text(
        "--train_data_pattern=train*\n--eval_data_pattern=validate*\n"
        "--encoder=hierarchical_lstm\n--num_classes=150\n"
    )
    return Study(
        config.parse(
            "tables",
            [
                "--output_dir=runs",
                f"--teacher_flagfile={teacher}",
                f"--baseline_flagfile={teacher}",
                "--k=4,2",
                "--seeds=0,7",
                "--num_repeats=2",
            ],
        )
    )


@pytest.fixture(params=NAMES)
def table(request):
    return parts.get_class("paper_tables", request.param)()


def test_plans_as_many_runs_a_cell_as_seeds_or_says_less(table, study):
    columns = table.columns(study)
    rows = table.rows(study)
    assert len({(row.section, row.name) for row in rows}) == len(rows)
    for row in rows:
        assert {*row.cells} <= {*columns, ""} and row.cells
        for cell in row.cells.values():
            # An ensemble is one; a time is measured twice.
            assert len(cell.tasks) in (1, 2)


def test_the_paper_says_so_of_its_own_numbers(table):
    paper = table.paper()
    statements = table.statements(paper)
    assert statements
    for statement in statements:
        assert statement.holds, statement
        assert statement.evidence


def test_the_paper_has_a_number_for_each_metric(table):
    for values in table.paper_rows.values():
        assert len(values) == len(table.paper_columns)
        for numbers in values:
            assert len(numbers) == len(table.paper_metrics or table.metrics)


def test_is_written_with_the_papers_numbers_apart(table, study):
    paper = table.paper()
    statements = table.statements(paper)
    text = filled_tables.markdown(table, paper, statements, "a command")
    before, after = text.split("Paper, full YouTube-8M")
    assert "    a command" in before and table.source in before
    assert all(f"| {one.claim} | holds |" in before for one in statements)
    assert all(name in after for name in paper.names())
    # No line has numbers of both: each line of a table has its columns alone.
    widths = [
        line.count("|") for line in after.splitlines() if line.startswith("|")
    ]
    assert len({*widths}) == 1
