"""Pictures of a report: drawn by matplotlib, without its global state."""

import io
import math

import numpy as np

from yt8m_distill.errors import InputError

# Inches: a picture that has the page's width, and one of two side by side. An
# inch is 100 dots of the page.
WIDE, HALF = 10.0, 4.9
# Dots an inch: sharp on screens of two dots a dot of the page.
DPI = 200
# More lines than this in a picture cannot be told apart.
MOST_COLOURS = 12
STYLE = {
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.labelcolor": "#404a57",
    "axes.edgecolor": "#aab3be",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e9ecf0",
    "grid.linewidth": 0.8,
    "xtick.color": "#aab3be",
    "ytick.color": "#aab3be",
    "xtick.labelcolor": "#404a57",
    "ytick.labelcolor": "#404a57",
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    # Names of runs and classes are no formulas.
    "text.parse_math": False,
}
# Okabe and Ito's colours, which the colour-blind tell apart, and darker ones.
COLOURS = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#56b4e9",
    "#7a3e9d",
    "#8c510a",
    "#00504a",
    "#a50f4c",
    "#6b7a00",
    "#34495e",
)
TEACHER, FAINT = "#20262e", "#c6ccd4"


def check_library():
    """Refuses to go on without matplotlib.

    Raises:
        InputError: it is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise InputError(
            "the report draws with matplotlib, which is not installed; pip "
            "install 'yt8m_distill[report]'"
        ) from None


def style():
    """A context in which everything is drawn alike."""
    import matplotlib

    return matplotlib.rc_context(STYLE)


def figure(width=HALF, height=3.3, **arguments):
    """An empty figure.

    Args:
        width, height: float, inches; pictures of at most `HALF` stand side by
            side, and a legend adds to the height.
        **arguments: more of `matplotlib.figure.Figure`.
    """
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained", **arguments)


def png(drawn):
    """A figure as a PNG, sharp on screens of two dots a dot of the page.

    Args:
        drawn: a `matplotlib.figure.Figure`.

    Returns:
        bytes.
    """
    opened = io.BytesIO()
    # Neither version nor time are in it: the same runs, the same bytes.
    drawn.savefig(opened, format="png", dpi=DPI, metadata={"Software": None})
    return opened.getvalue()


def mixed(color, other, share):
    """A colour with a share of another, as `#rrggbb`.

    Args:
        color, other: str, `#rrggbb`.
        share: float in [0, 1], of the other.
    """
    channels = [
        round((1 - share) * int(color[at : at + 2], 16))
        + round(share * int(other[at : at + 2], 16))
        for at in (1, 3, 5)
    ]
    return "#" + "".join(f"{min(one, 255):02x}" for one in channels)


def legend(drawn, axes):
    """A legend below all axes of a figure, which grows by as much.

    Args:
        drawn: the figure.
        axes: axes whose lines it names, or an array of them; a name counts
            once.
    """
    entries = {}
    for one in np.atleast_1d(axes).ravel():
        for handle, label in zip(*one.get_legend_handles_labels()):
            entries.setdefault(_shortened(label), handle)
    if not entries:
        return
    # A line's sample is as wide as 8 letters, an inch as 16.
    letters = max(map(len, entries)) + 8
    columns = max(1, int(16 * drawn.get_figwidth() / letters))
    rows = math.ceil(len(entries) / columns)
    drawn.set_figheight(drawn.get_figheight() + 0.18 * rows)
    drawn.legend(
        entries.values(),
        entries,
        loc="outside lower left",
        ncols=min(columns, len(entries)),
    )


def _shortened(label, most=58):
    """A label that fits into a narrow picture, cut in its middle."""
    if len(label) <= most:
        return label
    half = (most - 1) // 2
    return f"{label[:half]}…{label[-half:]}"


def in_legend(label):
    """A label as legends show it: without a stroke in front, which hides it."""
    return f" {label}" if label.startswith("_") else label


def line_styles(labels):
    """How the lines of a picture look.

    Args:
        labels: list of str, the most interesting first.

    Returns:
        dict label → dict of arguments of `plot`. Of more than `MOST_COLOURS`
        the others are faint, and share one name in the legend.
    """
    styles = {}
    for number, label in enumerate(labels):
        if number < MOST_COLOURS:
            styles[label] = {
                "color": COLOURS[number],
                "label": in_legend(label),
                # The first hide the others.
                "zorder": 3.5 - number / 20,
            }
        else:
            others = len(labels) - MOST_COLOURS
            styles[label] = {
                "color": FAINT,
                "label": f"{others} others" if others > 1 else in_legend(label),
                "zorder": 1.5,
                "linewidth": 1.0,
            }
    return styles


def cut_off_beginnings(axes):
    """Leaves out the beginnings of lines that stay far below the others.

    Such as students that learn no labels at first: those would squeeze all
    others into the top of the picture.

    Args:
        axes: where the lines are, or an array of such with one y axis; lines of
            two points are levels, which begin nowhere.

    Returns:
        Whether anything was cut off.
    """
    all_axes = np.atleast_1d(axes).ravel()
    drawn = [
        np.asarray(line.get_ydata(), float)
        for one in all_axes
        for line in one.lines
    ]
    lines = [one for one in drawn if len(one) > 2]
    if not lines:
        return False
    usual = np.median([one[0] for one in lines])
    highest = max(one.max() for one in drawn)
    bottom = min(
        usual - 0.4 * (highest - usual), min(one.max() for one in lines)
    )
    # A single low epoch is the usual beginning.
    below = [(one < bottom).sum() for one in lines]
    if max(below) < 2:
        return False
    all_axes[0].set_ylim(bottom, highest + 0.05 * (highest - bottom))
    return True


def draw_mean(axes, values, **arguments):
    """Draws a line of means over epochs 1, 2, … with a band of their spread.

    Args:
        axes: where to.
        values: float array `(runs, epochs)`.
        **arguments: of `plot`.
    """
    epochs = np.arange(1, values.shape[1] + 1)
    mean = values.mean(axis=0)
    marker = {"marker": "o", "markersize": 3.5} if len(epochs) <= 12 else {}
    axes.plot(epochs, mean, **{**marker, **arguments})
    if len(values) > 1:
        spread = values.std(axis=0, ddof=1)
        axes.fill_between(
            epochs,
            mean - spread,
            mean + spread,
            color=arguments["color"],
            alpha=0.15,
            linewidth=0,
            zorder=arguments.get("zorder", 2) - 0.5,
        )


def draw_level(axes, number, label, color=TEACHER):
    """Draws a constant, dashed, with a band of its spread.

    Args:
        axes: where to.
        number: a `Number`; an unknown one is not drawn.
        label: str, for the legend.
        color: str.
    """
    if not number.is_known():
        return
    axes.axhline(
        number.value, color=color, linestyle=(0, (5, 3)), label=label, zorder=2
    )
    if number.spread:
        axes.axhspan(
            number.value - number.spread,
            number.value + number.spread,
            color=color,
            alpha=0.08,
            linewidth=0,
        )


def whole_epochs(axes):
    """Names the x axis, whose ticks are epochs."""
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(
        MaxNLocator(nbins=10, integer=True, steps=[1, 2, 5, 10])
    )


def name_values(axis, values, most=8):
    """Puts ticks at these values of an axis and nowhere else.

    Args:
        axis: `axes.xaxis` or `axes.yaxis`.
        values: iterable of float.
        most: int, of more values none is named.
    """
    from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

    values = sorted(values)
    if len(values) <= most:
        axis.set_major_locator(FixedLocator(values))
        axis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.set_minor_locator(NullLocator())


def logarithmic(axis, lines, apart=3):
    """Makes an axis logarithmic with plain numbers, if values are far apart.

    Args:
        axis: `axes.xaxis` or `axes.yaxis`.
        lines: the lines whose values count.
        apart: float, the ratio of values from which on they are.
    """
    from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

    along = {"x": "get_xdata", "y": "get_ydata"}[axis.axis_name]
    values = np.concatenate([np.ravel(getattr(one, along)()) for one in lines])
    if values.min() <= 0 or values.max() / values.min() < apart:
        return
    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    subs = (1, 2, 5) if values.max() / values.min() < 1e3 else (1,)
    axis.set_major_locator(LogLocator(subs=subs))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_locator(NullLocator())
