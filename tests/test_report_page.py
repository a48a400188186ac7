"""The page in a browser, and its HTML."""

import html.parser
import re

import pytest

from tests import browser
from tests.written_runs import write_run, write_runs
from yt8m_distill import config, report_page, report_writing
from yt8m_distill.report_elements import Code, Number, Paragraph, Table

# Elements that have no end.
VOID = {"meta", "link", "img", "br", "hr"}


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    write_runs(folder / "runs")
    write_run(folder / "runs" / "young<&>", [])
    options = config.from_values(
        "report",
        {"runs": [str(folder / "runs")], "output": str(folder / "page.html")},
    )
    return report_writing.write(options)


@pytest.mark.parametrize("dark", [False, True])
def test_every_picture_is_seen(page, tmp_path, dark):
    import matplotlib.image

    seen, screenshot = browser.look(page, tmp_path, dark=dark)
    assert seen["problems"] == [] and seen["requests"] == []
    expected = page.read_text().count("<img")
    assert seen["images"] == seen["shown"] == expected >= 10
    assert seen["needed"] <= seen["width"]  # no scrolling sideways
    assert seen["dark"] == dark
    pixels = matplotlib.image.imread(screenshot)[..., :3]
    assert pixels.shape == (900, 1200, 3)
    assert (pixels[0, 0].mean() < 0.3) == dark
    assert pixels.std() > 0.02


def test_fits_a_telephone(page, tmp_path):
    seen, screenshot = browser.look(page, tmp_path, width=400)
    assert seen["problems"] == []
    assert seen["needed"] <= seen["width"] <= 500


def test_the_browser_would_tell(tmp_path):
    """What the tests above look for is found where it is."""
    page = tmp_path / "page.html"
    page.write_text(
        "<!DOCTYPE html><html><head><title>x</title>"
        '<link rel="stylesheet" href="https://example.org/a.css">'
        "</head><body>"
        '<img alt="torn" src="data:image/png;base64,AAAA">'
        "<script>console.error('wrong'); undefinedFunction();</script>"
        "</body></html>"
    )
    seen, _ = browser.look(page, tmp_path / "browser")
    problems = "\n".join(seen["problems"])
    assert "broken image torn" in problems
    assert "undefinedFunction is not defined" in problems
    assert "wrong" in problems
    assert "wants https://example.org/a.css" in problems


class Checker(html.parser.HTMLParser):
    """Elements that do not match, ids, and links."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.links, self.sources = [], [], [], []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag not in VOID:
            self.open.append(tag)
        if "id" in attributes:
            self.ids.append(attributes["id"])
        if tag == "a":
            self.links.append(attributes["href"])
        elif "href" in attributes:
            self.sources.append(attributes["href"])
        if "src" in attributes:
            self.sources.append(attributes["src"])
        if tag == "img":
            assert attributes["alt"]
        if "tabindex" in attributes:  # what a keyboard stops at has a name
            assert attributes["role"] == "region" and attributes["aria-label"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_html_is_whole_and_needs_nothing_else(page):
    checker = Checker()
    text = page.read_text()
    checker.feed(text)
    assert checker.open == []
    assert len(set(checker.ids)) == len(checker.ids)
    assert {link[1:] for link in checker.links} <= set(checker.ids)
    assert all(source.startswith("data:") for source in checker.sources)
    assert not re.search(r"url\(|@import|https?://", text)


def test_names_are_text(page):
    text = page.read_text()
    assert "young&lt;&amp;&gt;" in text and "young<" not in text


def test_numbers_stand_right_and_the_best_is_bold(page):
    text = page.read_text()
    assert re.search(
        r'<td class="number"><strong>0\.4800</strong>'
        r'<span class="spread" style="width:9ch"> ± 0\.0141</span></td>',
        text,
    )
    assert '<th scope="col" class="number">GAP</th>' in text


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        (Paragraph("a `b<c` **d**"), "<p>a <code>b&lt;c</code> <strong>d"),
        (
            Paragraph("`a/**/b` and **c** and `d/**/e`"),
            "<p><code>a/**/b</code> and <strong>c</strong> and "
            "<code>d/**/e</code></p>",
        ),
        (Code("x <y>\nz"), "<pre><code>x &lt;y&gt;\nz</code></pre>"),
        (
            Table("t", ["a", "b"], [["x", Number(1, digits=0)], [None, None]]),
            '<tr><td>x</td><td class="number">1</td></tr>\n'
            "<tr><td></td><td></td></tr>",
        ),
    ],
)
def test_elements(element, expected):
    assert expected in report_page.as_html(element, {})


def test_anything_else_is_refused():
    with pytest.raises(TypeError, match="no element"):
        report_page.as_html("text", {})


def test_the_same_runs_give_the_same_bytes(page):
    before = page.read_bytes()
    options = config.from_values(
        "report",
        {"runs": [str(page.parent / "runs")], "output": str(page)},
    )
    report_writing.write(options)
    assert page.read_bytes() == before
