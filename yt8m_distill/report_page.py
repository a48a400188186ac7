"""A report as one HTML page that needs nothing else, and no network."""

import base64
import html
import importlib.resources
import itertools

from yt8m_distill.report_elements import (
    Code,
    Number,
    Paragraph,
    Picture,
    Table,
    spans,
)
from yt8m_distill.report_pictures import HALF


def text(study, shown, pictures):
    """The report as HTML.

    Args:
        study: a `Study`.
        shown: list of `ShownSection`.
        pictures: dict name → bytes, a PNG.
    """
    style = (
        importlib.resources.files("yt8m_distill")
        .joinpath("report_page.css")
        .read_text(encoding="utf-8")
    )
    body = [_section(section, pictures) for section in shown]
    links = [(section.name, section.title) for section in shown]
    if study.left_out:
        body.append(_left_out(study.left_out))
        links.append(("left_out", "Left out"))
    contents = "\n".join(
        f'<li><a href="#{name}">{html.escape(title)}</a></li>'
        for name, title in links
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="yt8m_distill">
<title>Report of {len(study.runs)} runs</title>
<link rel="icon" href="data:,">
<style>
{style}</style>
</head>
<body>
<header>
<h1>Report of {len(study.runs)} runs</h1>
{_summary(study)}
</header>
<nav aria-label="Contents">
<ul>
{contents}
</ul>
</nav>
<main>
{chr(10).join(body)}
</main>
</body>
</html>
"""


def _summary(study):
    counts = []
    for kind in ("teacher", "baseline", "student"):
        number = len(study.of_kind(kind))
        if number:
            counts.append(f"{number} {kind}{'s' * (number > 1)}")
    return f"<p>{', '.join(counts)}; runs that differ by seed count as one.</p>"


def _section(section, pictures):
    elements = "\n".join(_side_by_side(section.elements, pictures))
    return (
        f'<section id="{section.name}">\n'
        f"<h2>{html.escape(section.title)}</h2>\n{elements}\n</section>"
    )


def _side_by_side(elements, pictures):
    """Elements as HTML; of narrow pictures in a row two share a line."""
    for is_narrow, group in itertools.groupby(elements, _is_narrow):
        shown = [as_html(one, pictures) for one in group]
        if is_narrow and len(shown) > 1:
            shown = ['<div class="pair">', *shown, "</div>"]
        yield from shown


def _is_narrow(element):
    return (
        isinstance(element, Picture)
        and element.figure.get_size_inches()[0] <= HALF
    )


def _left_out(left_out):
    items = "\n".join(
        f"<li><code>{html.escape(str(path))}</code>: {_inline(reason)}</li>"
        for path, reason in left_out
    )
    return (
        f'<section id="left_out">\n<h2>Left out</h2>\n<ul>\n{items}\n</ul>\n'
        "</section>"
    )


def as_html(element, pictures):
    """One of the `report_elements` as HTML.

    Args:
        element: what to show.
        pictures: dict name → bytes, a PNG.
    """
    if isinstance(element, Paragraph):
        return f"<p>{_inline(element.text)}</p>"
    if isinstance(element, Code):
        return f"<pre><code>{html.escape(element.text)}</code></pre>"
    if isinstance(element, Picture):
        width, height = map(round, 100 * element.figure.get_size_inches())
        is_wide = "" if _is_narrow(element) else ' class="wide"'
        encoded = base64.b64encode(pictures[element.name]).decode("ascii")
        return (
            f'<figure id="picture-{element.name}"{is_wide}>\n'
            f'<div class="scroll"><img width="{width}" height="{height}" '
            f'alt="{html.escape(element.alt)}" '
            f'src="data:image/png;base64,{encoded}"></div>\n'
            f"<figcaption>{_inline(element.caption)}</figcaption>\n</figure>"
        )
    if isinstance(element, Table):
        return _table(element)
    raise TypeError(f"{element!r} is no element of a report")


def _table(table):
    are_numbers = [
        any(isinstance(row[n], Number) for row in table.rows)
        for n in range(len(table.headings))
    ]
    heads = "".join(
        f'<th scope="col"{_class(is_number)}>{_inline(heading)}</th>'
        for heading, is_number in zip(table.headings, are_numbers)
    )
    widths = [
        max((len(_spread(row[n])) for row in table.rows), default=0)
        for n in range(len(table.headings))
    ]
    rows = "\n".join(
        f"<tr>{''.join(map(_cell, row, widths))}</tr>" for row in table.rows
    )
    caption = (
        f"<figcaption>{_inline(table.caption)}</figcaption>\n"
        if table.caption
        else ""
    )
    return (
        f'<figure id="table-{table.name}" class="table">\n<div class="scroll" '
        f'tabindex="0" role="region" aria-label="{_spoken(table.name)}">\n'
        f"<table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n"
        f"{rows}\n</tbody>\n</table>\n</div>\n{caption}</figure>"
    )


def _spoken(name):
    """A table's name as screen readers say it."""
    return html.escape(f"table {name.replace('_', ' ')}")


def _class(is_number):
    return ' class="number"' if is_number else ""


def _cell(cell, width):
    """A cell; values stand below each other, whatever spread is after them."""
    if not isinstance(cell, Number):
        return f"<td>{_inline(cell or '')}</td>"
    spread = _spread(cell)
    value = html.escape(cell.text().removesuffix(spread))
    if cell.is_best:
        value = f"<strong>{value}</strong>"
    if width:
        value += f'<span class="spread" style="width:{width}ch">{spread}</span>'
    return f'<td class="number">{value}</td>'


def _spread(cell):
    """The end of a number's text that tells its spread; "": it has none."""
    if not isinstance(cell, Number):
        return ""
    _, mark, spread = cell.text().partition(" ± ")
    return mark + spread


def _inline(text):
    """A text of a report as HTML."""
    tags = {"code": "code", "bold": "strong"}
    shown = []
    for kind, span in spans(text):
        span = html.escape(span)
        tag = tags.get(kind)
        shown.append(f"<{tag}>{span}</{tag}>" if tag else span)
    return "".join(shown)
