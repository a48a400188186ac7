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
    shown = []
    for name, section in chosen:
        print(f"{section.title} …", flush=True)
        shown.append(
            ShownSection(name, section.title, _elements(section, study))
        )
    _check_names(shown)
    pictures = {}
    for section in shown:
        for element in section.elements:
            if isinstance(element, Picture):
                image = report_pictures.png(element.figure)
                pictures[element.name] = image
                with files.written_whole(
                    folder / f"{element.name}.png", "wb"
                ) as opened:
                    opened.write(image)
            elif isinstance(element, Table):
                with files.written_whole(
                    folder / f"{element.name}.csv"
                ) as opened:
                    report_markdown.write_csv(opened, element)
    with files.written_whole(page.with_suffix(".md")) as opened:
        opened.write(report_markdown.text(study, shown, folder.name))
    with files.written_whole(page) as opened:
        opened.write(report_page.text(study, shown, pictures))
    print(f"{page}, {page.with_suffix('.md')} and {folder}/")
    return page


def _sections(names):
    """The sections of these names (none: all), in the order of the page."""
    names = names or parts.names("report_sections")
    found = [(name, parts.get("report_sections", name)) for name in names]
    return sorted(found, key=lambda pair: pair[1].order)


def _elements(section, study):
    """What a section shows; where that is nothing, a line that says why."""
    try:
        elements = section.elements(study)
    except InputError as error:
        return [Paragraph(f"Left out: {error}.")]
    return elements or [Paragraph(f"{section.absence}.")]


def _check_names(shown):
    """Refuses sections whose tables or pictures would share a file."""
    seen = set()
    for section in shown:
        for element in section.elements:
            name = getattr(element, "name", None)
            key = (type(element), name)
            if name and key in seen:
                raise ValueError(f"two {type(element).__name__}s named {name}")
            seen.add(key)
