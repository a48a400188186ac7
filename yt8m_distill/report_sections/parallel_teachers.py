"""Teachers that learn beside their students (Figure 2 of the paper)."""

import math

import numpy as np

from yt8m_distill import report_pictures
from yt8m_distill.report_elements import Picture
from yt8m_distill.report_sections.report_section import ReportSection

# Of a title.
LETTERS_AN_INCH = 10


class ParallelTeachersSection(ReportSection):
    """GAP per epoch of parallel teachers and students, beside a static teacher.

    Figure 2 of Bhardwaj et al. (CVPR 2019): a picture an encoder of students
    and of their static teacher, in it a panel a combination of losses.
    """

    title = "Parallel teachers (Figure 2 of the paper)"
    order = 40
    absence = "No parallel run here whose teacher was scored"

    def elements(self, study):
        pictures = []
        for groups in study.scored_alike():
            shown = {}
            for one in groups:
                is_scored = not np.isnan(one.by_epoch("val_teacher_gap")).any()
                if one.mode == "parallel" and is_scored:
                    key = one.encoder, study.skyline_of(one)
                    shown.setdefault(key, []).append(one)
            for (encoder, skyline), parallel in shown.items():
                serial = [
                    one
                    for one in groups
                    if one.mode == "serial" and one.encoder == encoder
                ]
                name = "parallel_teachers"
                name += f"_{len(pictures) + 1}" * bool(pictures)
                pictures.append(_picture(parallel, serial, skyline, name))
        return pictures


def _picture(parallel, serial, skyline, name):
    panels = {}
    for group in parallel:
        panels.setdefault(group.combination, []).append(group)
    columns = min(len(panels), 3)
    rows = math.ceil(len(panels) / columns)
    width = report_pictures.HALF if columns == 1 else report_pictures.WIDE
    drawn = report_pictures.figure(width, 0.3 + 2.9 * rows)
    axes = drawn.subplots(
        rows, columns, sharey=True, sharex=True, squeeze=False
    )
    ks = sorted({one.k for one in parallel})
    colours = {
        k: report_pictures.COLOURS[number % len(report_pictures.COLOURS)]
        for number, k in enumerate(ks)
    }
    for panel, (combination, members) in zip(axes.flat, panels.items()):
        _draw(panel, members, colours)
        if skyline:
            report_pictures.draw_level(
                panel, skyline.number("gap"), f"{skyline.label}, static"
            )
        for one in serial:
            if one.combination == combination and one.k in colours:
                panel.axhline(
                    one.mean("gap"),
                    color=colours[one.k],
                    linestyle=":",
                    label=f"serial student, {one.k} frames, best epoch",
                )
        letters = int(LETTERS_AN_INCH * width / columns)
        title = combination
        if len(title) > letters:
            title = title.replace(" + ", " +\n")
        panel.set_title(title)
        report_pictures.whole_epochs(panel)
        panel.tick_params(labelbottom=True)
    is_cut = report_pictures.cut_off_beginnings(axes)
    for number in range(len(panels), axes.size):
        axes.flat[number].set_axis_off()
    for row in axes:
        row[0].set_ylabel("validation GAP")
    report_pictures.legend(drawn, axes)
    return Picture(
        name,
        drawn,
        "GAP of each epoch: teachers that learn beside their student, and "
        f"these students, of {parallel[0].encoder}, a panel a combination of "
        "losses. The level line is "
        "the best epoch of the teacher that was trained alone"
        + (
            ", dotted ones those of serial students with the same losses."
            if serial
            else "."
        )
        + " Lines that are far below the others at first are cut off." * is_cut,
        "GAP over epochs of parallel teachers and their students, beside the "
        "level of a static teacher",
    )


def _draw(panel, members, colours):
    """Teachers (full lines, squares) and students (thinner, dots)."""
    repeated = len({one.k for one in members}) < len(members)
    for one in members:
        which = f", {one.k} frames" + f", {one.label}" * repeated
        report_pictures.draw_mean(
            panel,
            one.by_epoch("val_teacher_gap"),
            color=colours[one.k],
            linestyle="-.",
            label=f"parallel teacher{which}",
        )
        report_pictures.draw_mean(
            panel,
            one.by_epoch("val_gap"),
            color=colours[one.k],
            label=f"its student{which}",
        )
