"""The supplement's Table 2: rare and frequent classes."""

import math

from yt8m_distill.paper_tables.paper_table import (
    GAP,
    MAP,
    THREE_LOSSES,
    Cell,
    Metric,
    PaperTable,
    Row,
    Statement,
)
from yt8m_distill.table_results import number

RARE, FREQUENT = "bottom-r (rare) classes", "top-r (frequent) classes"


class RareClasses(PaperTable):
    """Scores of the r rarest and the r most frequent classes."""

    title = "Rare and frequent classes, for the largest k"
    source = "Bhardwaj et al. (CVPR 2019), supplement, Table 2 (H-RNN, k=30)"
    metrics = (Metric("map_of_all", "mAP of all"), GAP, MAP)
    metrics_are_rows = True
    paper_metrics = (Metric("map_of_all", "mAP", 3), Metric("gap", "GAP", 3))
    paper_columns = ("Teacher", "Uniform", "Student")
    paper_rows = {
        (RARE, "bottom-100"): [(0.005, 0.293), (0.005, 0.249), (0.005, 0.279)],
        (RARE, "bottom-200"): [(0.013, 0.300), (0.011, 0.247), (0.013, 0.281)],
        (RARE, "bottom-500"): [(0.033, 0.302), (0.028, 0.248), (0.031, 0.280)],
        (RARE, "bottom-1000"): [
            (0.065, 0.298),
            (0.056, 0.248),
            (0.062, 0.282),
        ],
        (RARE, "bottom-2000"): [
            (0.132, 0.313),
            (0.116, 0.268),
            (0.128, 0.297),
        ],
        (FREQUENT, "top-100"): [(0.018, 0.918), (0.018, 0.909), (0.018, 0.915)],
        (FREQUENT, "top-200"): [(0.035, 0.901), (0.034, 0.892), (0.035, 0.899)],
        (FREQUENT, "top-500"): [(0.077, 0.873), (0.075, 0.862), (0.077, 0.870)],
        (FREQUENT, "top-1000"): [
            (0.137, 0.852),
            (0.132, 0.839),
            (0.135, 0.848),
        ],
        (FREQUENT, "top-2000"): [
            (0.232, 0.832),
            (0.220, 0.817),
            (0.229, 0.828),
        ],
    }
    row_heading = "Classes"
    note = (
        "Frequency is that of the training videos. The paper's mAP adds up the "
        "AP of r classes and divides by the number of all classes (its top-100 "
        "has .018), which is 'mAP of all' here; mAP is the mean over the r."
    )

    def columns(self, study):
        return ["Teacher", "Uniform", "Student"]

    def rows(self, study):
        k = max(study.k)
        plans = {
            "Teacher": study.teacher,
            "Uniform": lambda seed: study.baseline(seed, k),
            "Student": lambda seed: study.student(seed, k, THREE_LOSSES),
        }
        sizes = study.class_groups
        tasks = {
            name: tuple(
                study.score([plan(seed)], "class_groups", sizes)
                for seed in study.seeds
            )
            for name, plan in plans.items()
        }
        return [
            Row(
                f"{start}-{size}",
                {
                    name: Cell(found, _reader(which, size))
                    for name, found in tasks.items()
                },
                section,
            )
            for which, start, section in (
                ("rare", "bottom", RARE),
                ("frequent", "top", FREQUENT),
            )
            for size in sizes
        ]

    def statements(self, results):
        gains = {
            section: {
                name: results.mean(name, "Student", section=section)
                - results.mean(name, "Uniform", section=section)
                for name in results.names(section)
            }
            for section in (RARE, FREQUENT)
        }
        evidence = ", ".join(
            f"{name} {number(gain, 4)}"
            for found in gains.values()
            for name, gain in found.items()
        )
        # Without a positive video a group has no scores.
        known = [
            gain
            for found in gains.values()
            for gain in found.values()
            if not math.isnan(gain)
        ]
        # The r rarest of r classes are the r most frequent ones, too.
        compared = [
            (gains[RARE][rare], gains[FREQUENT][frequent])
            for rare, frequent in zip(gains[RARE], gains[FREQUENT])
            if not _are_alike(results, rare, frequent)
        ]
        compared = [pair for pair in compared if not any(map(math.isnan, pair))]
        return [
            Statement(
                "the student's GAP is above uniform's for rare and for "
                "frequent classes",
                bool(known) and min(known) > 0,
                f"gains: {evidence}",
            ),
            Statement(
                "its gain on the r rarest is larger than on the r most "
                "frequent",
                bool(compared) and all(a > b for a, b in compared),
                f"gains: {evidence}",
            ),
        ]


def _are_alike(results, rare, frequent):
    """Whether two rows have the same scores: both are of all classes."""
    return all(
        results.values(rare, column, metric, RARE)
        == results.values(frequent, column, metric, FREQUENT)
        for column in results.columns
        for metric in ("gap", "map_of_all")
    )


def _reader(which, size):
    """Function of an evaluation → the scores of a group of classes."""

    def read(result):
        (group,) = [
            group
            for group in result["class_groups"]
            if (group["which"], group["num_classes"]) == (which, size)
        ]
        return group

    return read
