"""Loss and GAP per epoch."""

import numpy as np

from yt8m_distill import compared_runs, report_pictures
from yt8m_distill.report_elements import Picture
from yt8m_distill.report_sections.report_section import ReportSection

# Lines for which a picture of the usual height is enough.
FEW_GROUPS = 6


class CurvesSection(ReportSection):
    """Loss and GAP per epoch of every group, with the teacher's GAP.

    Two pictures for each number of frames; the same kind of model has the same
    colour in all.
    """

    title = "Training curves"
    order = 30
    absence = "No run here has a line an epoch"

    def elements(self, study):
        found = {}
        series = []
        for number, groups in enumerate(study.scored_alike()):
            series.append(compared_runs.series(groups))
            for group in groups:
                found.setdefault((number, group.k), []).append(group)
        pictures = []
        names = set()
        for (number, k), groups in found.items():
            groups.sort(
                key=lambda one: np.nan_to_num(one.mean("gap"), nan=-1.0),
                reverse=True,
            )
            name = f"{k}_frames"
            if name in names:
                name += f"_{number + 1}"
            names.add(name)
            styles = _styles(groups, series[number])
            pictures += _pictures(study, groups, styles, name, k)
        return pictures


def _pictures(study, groups, styles, name, k):
    frames = f"{k} frame{'s' * (k > 1)}"
    pictures = []
    for key, label, what in (
        ("loss", "training loss", "The objective while training"),
        ("val_gap", "validation GAP", "GAP on the validation videos"),
    ):
        drawn = report_pictures.figure(
            height=3.3 if len(groups) <= FEW_GROUPS else 4.6
        )
        axes = drawn.subplots()
        for group in groups:
            values = group.by_epoch(key)
            if not np.isnan(values).any():
                report_pictures.draw_mean(axes, values, **styles[group.label])
        caption = f"{what}."
        if key == "loss":
            caption += " Those of the same terms compare."
        else:
            caption += _draw_teachers(study, groups, axes)
            if report_pictures.cut_off_beginnings(axes):
                caption += (
                    " Lines that are far below the others at first are cut off."
                )
        if not axes.lines:
            continue
        if key == "loss":
            report_pictures.logarithmic(axes.yaxis, axes.lines)
        axes.set_title(frames)
        axes.set_ylabel(label)
        report_pictures.whole_epochs(axes)
        report_pictures.legend(drawn, axes)
        pictures.append(
            Picture(
                f"curves_{name}_{label.split()[1].lower()}",
                drawn,
                caption,
                f"{label} over epochs, a line a group of runs that see "
                f"{frames}",
            )
        )
    return pictures


def _styles(groups, series):
    """How the lines of groups that see as many frames look, a dict by label.

    A series has the same colour in all pictures, unless two groups here are of
    one series; dashed: baselines.
    """
    names = {
        group.label: name
        for name, members in series.items()
        for group in members
        if group in groups
    }
    students = [name for name in series if name != "teacher"]
    if len(set(names.values())) < len(names) or "teacher" in names.values():
        styles = report_pictures.line_styles([one.label for one in groups])
    else:
        of_series = report_pictures.line_styles(students)
        styles = {label: dict(of_series[name]) for label, name in names.items()}
        faint = [
            label
            for label, style in styles.items()
            if style["color"] == report_pictures.FAINT
        ]
        for label, style in styles.items():
            style["label"] = report_pictures.in_legend(label)
            if len(faint) > 1 and label in faint:
                style["label"] = f"{len(faint)} others"
    for group in groups:
        if group.kind == "baseline":
            styles[group.label]["linestyle"] = "--"
    return styles


def _draw_teachers(study, groups, axes):
    """The best epochs of these students' teachers; returns more caption."""
    teachers = {}
    for group in groups:
        teacher = study.teacher_of(group) or (
            None if group.kind == "teacher" else study.skyline_of(group)
        )
        if teacher and teacher.scored_on == group.scored_on:
            teachers[teacher.label] = teacher
    for label, teacher in teachers.items():
        which = f" ({label})" if len(teachers) > 1 else ""
        report_pictures.draw_level(
            axes, teacher.number("gap"), f"teacher's best{which}"
        )
    spread = any(len(one.runs) > 1 for one in [*groups, *teachers.values()])
    text = " Dashed: baselines" * any(one.kind == "baseline" for one in groups)
    if teachers:
        text += f"{',' if text else ' Dashed:'} and level: the teacher's best"
    text += "." * bool(text)
    return text + " Bands: ± a standard deviation over seeds." * spread
