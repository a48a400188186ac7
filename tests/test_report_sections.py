"""Every section of the report keeps the contract.

A new section is found by its file: nothing has to be added here.
"""

import inspect
import pathlib

import pytest

from tests.written_runs import study_of, write_run, write_runs
from yt8m_distill import parts, report_pictures
from yt8m_distill.errors import InputError
from yt8m_distill.flag_definitions import FLAGS
from yt8m_distill.report_elements import Code, Paragraph, Picture, Table

NAMES = parts.names("report_sections")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Runs without models: sections that run some have to say so."""
    folder = tmp_path_factory.mktemp("runs")
    return study_of(write_runs(folder / "runs"), folder / "files")


@pytest.fixture(scope="module")
def single(tmp_path_factory):
    """One run, of one epoch."""
    folder = tmp_path_factory.mktemp("runs")
    write_run(folder / "runs" / "only", [0.1])
    return study_of(folder / "runs", folder / "files")


@pytest.mark.parametrize("name", NAMES)
class TestEverySection:
    def test_says_what_it_is(self, name):
        section = parts.get_class("report_sections", name)
        assert inspect.getdoc(section) and section.title
        assert section.order > 0

    def test_is_named_in_the_help(self, name):
        (text,) = [text for *_, text in FLAGS["report"] if name in str(text)]
        assert name in text

    def test_has_a_test_of_its_own(self, name):
        folder = pathlib.Path(__file__).parent / "report_sections"
        texts = [file.read_text() for file in folder.glob("test_*.py")]
        section = parts.get_class("report_sections", name).__name__
        assert any(section in text for text in texts)

    @pytest.mark.parametrize("runs", ["study", "single"])
    def test_shows_something_or_says_why_not(self, name, runs, request):
        study = request.getfixturevalue(runs)
        section = parts.get("report_sections", name)
        try:
            with report_pictures.style():
                elements = section.elements(study)
        except InputError as error:
            assert "\n" not in str(error)
            return
        if not elements:
            assert section.absence and "\n" not in section.absence
        for element in elements:
            assert isinstance(element, Code | Paragraph | Picture | Table)
            if isinstance(element, Picture):
                assert element.alt and element.caption
                assert report_pictures.png(element.figure)[:4] == b"\x89PNG"
            if isinstance(element, Table):
                assert all(
                    len(row) == len(element.headings) for row in element.rows
                )


def test_orders_differ():
    orders = [parts.get_class("report_sections", n).order for n in NAMES]
    assert len(set(orders)) == len(orders)
