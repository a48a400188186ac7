"""What scores cost: frames, FLOPs and time."""

import math

from yt8m_distill import compared_runs, cost, report_pictures
from yt8m_distill.errors import InputError
from yt8m_distill.report_elements import Number, Paragraph, Picture, Table
from yt8m_distill.report_sections.report_section import ReportSection

# Lines for which a picture of the usual height is enough.
FEW_SERIES = 6


class CostSection(ReportSection):
    """GAP against frames, against GFLOPs and against measured time.

    FLOPs are those of the complete model (`yt8m_distill.flops`), the time is
    that of `yt8m_distill.eval`, from records on disk to scores.
    """

    title = "Scores against costs"
    order = 50

    def elements(self, study):
        costs = {group.label: _cost(group) for group in study.groups}
        elements = [_table(study, costs)]
        for number, groups in enumerate(study.scored_alike(), 1):
            elements += _pictures(study, groups, costs, number)
        unmeasured = [
            f"`{group.label}`"
            for group in study.groups
            if not _seconds(group).is_known()
        ]
        if unmeasured:
            whose = ", ".join(unmeasured)
            if len(unmeasured) == len(study.groups):
                whose = "any of these runs"
            elements.append(
                Paragraph(
                    f"Time was not measured for {whose}: score "
                    "them with `python -m yt8m_distill.eval`, all on the same "
                    "machine, and make this page again."
                )
            )
        return elements


def _cost(group):
    """The `Cost` of a group's model; None: it cannot be told."""
    try:
        return cost.count(
            group.flags["encoder"],
            group.flags["head"],
            group.k,
            num_classes=group.data["num_classes"],
            feature_sizes=tuple(group.data["feature_sizes"]),
        )
    except InputError:
        return None


def _gflops(one):
    """GFLOPs with four digits that count, a `Number`."""
    if one is None:
        return Number(None)
    value = one.flops / 1e9
    return Number(value, digits=max(2, 3 - math.floor(math.log10(value))))


def _seconds(group):
    """Seconds a video in evaluation, a `Number`; unknown if not measured."""
    found = [run.evaluation() for run in group.runs]
    return Number.of(
        [
            1 / one["videos_per_second"]
            for one in found
            if one and one.get("videos_per_second")
        ]
    )


def _table(study, costs):
    rows = []
    for group in study.groups:
        skyline = study.skyline_of(group)
        above = costs[skyline.label] if skyline else None
        own = costs[group.label]
        seconds = _seconds(group)
        longest = _seconds(skyline) if skyline else Number(None)
        rows.append(
            [
                group.label,
                Number(group.k, digits=0),
                Number(own and own.num_parameters, digits=0),
                Number(own and own.bytes_read, digits=0),
                _gflops(own),
                _ratio(above and above.flops, own and own.flops),
                Number.of(
                    [
                        one["videos_per_second"]
                        for one in (run.evaluation() for run in group.runs)
                        if one and one.get("videos_per_second")
                    ],
                    digits=0,
                ),
                _ratio(longest.value, seconds.value),
                group.number("gap"),
            ]
        )
    return Table(
        "cost",
        [
            "run",
            "frames",
            "parameters",
            "bytes a video",
            "GFLOPs a video",
            "times fewer",
            "videos/s",
            "times faster",
            "GAP",
        ],
        rows,
        "GFLOPs: 2 × 10⁻⁹ × multiply-adds of every matrix product of the "
        "model, for a video of the longest length. Times fewer and faster: "
        "than the best teacher, of several encoders that with the encoder of "
        "the model or of its teacher. videos/s: "
        "`python -m yt8m_distill.eval`, from records on disk to scores, a dash "
        "where that was not run; of runs that were scored on different "
        "machines, or while others computed, they do not compare.",
    )


def _ratio(dividend, divisor):
    known = dividend and divisor
    return Number(dividend / divisor if known else None, digits=2, unit=" ×")


def _pictures(study, groups, costs, number):
    series = compared_runs.series(groups)
    styles = report_pictures.line_styles([n for n in series if n != "teacher"])
    styles["teacher"] = {
        "color": report_pictures.TEACHER,
        "label": "teacher",
        "zorder": 4,
    }
    axes_of = {
        "frames": ("frames", lambda one: one.k),
        "gflops": (
            "GFLOPs a video",
            lambda one: _gflops(costs[one.label]).value_or_nan(),
        ),
        "time": (
            "measured milliseconds a video",
            lambda one: 1e3 * _seconds(one).value_or_nan(),
        ),
    }
    names = [f"`{one.label}`" for one in groups if not one.is_finished()]
    unfinished = f" Still in training: {', '.join(names)}." * bool(names)
    found = []
    for key, (label, position) in axes_of.items():
        drawn = report_pictures.figure(
            height=3.3 if len(series) <= FEW_SERIES else 4.6
        )
        axes = drawn.subplots()
        for name, members in series.items():
            _draw(axes, members, position, name, styles[name])
        if not axes.containers:
            continue
        axes.set_xlabel(label)
        axes.set_ylabel("validation GAP")
        report_pictures.logarithmic(axes.xaxis, axes.lines)
        axes.margins(x=0.12)
        if key == "frames":
            report_pictures.name_values(axes.xaxis, {g.k for g in groups})
        elif axes.get_xscale() == "linear":
            axes.locator_params(axis="x", nbins=5)
        report_pictures.legend(drawn, axes)
        found.append(
            Picture(
                f"gap_against_{key}" + f"_{number}" * (number > 1),
                drawn,
                f"GAP against {label}; the best lines are named first."
                + unfinished,
                f"Scores of the groups of runs over {label}, a line a kind of "
                "model",
            )
        )
    return found


def _draw(axes, members, position, name, style):
    points = sorted(
        (position(one), value.value, value.spread or 0.0)
        for one in members
        if (value := one.number("gap")).is_known()
        and not math.isnan(position(one))
    )
    if not points:
        return
    one_each = len({x for x, *_ in points}) == len(points)
    x, y, spread = zip(*points)
    axes.errorbar(
        x,
        y,
        spread if any(spread) else None,
        marker="*" if name == "teacher" else "o",
        markersize=11 if name == "teacher" else 5,
        linestyle=(
            "none"
            if name == "teacher" or not one_each
            else "--"
            if name.startswith("baseline")
            else "-"
        ),
        elinewidth=1,
        capsize=2,
        **style,
    )
