import csv
import io
import math

import numpy as np
import pytest

from yt8m_distill import table_results
from yt8m_distill.paper_tables.paper_table import GAP, MAP, Metric
from yt8m_distill.table_results import TableResults

RUN = "hierarchical_lstm/serial_rep_pred_ce_k30_fraction0.25/seed0"
LONG = "a prediction is not a number: the model has diverged; train it again"


@pytest.fixture
def results():
    def cell(*gaps, failures=()):
        values = [{"gap": gap, "map": 0.5} for gap in gaps]
        return {"values": values, "failures": [*failures]}

    return TableResults(
        ["k=3", "k=6"],
        [
            {
                "name": "A",
                "section": "one",
                "cells": {"k=3": cell(0.12345, 0.2), "k=6": cell()},
            },
            {
                "name": "A",
                "section": "two",
                "cells": {"k=3": cell(0.7, failures=[f"{RUN}: x |\n{LONG}"])},
            },
            {
                "name": "Sky",
                "section": "",
                "cells": {"": cell(0.9, math.nan)},
            },
        ],
    )


def test_mean_and_spread_are_numpys(results):
    values = [0.12345, 0.2]
    assert results.mean("A", "k=3") == pytest.approx(np.mean(values), abs=1e-12)
    assert results.spread("A", "k=3") == pytest.approx(
        np.std(values, ddof=1), abs=1e-12
    )
    assert results.mean("A", "k=3", section="two") == 0.7
    assert results.spread("A", "k=3", section="two") == 0
    assert math.isnan(results.mean("A", "k=6"))
    assert results.values("Sky", "", "gap") == [0.9]
    assert results.names("one") == ["A"]
    assert results.names() == ["A", "A", "Sky"]


def test_markdown(results):
    text = table_results.markdown(results, (GAP, MAP), False, "Model")
    assert text.splitlines() == [
        "| Model | k=3 GAP | k=3 mAP | k=6 GAP | k=6 mAP |",
        "| --- | --- | --- | --- | --- |",
        "| **one** |  |  |  |  |",
        "| A | .1617 ± .0541 | .5000 ± .0000 | – | – |",
        "| **two** |  |  |  |  |",
        # The reason, not the run, which is where it stands.
        f"| A | .7000 (1 failed: x / {LONG}) | .5000 (1 failed: x / {LONG}) "
        "|  |  |",
        "",
        "Sky (all frames): GAP .9000, mAP .5000 ± .0000",
    ]


def test_metrics_in_rows(results):
    text = table_results.markdown(
        TableResults(["k=3"], results.rows[:1]), (MAP, GAP), True, "Model"
    )
    assert text.splitlines() == [
        "| Model |  | k=3 |",
        "| --- | --- | --- |",
        "| **one** |  |  |",
        "| A | mAP | .5000 ± .0000 |",
        "|  | GAP | .1617 ± .0541 |",
    ]


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.41906, 4, ".4191"),
        (-0.0031, 4, "-.0031"),
        (10.25, 1, "10.2"),
        (0.5, 1, "0.5"),
        (1.0, 4, "1.0000"),
        (310000, 0, "310000"),
        (None, 4, "–"),
        (math.nan, 4, "–"),
    ],
)
def test_numbers_as_the_field_writes_them(value, digits, text):
    assert table_results.number(value, digits) == text


def test_csv_has_a_line_a_number(results):
    opened = io.StringIO()
    table_results.write_csv(opened, "table9", results, [Metric("gap", "GAP")])
    assert [*csv.reader(io.StringIO(opened.getvalue()))] == [
        ["table", "section", "row", "column", "metric", "repeat", "value"],
        ["table9", "one", "A", "k=3", "gap", "0", "0.12345"],
        ["table9", "one", "A", "k=3", "gap", "1", "0.2"],
        ["table9", "two", "A", "k=3", "gap", "0", "0.7"],
        ["table9", "", "Sky", "", "gap", "0", "0.9"],
        ["table9", "", "Sky", "", "gap", "1", ""],
    ]


def test_csv_tells_which_run_a_number_is_of():
    cell = {"values": [{"repeat": 1, "gap": 0.5}], "failures": ["seed0: x"]}
    row = {"name": "A", "section": "", "cells": {"": cell}}
    opened = io.StringIO()
    table_results.write_csv(opened, "t", TableResults([""], [row]), [GAP])
    assert opened.getvalue().splitlines()[1] == "t,,A,,gap,1,0.5"
