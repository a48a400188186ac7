"""Writes a report: the page, the Markdown, its pictures and its tables."""

import pathlib
from typing import NamedTuple

from yt8m_distill import (
    files,
    parts,
    report_markdown,
    report_page,
    report_pictures,
)
from yt8m_distill.errors import InputError
from yt8m_distill.report_elements import Paragraph, Picture, Table
from yt8m_distill.report_study import Study


class ShownSection(NamedTuple):
    """A section as it is written.

    Attributes:
        name: str, its file's name.
        title: str.
        elements: list of `report_elements`, never empty.
    """

    name: str
    title: str
    elements: list


def write(options):
    """Writes the report that the options ask for, and prints where it lies.

    Args:
        options: as of `config.options("report")`.

    Returns:
        `pathlib.Path` of the page.

    Raises:
        InputError: no run can be reported on, there is no such section, the
            files cannot be written, or matplotlib is missing.
    """
    report_pictures.check_library()
    page = pathlib.Path(options.output)
    if page.suffix not in (".html", ".htm"):
        raise InputError(
            f"--output={options.output}: the page is HTML; give a name that "
            "ends in .html"
        )
    chosen = _sections(options.sections)
    folder = page.with_name(f"{page.stem}_files")
    study = Study(options, folder)
    print(
        f"{len(study.runs)} runs in {len(study.groups)} groups"
        + (f", {len(study.left_out)} left out" if study.left_out else "")
    )
    with report_pictures.style():
        shown = [_show(name, section, study) for name, section in chosen]
        pictures = {
            picture.name: report_pictures.png(picture.figure)
            for picture in _all(shown, Picture)
        }
    for name, image in pictures.items():
        with files.written_whole(folder / f"{name}.png", "wb") as opened:
            opened.write(image)
    for table in _all(shown, Table):
        with files.written_whole(folder / f"{table.name}.csv") as opened:
            report_markdown.write_csv(opened, table)
    with files.written_whole(page.with_suffix(".md")) as opened:
        opened.write(report_markdown.text(study, shown, folder.name))
    with files.written_whole(page) as opened:
        opened.write(report_page.text(study, shown, pictures))
    print(f"{page}, {page.with_suffix('.md')} and {folder}/")
    return page


def _sections(names):
    """The sections of these names (none: all), in the order of the page.

    Each once, even if it is named twice.
    """
    names = names or parts.names("report_sections")
    found = [
        (name, parts.get("report_sections", name))
        for name in dict.fromkeys(names)
    ]
    return sorted(found, key=lambda pair: pair[1].order)


def _show(name, section, study):
    """A section with its elements; where it has none, a line says why."""
    print(f"{section.title} …", flush=True)
    try:
        elements = section.elements(study)
    except InputError as error:
        elements = [Paragraph(f"Left out: {error}.")]
    return ShownSection(
        name,
        section.title,
        elements or [Paragraph(f"{section.absence.rstrip('.')}.")],
    )


def _all(shown, kind):
    """All elements of a kind; those of one name would share a file.

    Raises:
        ValueError: two have the same name.
    """
    found = {}
    for section in shown:
        for element in section.elements:
            if isinstance(element, kind):
                if element.name in found:
                    raise ValueError(f"two of {kind.__name__} {element.name}")
                found[element.name] = element
    return list(found.values())
