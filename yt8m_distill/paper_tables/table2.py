"""Table 2: how much training data there is."""

from yt8m_distill.paper_tables.paper_table import (
    SKYLINE,
    THREE_LOSSES,
    PaperTable,
    Row,
    Statement,
    by_seed,
)
from yt8m_distill.table_results import number


class Table2(PaperTable):
    """Student and baseline where all three see a part of the training videos.

    The teacher is trained on the same part. A smaller part lies within a
    larger one.
    """

    title = "Share of the training data, for the largest k"
    source = "Bhardwaj et al. (CVPR 2019), Table 2"
    metrics_are_rows = True
    paper_columns = ("10%", "25%", "50%")
    paper_rows = {
        ("", "Serial"): [(0.774, 0.345), (0.788, 0.369), (0.796, 0.373)],
        ("", "Uniform"): [(0.718, 0.220), (0.756, 0.301), (0.776, 0.349)],
    }
    note = (
        "Serial is the student of three losses. The teacher's row is not in "
        "the paper."
    )

    def columns(self, study):
        return [_percent(fraction) for fraction in study.fractions]

    def rows(self, study):
        k = max(study.k)
        plans = {
            "Serial": lambda seed, fraction: study.student(
                seed, k, THREE_LOSSES, fraction=fraction
            ),
            "Uniform": lambda seed, fraction: study.baseline(
                seed, k, fraction=fraction
            ),
            SKYLINE: study.teacher,
        }
        return [
            Row(
                name,
                {
                    _percent(fraction): by_seed(
                        study,
                        lambda seed, plan=plan, fraction=fraction: plan(
                            seed, None if fraction == 1 else fraction
                        ),
                    )
                    for fraction in study.fractions
                },
            )
            for name, plan in plans.items()
        ]

    def statements(self, results):
        statements = []
        for metric, heading in (("gap", "GAP"), ("map", "mAP")):
            gains = [
                results.mean("Serial", column, metric)
                - results.mean("Uniform", column, metric)
                for column in results.columns
            ]
            evidence = ", ".join(
                f"{column} {number(gain, 4)}"
                for column, gain in zip(results.columns, gains)
            )
            statements.append(
                Statement(
                    f"the student's gain in {heading} on uniform widens as the "
                    "data shrink",
                    all(a > b for a, b in zip(gains, gains[1:])),
                    evidence,
                )
            )
        return statements


def _percent(fraction):
    return f"{100 * fraction:g}%"
