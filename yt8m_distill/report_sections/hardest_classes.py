"""The hardest classes, and where a student loses and gains most, by name."""

import numpy as np

from yt8m_distill import compared_runs
from yt8m_distill.report_elements import Number, Paragraph, Table
from yt8m_distill.report_sections.report_section import ReportSection

# Positive videos that a class needs, so that its AP says something.
LEAST_POSITIVES = 10
# Classes a table.
NUM_CLASSES = 12


class HardestClassesSection(ReportSection):
    """Classes by the AP of the best student, its teacher and its baseline.

    Average precisions are means over the seeds.
    """

    title = "Hardest classes"
    order = 70
    absence = "No student here that has a teacher or a baseline beside it"

    def elements(self, study):
        trios = [
            trio
            for trio in compared_runs.best_students(study)
            if trio.teacher and trio.baseline
        ]
        if not trios:
            return []
        trio = max(trios, key=lambda one: one.student.mean("gap"))
        scores = {
            name: compared_runs.mean_average_precisions(study, group)
            for name, group in trio._asdict().items()
        }
        _, positives = study.observations.average_precisions(
            trio.student.runs[0]
        )
        enough = np.flatnonzero(positives >= LEAST_POSITIVES)
        if not len(enough):
            return [
                Paragraph(
                    f"No class has {LEAST_POSITIVES} positive videos among "
                    "those that were looked at; give more with --max_videos."
                )
            ]
        names = compared_runs.class_names(study, len(positives))
        teacher, baseline, student = (
            scores[name] for name in ("teacher", "baseline", "student")
        )
        tables = []
        for name, values, what in (
            (
                "hardest",
                teacher,
                "The lowest average precisions of the teacher",
            ),
            (
                "lost_most",
                student - teacher,
                "Where the student is furthest below its teacher",
            ),
            (
                "gained_most",
                baseline - student,
                "Where the student is furthest above the baseline",
            ),
            (
                "behind_baseline",
                student - baseline,
                "Where the student is furthest below the baseline",
            ),
        ):
            order = enough[np.argsort(values[enough], kind="stable")]
            if values is not teacher:  # differences, the lowest first
                order = order[values[order] < 0]
            if not len(order):
                continue
            rows = [
                [
                    names[one],
                    Number(int(positives[one]), digits=0),
                    Number(teacher[one], digits=3),
                    Number(baseline[one], digits=3),
                    Number(student[one], digits=3),
                    Number(
                        student[one] - teacher[one], digits=3, has_sign=True
                    ),
                    Number(
                        student[one] - baseline[one], digits=3, has_sign=True
                    ),
                ]
                for one in order[:NUM_CLASSES]
            ]
            tables += [
                Paragraph(f"**{what}:**"),
                Table(f"classes_{name}", HEADINGS, rows),
            ]
        return [Paragraph(_introduction(study, trio, len(enough))), *tables]


HEADINGS = [
    "class",
    "positives",
    "teacher",
    "baseline",
    "student",
    "student − teacher",
    "student − baseline",
]


def _introduction(study, trio, num_classes):
    return (
        f"Average precisions of the teacher `{trio.teacher.label}` "
        f"({trio.teacher.k} frames), the baseline `{trio.baseline.label}` and "
        f"the student `{trio.student.label}` ({trio.student.k} frames), the "
        f"best student by GAP, on {compared_runs.videos_text(study)}, each "
        f"over all of them. Only the {num_classes:,} classes with at least "
        f"{LEAST_POSITIVES} positive videos there are ranked: of fewer an "
        "average precision is mostly chance."
    )
