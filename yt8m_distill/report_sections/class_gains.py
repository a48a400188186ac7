"""What a student gains on its baseline, from rare to frequent classes."""

import dataclasses

import numpy as np

from yt8m_distill import class_groups, compared_runs, report_pictures
from yt8m_distill.errors import InputError
from yt8m_distill.metrics import VideoMetrics
from yt8m_distill.report_elements import Number, Paragraph, Picture, Table
from yt8m_distill.report_sections.report_section import ReportSection

# Classes a group.
SIZES = class_groups.SIZES
# Numbers of frames that are looked at, the most.
MOST_STUDENTS = 4
# Of so many parts of the classes the median is taken together.
PARTS = 8
GAP_AND_MAP = {"gap": "GAP", "map": "mAP"}


class ClassGainsSection(ReportSection):
    """Gains of the best student of each number of frames, class by class.

    And the scores of the rare and the frequent classes, as in table 2 of the
    supplement of Bhardwaj et al. (CVPR 2019).
    """

    title = "Rare and frequent classes"
    order = 65
    absence = "No student here has a baseline and a teacher beside it"

    def elements(self, study):
        trios = [
            trio
            for trio in compared_runs.best_students(study)
            if trio.baseline and trio.teacher
        ]
        shown = trios[-MOST_STUDENTS:]
        pictures, tables, left_out, first_error = [], [], [], None
        for number, trio in enumerate(shown):
            name = f"{trio.student.k}_frames"
            if [one.student.k for one in shown].count(trio.student.k) > 1:
                name += f"_{number + 1}"
            # Of several, two stand side by side.
            size = (report_pictures.HALF, 3.7)
            if len(shown) == 1:
                size = (report_pictures.WIDE, 4.2)
            try:
                picture = _picture(study, trio, name, size)
                tables.append(_table(study, trio, name))
            except InputError as error:
                first_error = first_error or error
                reason = f"Without `{trio.student.label}`: {error}."
                left_out.append(Paragraph(reason))
            else:
                pictures.append(picture)
        if first_error and not pictures:
            raise first_error
        elements = pictures + tables + left_out
        if len(trios) > len(shown):
            elements.append(
                Paragraph(
                    f"Of {len(trios)} numbers of frames the {len(shown)} "
                    "largest are shown."
                )
            )
        return elements


def running_quartiles(values, window):
    """Quartiles of each so many neighbouring values.

    Args:
        values: float `(count,)`.
        window: int ≤ count.

    Returns:
        `(places, quartiles)`: float `(count - window + 1,)`, the middle of each
        window, and `(3, count - window + 1)`, its 25 %, 50 % and 75 % quantile.
    """
    windows = np.lib.stride_tricks.sliding_window_view(values, window)
    places = np.arange(len(windows)) + (window - 1) / 2
    return places, np.quantile(windows, [0.25, 0.5, 0.75], axis=1)


def _picture(study, trio, name, size):
    student, baseline = (
        compared_runs.mean_average_precisions(study, group)
        for group in (trio.student, trio.baseline)
    )
    gains = student - baseline
    frequency = study.observations.training_videos(trio.student.runs[0])
    order = np.argsort(frequency, kind="stable")
    order = order[~np.isnan(gains[order])]
    gains, frequency = gains[order], frequency[order]
    frames = f"{trio.student.k} frame{'s' * (trio.student.k > 1)}"
    drawn = report_pictures.figure(*size)
    axes = drawn.subplots()
    color = report_pictures.COLOURS[0]
    axes.axhline(0, color=report_pictures.TEACHER, linewidth=0.8)
    axes.scatter(
        np.arange(len(gains)),
        gains,
        s=9,
        color=color,
        alpha=0.3,
        linewidth=0,
        label="a class",
    )
    window = max(1, len(gains) // PARTS)
    places, (low, median, high) = running_quartiles(gains, window)
    accent = report_pictures.COLOURS[1]
    axes.fill_between(places, low, high, color=accent, alpha=0.2, linewidth=0)
    axes.plot(
        places,
        median,
        color=accent,
        label=f"median and quartiles of {window} classes",
    )
    _name_classes(axes, frequency)
    limit = 1.05 * np.quantile(np.abs(gains), 0.99) or 0.01
    axes.set_ylim(-limit, limit)
    axes.set_ylabel("AP of the student − AP of the baseline")
    for height, text in ((0.97, "student better"), (0.03, "baseline better")):
        axes.text(
            0.99,
            height,
            text,
            transform=axes.transAxes,
            horizontalalignment="right",
            verticalalignment="top" if height > 0.5 else "bottom",
            color=report_pictures.COLOURS[-1],
            fontsize=8.5,
        )
    axes.set_title(frames)
    report_pictures.legend(drawn, axes)
    outside = int((np.abs(gains) > limit).sum())
    return Picture(
        f"class_gains_{name}",
        drawn,
        f"`{trio.student.label}` against `{trio.baseline.label}` on "
        f"{compared_runs.videos_text(study)}: {len(gains):,} classes with a "
        "positive video, from the rarest in training to the most frequent; "
        f"average precision over all videos. {100 * (gains > 0).mean():.0f} % "
        f"of them gain, {100 * (gains < 0).mean():.0f} % lose; "
        f"mean {_signed(gains.mean())}, of the rarer half "
        f"{_signed(gains[: len(gains) // 2].mean())}, of the more frequent "
        f"half {_signed(gains[len(gains) // 2 :].mean())}."
        + f" {outside} lie outside of the picture."
        * bool(outside),
        "A dot a class: the student's gain in average precision over classes "
        f"sorted from rare to frequent, with a running median; {frames}",
    )


def _name_classes(axes, frequency):
    """Names some of the classes by their training videos."""
    places = np.linspace(0, len(frequency) - 1, 6).round().astype(int)
    axes.set_xticks(places, [f"{frequency[place]:,}" for place in places])
    axes.set_xlabel("training videos of the class, rare to frequent")


def _signed(value):
    return f"{value:+.4f}".replace("-", "−")


def _table(study, trio, name):
    """GAP and mAP of the rare and the frequent classes."""
    num_classes = trio.student.data["num_classes"]
    groups = class_groups.rare_and_frequent(
        study.observations.training_videos(trio.student.runs[0]), SIZES
    )
    # All classes are the same group twice.
    if len(groups[-1].classes) == num_classes:
        groups.pop()
    models = (trio.teacher, trio.baseline, trio.student)
    scores = [
        [_scores_of_groups(study, run, groups) for run in model.runs]
        for model in models
    ]
    rows = []
    order = sorted(range(len(groups)), key=lambda n: groups[n].which != "rare")
    for number in order:
        row = [_described(groups[number], num_classes)]
        for key in GAP_AND_MAP:
            numbers = [
                Number.of([run[number][key] for run in runs]) for runs in scores
            ]
            row += _with_best(numbers)
        rows.append(row)
    heads = [
        f"{kind}, {score}"
        for score in GAP_AND_MAP.values()
        for kind in ("teacher", "baseline", "student")
    ]
    flags = trio.student.flags
    return Table(
        f"class_groups_{name}",
        ["classes (training videos of each)", *heads],
        rows,
        f"Teacher `{trio.teacher.label}`, baseline `{trio.baseline.label}` and "
        f"student `{trio.student.label}` ({trio.student.k} frames) on "
        f"{compared_runs.videos_text(study)}, each group as if there were no "
        f"other classes: the {flags['top_k']} highest of its own predictions "
        f"of each video, mAP by {flags['map_convention']}, the mean over the "
        "group. Bold: the better of baseline and student.",
    )


def _with_best(numbers):
    """A teacher's, a baseline's and a student's, the better of two bold."""
    teacher, baseline, student = numbers
    gain = student.value_or_nan() - baseline.value_or_nan()
    return [
        teacher,
        dataclasses.replace(baseline, is_best=gain < 0),
        dataclasses.replace(student, is_best=gain > 0),
    ]


def _described(group, num_classes):
    fewest, most = group.training_videos.min(), group.training_videos.max()
    size = len(group.classes)
    name = (
        f"{size:,} rarest"
        if group.which == "rare"
        else (f"{size:,} most frequent")
    )
    if size == num_classes:
        name = f"all {size:,}"
    return f"{name} ({fewest:,} to {most:,})"


def _scores_of_groups(study, run, groups):
    """`class_groups` of a run's best model, list of dicts."""
    metrics = class_groups.ClassGroupMetrics(
        VideoMetrics(
            run.data["num_classes"],
            run.flags["top_k"],
            run.flags["map_convention"],
        ),
        groups,
    )
    study.observations.score(run, metrics)
    return metrics.result()["class_groups"]
