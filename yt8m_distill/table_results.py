"""The numbers of a filled table, and how they are written."""

import csv
import math
import statistics


class TableResults:
    """The numbers of a table.

    Args:
        columns: list of str.
        rows: list of dicts: `name`, `section`, and `cells`, a dict column →
            dict with `values`, a list of dicts metric → number (or None), one a
            run, and `failures`, a list of str, `RUN: REASON`. The column `""`
            stands for the whole table (the teacher's scores).
    """

    def __init__(self, columns, rows):
        self.columns = columns
        self.rows = rows

    def values(self, row, column, metric, section=None):
        """One number a seed, those that there are.

        Args:
            row, column, metric: str.
            section: str; None: the first row of this name.
        """
        for one in self.rows:
            if one["name"] == row and section in (None, one["section"]):
                cell = one["cells"].get(column, {"values": []})
                found = [value.get(metric) for value in cell["values"]]
                return [value for value in found if _is_number(value)]
        return []

    def mean(self, row, column, metric="gap", section=None):
        """Mean over the seeds; NaN if there is no number."""
        values = self.values(row, column, metric, section)
        return statistics.fmean(values) if values else math.nan

    def spread(self, row, column, metric="gap", section=None):
        """Sample standard deviation over the seeds; 0 of a single one."""
        values = self.values(row, column, metric, section)
        return statistics.stdev(values) if len(values) > 1 else 0.0

    def text(self, row, column, metric="gap", digits=4):
        """`mean ± sample standard deviation`, `–` if there is no number."""
        return mean_text(self.values(row, column, metric), digits)

    def names(self, section=None):
        """Names of the rows, of one section or of all, a list of str."""
        return [
            row["name"]
            for row in self.rows
            if section in (None, row["section"])
        ]


def number(value, digits):
    """A number as the field writes it: `.4191`, `12.3`; `–` for none."""
    if not _is_number(value):
        return "–"
    text = f"{value:.{digits}f}"
    if text.lstrip("-").startswith("0.") and digits > 1:
        text = text.replace("0.", ".", 1)
    return text


def mean_text(values, digits):
    """`mean ± sample standard deviation`; of a single number itself.

    Args:
        values: list of float; `–` of none.
        digits: int, after the point.
    """
    if not values:
        return "–"
    text = number(statistics.fmean(values), digits)
    if len(values) > 1:
        text += f" ± {number(statistics.stdev(values), digits)}"
    return text


def cell_text(cell, metric):
    """`mean ± sample standard deviation` of a cell, or why there is nothing.

    Args:
        cell: dict with `values` and `failures`; None: there is no such cell.
        metric: `Metric`.
    """
    if cell is None:
        return ""
    values = [one.get(metric.key) for one in cell["values"]]
    values = [value for value in values if _is_number(value)]
    text = mean_text(values, metric.digits) if values else ""
    if cell["failures"]:
        # Row and column say which run it was.
        reason = cell["failures"][0].partition(": ")[2] or cell["failures"][0]
        reason = " ".join(reason.replace("|", "/").split())
        reason = reason if len(reason) < 80 else f"{reason[:77]}…"
        text += f" ({len(cell['failures'])} failed: {reason})"
    return text.strip() or "–"


def markdown(results, metrics, metrics_are_rows, row_heading):
    """A table as Markdown.

    Args:
        results: `TableResults`.
        metrics: tuple of `Metric`.
        metrics_are_rows: whether each metric has a row of its own.
        row_heading: str.
    """
    if metrics_are_rows:
        header = [row_heading, "", *results.columns]
    else:
        header = [
            row_heading,
            *(
                f"{column} {metric.heading}".strip()
                for column in results.columns
                for metric in metrics
            ),
        ]
    lines = [header, ["---"] * len(header)]
    section = ""
    for row in results.rows:
        if "" not in results.columns and "" in row["cells"]:
            continue  # said below
        if row["section"] != section:
            section = row["section"]
            lines.append([f"**{section}**", *[""] * (len(header) - 1)])
        cells = [row["cells"].get(column) for column in results.columns]
        if metrics_are_rows:
            lines += [
                [
                    "" if position else row["name"],
                    metric.heading,
                    *(cell_text(cell, metric) for cell in cells),
                ]
                for position, metric in enumerate(metrics)
            ]
        else:
            lines.append(
                [
                    row["name"],
                    *(
                        cell_text(cell, metric)
                        for cell in cells
                        for metric in metrics
                    ),
                ]
            )
    text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    for row in results.rows:
        if "" not in results.columns and "" in row["cells"]:
            numbers = ", ".join(
                f"{metric.heading} {cell_text(row['cells'][''], metric)}"
                for metric in metrics
            )
            text += f"\n\n{row['name']} (all frames): {numbers}"
    return text


def write_csv(opened, table, results, metrics):
    """A line a number: table, section, row, column, metric, repeat, value.

    `repeat` is the position of the number's run among those of its cell: of
    `--seeds`, or of repeated evaluations.
    """
    writer = csv.writer(opened, lineterminator="\n")
    writer.writerow(
        ["table", "section", "row", "column", "metric", "repeat", "value"]
    )
    for row in results.rows:
        for column, cell in row["cells"].items():
            for metric in metrics:
                for repeat, values in enumerate(cell["values"]):
                    value = values.get(metric.key)
                    writer.writerow(
                        [
                            table,
                            row["section"],
                            row["name"],
                            column,
                            metric.key,
                            values.get("repeat", repeat),
                            f"{value:.6g}" if _is_number(value) else "",
                        ]
                    )


def _is_number(value):
    return value is not None and not math.isnan(value)
