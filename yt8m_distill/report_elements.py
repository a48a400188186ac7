"""What a section of the report consists of, whatever it is written as.

Texts may hold `code` between backticks and **bold** between pairs of stars, as
in Markdown; nothing else in them has a meaning.
"""

import dataclasses
import math
import re
import statistics

_MARKED = re.compile(r"`(?P<code>[^`]+)`|\*\*(?P<bold>[^*]+)\*\*")


def spans(text):
    """What a text consists of.

    Args:
        text: str.

    Yields:
        `(kind, text)`: `"plain"`, `"code"` or `"bold"`, and the str.
    """
    end = 0
    for found in _MARKED.finditer(text):
        if found.start() > end:
            yield "plain", text[end : found.start()]
        yield found.lastgroup, found[found.lastgroup]
        end = found.end()
    if end < len(text):
        yield "plain", text[end:]


@dataclasses.dataclass(frozen=True)
class Paragraph:
    """A paragraph.

    Attributes:
        text: str.
    """

    text: str


@dataclasses.dataclass(frozen=True)
class Code:
    """Lines to be copied, such as commands.

    Attributes:
        text: str.
    """

    text: str


@dataclasses.dataclass(frozen=True)
class Number:
    """A number in a table, or a mean with its spread.

    Attributes:
        value: float or int; None or NaN is shown as a dash.
        spread: float, a standard deviation; None: not shown.
        digits: int, after the point.
        is_best: whether it is set in bold.
        has_sign: whether a plus stands before positive values.
        unit: str after it, such as `" %"`.
    """

    value: float | None
    spread: float | None = None
    digits: int = 4
    is_best: bool = False
    has_sign: bool = False
    unit: str = ""

    @classmethod
    def of(cls, values, **arguments):
        """The mean of values with their sample standard deviation.

        Args:
            values: list of float; those that are None or NaN are left out.
            **arguments: more arguments of `Number`.
        """
        values = [v for v in values if v is not None and not math.isnan(v)]
        if not values:
            return cls(None, **arguments)
        spread = statistics.stdev(values) if len(values) > 1 else None
        return cls(statistics.fmean(values), spread, **arguments)

    def is_known(self):
        return self.value is not None and not math.isnan(self.value)

    def value_or_nan(self):
        return self.value if self.is_known() else math.nan

    def text(self):
        """As it is read, such as `0.4191 ± 0.0008`; a dash if unknown."""
        if not self.is_known():
            return "–"
        sign = "+" if self.has_sign else ""
        text = f"{self.value:{sign},.{self.digits}f}".replace("-", "−")
        if self.spread is not None:
            text += f" ± {self.spread:,.{self.digits}f}"
        return text + self.unit


@dataclasses.dataclass(frozen=True)
class Table:
    """A table, which is written as CSV too.

    Attributes:
        name: str, unique in the report: the CSV's name.
        headings: list of str.
        rows: list of lists as long as `headings`, of str, `Number`, or None for
            an empty cell.
        caption: str.
    """

    name: str
    headings: list
    rows: list
    caption: str = ""


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture.

    Attributes:
        name: str, unique in the report: the file's name beside the Markdown.
        figure: a `matplotlib.figure.Figure`, as of `report_pictures.figure`.
        caption: str.
        alt: str, what is seen, for those who cannot see it.
    """

    name: str
    figure: object
    caption: str
    alt: str
