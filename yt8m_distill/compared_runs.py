"""Which runs of a report are compared with which."""

from typing import NamedTuple

import numpy as np

from yt8m_distill.errors import InputError
from yt8m_distill.report_elements import Paragraph
from yt8m_distill.reported_runs import ReportedRun
from yt8m_distill.run_groups import RunGroup


class Trio(NamedTuple):
    """A student with what it is measured against.

    Attributes:
        student, baseline, teacher: `RunGroup`; the latter two may be None.
    """

    student: RunGroup
    baseline: RunGroup | None
    teacher: RunGroup | None


class Teacher(NamedTuple):
    """The model that a run is compared with.

    Attributes:
        run: `ReportedRun`.
        checkpoint: str, `"best"`, or `"teacher"` of a parallel run.
    """

    run: ReportedRun
    checkpoint: str


def best_students(study):
    """The best student of each number of frames, by GAP.

    Of those that have a baseline and a teacher here, if any has. Students that
    were scored otherwise do not compare and are looked at apart.

    Args:
        study: a `Study`.

    Returns:
        list of `Trio`, by rising number of frames.
    """
    trios = {}
    for number, groups in enumerate(study.scored_alike()):
        for group in groups:
            if group.kind == "student" and not _sees_segments(group):
                trio = Trio(
                    group, study.baseline_of(group), _teacher(study, group)
                )
                trios.setdefault((group.k, number), []).append(trio)
    return [
        max(
            trios[key],
            key=lambda trio: (
                None not in trio,
                np.nan_to_num(trio.student.mean("gap"), nan=-1.0),
            ),
        )
        for key in sorted(trios)
    ]


def _teacher(study, student):
    """A student's teacher, or else the skyline, that sees the same videos."""
    teacher = study.teacher_of(student)
    if teacher and (
        study.options.eval_data_pattern
        or teacher.scored_on == student.scored_on
    ):
        return teacher
    return study.skyline_of(student)


def teacher_of(study, run):
    """The model that a run's own is compared with.

    Of a student its teacher, of a baseline the best teacher of the report, from
    the training with the same seed if there is one.

    Args:
        study: a `Study`.
        run: a `ReportedRun`.

    Returns:
        A `Teacher`; None: there is none, or several taught it together.
    """
    if run.mode == "parallel":
        return Teacher(run, "teacher")
    if run.mode == "serial":
        teachers = study.teachers_of(run)
        if len(run.teachers) != 1 or not teachers:
            return None
        return Teacher(teachers[0], "best")
    skyline = study.skyline_of(study.group_of(run))
    if skyline is None or run in skyline.runs:
        return None
    same = [one for one in skyline.runs if one.seed == run.seed]
    return Teacher((same or skyline.runs)[0], "best")


def observed_pairs(study, *kinds):
    """What models and their teachers make of the same videos.

    Args:
        study: a `Study`.
        *kinds: str, of the groups.

    Returns:
        `(pairs, left_out)`: dict label of a group → list of a pair a run, the
        `Observation`s of its teacher and its own; and a list of a `Paragraph`
        for each reason for which groups are not in the dict.

    Raises:
        InputError: all were left out, the first because of this error.
    """
    pairs, reasons, first_error = {}, {}, None
    for group in with_models(study, *kinds):
        try:
            found = [_observed_pair(study, run) for run in group.runs]
        except InputError as error:
            first_error = first_error or error
            reasons.setdefault(str(error), []).append(group.label)
            continue
        if None in found:
            reason = "no single teacher of it is among these runs"
            reasons.setdefault(reason, []).append(group.label)
        else:
            pairs[group.label] = found
    if first_error and not pairs:
        raise first_error
    left_out = [
        Paragraph(f"Without {', '.join(f'`{n}`' for n in names)}: {reason}.")
        for reason, names in reasons.items()
    ]
    return pairs, left_out


def _observed_pair(study, run):
    """`(teacher's, run's)` `Observation`s; None: it has no `teacher_of`."""
    teacher = teacher_of(study, run)
    if teacher is None:
        return None
    theirs = study.observations.of(teacher.run, teacher.checkpoint)
    own = study.observations.of(run)
    if theirs.video_ids != own.video_ids:
        raise InputError(
            f"`{teacher.run.name}` and `{run.name}` were validated on other "
            "videos; give --eval_data_pattern"
        )
    return theirs, own


def with_models(study, *kinds):
    """The groups of some kinds whose models look at whole videos, a list."""
    return [
        group
        for group in study.groups
        if group.kind in kinds and not _sees_segments(group)
    ]


def series(groups):
    """Groups that are the same but for the number of frames.

    Args:
        groups: list of `RunGroup` whose scores compare.

    Returns:
        dict name → list of `RunGroup`, the series with the highest GAP first:
        places among the groups with as many frames are averaged. Samplers and
        encoders are told of baselines or of students that have several, and
        where those of students are no baseline's. Teachers are one series.
    """
    samplers, encoders = {}, {}
    for group in groups:
        if group.kind != "teacher":
            samplers.setdefault(group.kind, set()).add(_sampler(group))
            encoders.setdefault(group.kind, set()).add(group.encoder)
    found = {}
    for group in groups:
        found.setdefault(_series_name(group, samplers, encoders), []).append(
            group
        )
    places = _places(groups)
    return dict(
        sorted(
            found.items(),
            key=lambda pair: np.mean([places[one.label] for one in pair[1]]),
        )
    )


def _sampler(group):
    return group.flags["frame_sampler"].partition("(")[0]


def _series_name(group, samplers, encoders):
    if group.kind == "teacher":
        return "teacher"
    more = [
        part
        for part, of_kinds in (
            (_sampler(group), samplers),
            (group.encoder, encoders),
        )
        if len(of_kinds[group.kind]) > 1
        or not of_kinds.get("student", set())
        <= of_kinds.get("baseline", of_kinds[group.kind])
    ]
    name = f"{group.mode}: {group.objective}" if group.mode else group.kind
    return f"{name} ({', '.join(more)})" if more else name


def _places(groups):
    """Where each label stands among groups with as many frames, 0 the best."""
    places = {}
    for k in {group.k for group in groups}:
        same = [group for group in groups if group.k == k]
        same.sort(
            key=lambda one: np.nan_to_num(one.mean("gap"), nan=-1.0),
            reverse=True,
        )
        for place, group in enumerate(same):
            places[group.label] = place / len(same)
    return places


def class_names(study, num_classes):
    """A name for each class: of `--vocabulary`, or such as `class 17`."""
    known = study.class_names
    return [known.get(one, f"class {one}") for one in range(num_classes)]


def _sees_segments(group):
    return group.data.get("segment_context_frames") is not None


def videos_text(study):
    """Which videos models were run on, such as `2,770 videos of …`."""
    pattern = study.options.eval_data_pattern
    patterns = {pattern or run.flags["eval_data_pattern"] for run in study.runs}
    where = f"`{patterns.pop()}`"
    if patterns:
        where = "the shards that each run was validated on"
    return f"{study.observations.num_videos:,} videos of {where}"


def mean_average_precisions(study, group):
    """The AP of each class, the mean over a group's runs.

    Args:
        study: a `Study`.
        group: a `RunGroup`.

    Returns:
        float64 `(num_classes,)`, NaN where no video is positive.
    """
    found = [study.observations.average_precisions(r)[0] for r in group.runs]
    return np.mean(found, axis=0)
