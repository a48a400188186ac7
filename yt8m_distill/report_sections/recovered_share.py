"""How much of the way from baseline to teacher each student goes."""

import math
import statistics

from yt8m_distill import report_pictures
from yt8m_distill.report_elements import Number, Paragraph, Picture, Table
from yt8m_distill.report_sections.report_section import ReportSection
from yt8m_distill.run_groups import without_seed

KEYS = {"gap": "GAP", "map": "mAP"}


class RecoveredShareSection(ReportSection):
    """(student − baseline) / (teacher − baseline), seed by seed."""

    title = "Recovered share"
    order = 20

    def elements(self, study):
        students = study.of_kind("student")
        if not students:
            self.absence = "No student here"
            return []
        comparisons, lonely = [], []
        for student in students:
            baseline = study.baseline_of(student)
            found = baseline and _comparisons(study, student, baseline)
            comparisons += found or []
            if not found:
                lonely.append(f"`{student.label}`")
        elements = []
        if comparisons:
            elements = [_table(comparisons), _picture(comparisons)]
        if lonely:
            elements.append(
                Paragraph(
                    f"Not compared: {', '.join(lonely)}, for want of a "
                    "baseline here with the same encoder, frames and training "
                    "videos, or of a teacher's score on the same videos."
                )
            )
        return [one for one in elements if one]


class Comparison:
    """A student between a baseline and a teacher, seed by seed.

    A seed counts where all three have it; where no seed does, their means are
    compared.

    Attributes:
        student, baseline: `RunGroup`.
        teacher: str, its name.

    Args:
        student, baseline: `RunGroup`.
        teacher: str.
        teacher_scores: dict key → dict seed → float, the teacher's scores.
    """

    def __init__(self, student, baseline, teacher, teacher_scores):
        self.student = student
        self.baseline = baseline
        self.teacher = teacher
        self._teacher_scores = teacher_scores

    def triples(self, key):
        """`(student, baseline, teacher)` of each seed, a list."""
        by_seed = [
            {
                run.seed: run.score(key)
                for run in group.runs
                if run.score(key) is not None
            }
            for group in (self.student, self.baseline)
        ]
        by_seed.append(self._teacher_scores.get(key, {}))
        seeds = sorted(set.intersection(*map(set, by_seed)))
        if seeds:
            return [tuple(one[seed] for one in by_seed) for seed in seeds]
        if not all(by_seed):
            return []
        return [tuple(sum(one.values()) / len(one) for one in by_seed)]

    def gain(self, key):
        """student − baseline, a `Number`."""
        values = [student - lower for student, lower, _ in self.triples(key)]
        return Number.of(values, has_sign=True)

    def distance(self, key):
        """teacher − baseline, a `Number`."""
        values = [upper - lower for _, lower, upper in self.triples(key)]
        return Number.of(values, has_sign=True)

    def share(self, key):
        """The recovered share, a `Number`.

        Unknown where a teacher is no better than the baseline.
        """
        triples = self.triples(key)
        if any(upper <= lower for _, lower, upper in triples):
            return Number(None)
        shares = [
            (student - lower) / (upper - lower)
            for student, lower, upper in triples
        ]
        return Number.of(shares, digits=2)


def _comparisons(study, student, baseline):
    """A student against its own teacher; a parallel one also the skyline."""
    found = []
    teacher = study.teacher_of(student)
    if student.mode == "parallel":
        teacher = study.skyline_of(student)
        scores = _as_logged(student)
        found.append(Comparison(student, baseline, "its own, parallel", scores))
    if teacher and teacher.scored_on == student.scored_on:
        scores = _of_students(teacher, student)
        found.append(Comparison(student, baseline, teacher.label, scores))
    elif student.mode == "serial":
        names = [
            without_seed(path, None)[-1] for path in student.runs[0].teachers
        ]
        scores = _as_logged(student)
        found.append(Comparison(student, baseline, ", ".join(names), scores))
    return [one for one in found if one.triples("gap")]


def _as_logged(student):
    """The teacher's scores that stand in the students' own `metrics.jsonl`."""
    return {
        key: {
            run.seed: run.score(f"teacher_{key}")
            for run in student.runs
            if run.score(f"teacher_{key}") is not None
        }
        for key in KEYS
    }


def _of_students(teacher, student):
    """A teacher's scores by the seed of the student that each run taught.

    Where several runs taught one student their mean counts; who was taught by
    none is compared with the run of the same seed.
    """
    found = {}
    for key in KEYS:
        found[key] = {}
        for run in student.runs:
            taught_by = [
                one for one in teacher.runs if one.path in run.teachers
            ]
            same_seed = [one for one in teacher.runs if one.seed == run.seed]
            scores = [one.score(key) for one in taught_by or same_seed]
            if scores and None not in scores:
                found[key][run.seed] = statistics.fmean(scores)
        mean = teacher.mean(key)
        if not found[key] and not math.isnan(mean):
            found[key] = {None: mean}  # no seed in common
    return found


def _table(comparisons):
    rows = []
    for one in comparisons:
        row = [
            one.student.label,
            Number(one.student.k, digits=0),
            one.baseline.label,
            one.teacher,
            *(one.share(key) for key in KEYS),
            *(one.gain(key) for key in KEYS),
        ]
        rows.append(row)
    headings = [
        "student",
        "frames",
        "best baseline",
        "teacher",
        *(f"share, {name}" for name in KEYS.values()),
        *(f"gain, {name}" for name in KEYS.values()),
    ]
    return Table(
        "recovered_share",
        headings,
        rows,
        "Gain: student − baseline; recovered share: (student − baseline) / "
        "(teacher − baseline); both seed by seed, mean ± sample standard "
        "deviation. The baseline is the best by GAP of those with the same "
        "encoder, frames and training videos, the teacher the student's own; a "
        "student whose teacher learned beside it is compared with the best "
        "teacher that was trained alone too, if there is one with that "
        "teacher's encoder, else with the best of any. A dash: a teacher is "
        "no better than the baseline.",
    )


def _picture(comparisons):
    """A line from baseline to teacher for each student, with its place."""
    shown = [one for one in comparisons if one.distance("gap").value > 0]
    if not shown:
        return None
    drawn = report_pictures.figure(
        report_pictures.WIDE, 1.0 + 0.32 * len(shown)
    )
    axes = drawn.subplots()
    for height, one in enumerate(reversed(shown)):
        student, lower, upper = (
            sum(values) / len(values) for values in zip(*one.triples("gap"))
        )
        axes.plot(
            [lower, upper],
            [height, height],
            color=report_pictures.FAINT,
            linewidth=3,
            zorder=1,
        )
        last = height == len(shown) - 1
        for value, marker, color, label in (
            (lower, "|", "#6b7684", "baseline"),
            (upper, "|", report_pictures.TEACHER, "teacher"),
            (student, "o", report_pictures.COLOURS[0], "student"),
        ):
            axes.plot(
                value,
                height,
                marker,
                color=color,
                markersize=7 if marker == "o" else 13,
                markeredgewidth=0 if marker == "o" else 2.5,
                label=label if last else None,
            )
    axes.set_yticks(
        range(len(shown)),
        [f"{one.student.label}  ({one.teacher})" for one in reversed(shown)],
    )
    axes.set_ylim(-0.7, len(shown) - 0.3)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("GAP")
    report_pictures.legend(drawn, axes)
    return Picture(
        "recovered_share",
        drawn,
        "Where each student stands between baseline and teacher (in brackets), "
        "means over the seeds.",
        "A line a student from its baseline's GAP to its teacher's, with a dot "
        "at the student's GAP",
    )
