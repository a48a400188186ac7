"""The contract of tables."""

from typing import Callable, NamedTuple

from yt8m_distill.table_results import TableResults

SKYLINE = "Teacher-Skyline"
# The best student of the paper's Table 1, and that of its other tables.
THREE_LOSSES = ("rep", "pred", "ce")


class Metric(NamedTuple):
    """A number in a cell.

    Attributes:
        key: str, its name in the results.
        heading: str.
        digits: int, after the point.
    """

    key: str
    heading: str
    digits: int = 4


GAP = Metric("gap", "GAP")
MAP = Metric("map", "mAP")


class Cell(NamedTuple):
    """Where the numbers of a cell come from.

    Attributes:
        tasks: tuple of `TrainingRun` and `Scoring`, one a seed.
        read: function of a task's result, a dict → dict with a value for each
            metric's key.
    """

    tasks: tuple
    read: Callable = dict


class Row(NamedTuple):
    """A row of a table.

    Attributes:
        name: str.
        cells: dict column → `Cell`; columns may be missing.
        section: str, a heading that rows which follow each other share.
    """

    name: str
    cells: dict
    section: str = ""


class Statement(NamedTuple):
    """What a paper says of its table, looked up in another.

    Attributes:
        claim: str.
        holds: bool.
        evidence: str, the numbers that decide it.
    """

    claim: str
    holds: bool
    evidence: str


class PaperTable:
    """A table of a paper, to be filled with other data.

    Attributes:
        title: str.
        source: str, the paper and its table.
        metrics: tuple of `Metric`.
        metrics_are_rows: whether each metric has a row of its own, not a
            column.
        paper_columns: tuple of str.
        paper_rows: dict `(section, row)` → list over `paper_columns` of tuples
            over `paper_metrics`; None where the paper has nothing.
        paper_skyline: tuple over `paper_metrics`, the teacher's scores where
            they are no row of their own; None: none.
        paper_metrics: tuple of `Metric`; None: `metrics`.
        row_heading: str.
        note: str, what is to be known to read it.
    """

    title = ""
    source = ""
    metrics = (GAP, MAP)
    metrics_are_rows = False
    paper_columns = ()
    paper_rows = {}
    paper_skyline = None
    paper_metrics = None
    row_heading = "Model"
    note = ""

    def columns(self, study):
        """The columns, a list of str.

        Args:
            study: a `Study`.
        """
        raise NotImplementedError

    def rows(self, study):
        """The rows, a list of `Row`, which plan the runs.

        Args:
            study: a `Study`.

        Raises:
            InputError: the study has nothing for this table.
        """
        raise NotImplementedError

    def statements(self, results):
        """What the paper says of its table, looked up in results.

        Args:
            results: `TableResults`, without failures where it is looked.

        Returns:
            list of `Statement`.
        """
        raise NotImplementedError

    def paper(self):
        """The paper's own numbers as `TableResults`; None if it has none."""
        if not self.paper_rows:
            return None
        rows = [
            {
                "name": name,
                "section": section,
                "cells": {
                    column: self._paper_cell(values)
                    for column, values in zip(self.paper_columns, columns)
                    if values is not None
                },
            }
            for (section, name), columns in self.paper_rows.items()
        ]
        if self.paper_skyline:
            cells = {"": self._paper_cell(self.paper_skyline)}
            rows.append({"name": SKYLINE, "section": "", "cells": cells})
        return TableResults([*self.paper_columns], rows)

    def _paper_cell(self, values):
        keys = [metric.key for metric in self.paper_metrics or self.metrics]
        return {"values": [dict(zip(keys, values))], "failures": []}


def by_seed(study, plan):
    """A cell with a run for each seed.

    Args:
        study: a `Study`.
        plan: function of a seed → `TrainingRun`.
    """
    return Cell(tuple(study.scored(plan(seed)) for seed in study.seeds))


def skyline(study):
    """The row of the teacher that sees every frame."""
    return Row(SKYLINE, {"": by_seed(study, study.teacher)})
