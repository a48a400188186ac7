"""A report as Markdown, and its tables as CSV."""

import csv
import re

from yt8m_distill.report_elements import (
    Code,
    Number,
    Paragraph,
    Picture,
    Table,
    spans,
)

# What Markdown takes for HTML, emphasis, links or code; a stroke within a word
# is none of these.
_MEANINGFUL = re.compile(r"[\\`*<\[\]]|(?<![^\W_])_|_(?![^\W_])")


def text(study, shown, folder):
    """The report as Markdown.

    Args:
        study: a `Study`.
        shown: list of `ShownSection`.
        folder: str, path of the pictures' folder from the Markdown file.
    """
    lines = ["# Report of runs", ""]
    for section in shown:
        lines += [f"## {section.title}", ""]
        for element in section.elements:
            lines += [as_markdown(element, folder), ""]
    if study.left_out:
        lines += ["## Left out", ""]
        lines += [f"* `{path}`: {reason}" for path, reason in study.left_out]
    return "\n".join(lines).rstrip() + "\n"


def write_csv(opened, table):
    """Writes a table as CSV: of a mean with a spread, both in columns.

    Args:
        opened: file to write text to.
        table: a `Table`.
    """
    columns = list(zip(*table.rows)) or [()] * len(table.headings)
    spreads = [any(_spread(cell) is not None for cell in c) for c in columns]
    writer = csv.writer(opened, lineterminator="\n")
    heads = []
    for heading, has_spread in zip(table.headings, spreads):
        heads += [plain(heading)] + [f"{plain(heading)} spread"] * has_spread
    writer.writerow(heads)
    for row in table.rows:
        cells = []
        for cell, has_spread in zip(row, spreads):
            if isinstance(cell, Number):
                cells.append(cell.value if cell.is_known() else "")
            else:
                cells.append(plain(cell or ""))
            if has_spread:
                spread = _spread(cell)
                cells.append("" if spread is None else spread)
        writer.writerow(cells)


def plain(text):
    """A text without the marks of Markdown."""
    return "".join(span for _, span in spans(text))


def escaped(text):
    """A text in which only its own marks mean something in Markdown.

    Args:
        text: str, as of `report_elements`.
    """
    marks = {"code": "`", "bold": "**", "plain": ""}
    return "".join(
        marks[kind]
        + (span if kind == "code" else _MEANINGFUL.sub(r"\\\g<0>", span))
        + marks[kind]
        for kind, span in spans(text)
    )


def _spread(cell):
    return cell.spread if isinstance(cell, Number) else None


def as_markdown(element, folder):
    """One of the `report_elements` as Markdown.

    Args:
        element: what to show.
        folder: as of `text`.
    """
    if isinstance(element, Paragraph):
        return escaped(element.text)
    if isinstance(element, Code):
        return "\n".join(f"    {line}" for line in element.text.splitlines())
    if isinstance(element, Picture):
        return (
            f"![{escaped(element.alt)}]({folder}/{element.name}.png)\n\n"
            f"*{escaped(element.caption)}*"
        )
    if isinstance(element, Table):
        return _table(element, folder)
    raise TypeError(f"{element!r} is no element of a report")


def _table(table, folder):
    rules = [
        "---:"
        if any(isinstance(row[n], Number) for row in table.rows)
        else "---"
        for n in range(len(table.headings))
    ]
    rows = [[_cell(heading) for heading in table.headings], rules]
    rows += [[_cell(cell) for cell in row] for row in table.rows]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    caption = f"{escaped(table.caption)} " if table.caption else ""
    return "\n".join(
        [*lines, "", f"{caption}([CSV]({folder}/{table.name}.csv))"]
    )


def _cell(cell):
    if isinstance(cell, Number):
        return f"**{cell.text()}**" if cell.is_best else cell.text()
    return escaped(cell or "").replace("|", "\\|").replace("\n", " ")
