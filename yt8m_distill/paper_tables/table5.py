"""Table 5: NetVLAD."""

from yt8m_distill.paper_tables.paper_table import (
    GAP,
    MAP,
    THREE_LOSSES,
    PaperTable,
    Row,
    Statement,
    by_seed,
    skyline,
)


class Table5(PaperTable):
    """The best baseline and the best student of Table 1 for each k."""

    title = "Skyline, uniform and student"
    source = "Bhardwaj et al. (CVPR 2019), Table 5 (NetVLAD)"
    metrics = (MAP, GAP)
    paper_columns = ("k=10", "k=30")
    paper_rows = {
        ("", "Uniform"): [(0.364, 0.773), (0.421, 0.803)],
        ("", "Student"): [(0.383, 0.784), (0.436, 0.812)],
    }
    paper_skyline = (0.462, 0.823)

    def columns(self, study):
        return [f"k={k}" for k in study.k]

    def rows(self, study):
        plans = {
            "Uniform": study.baseline,
            "Student": lambda seed, k: study.student(seed, k, THREE_LOSSES),
        }
        return [
            *(
                Row(
                    name,
                    {
                        f"k={k}": by_seed(
                            study, lambda seed, k=k, plan=plan: plan(seed, k)
                        )
                        for k in study.k
                    },
                )
                for name, plan in plans.items()
            ),
            skyline(study),
        ]

    def statements(self, results):
        return [
            student_above_uniform(results, metric, heading)
            for metric, heading in (("gap", "GAP"), ("map", "mAP"))
        ]


def student_above_uniform(results, metric, heading):
    """Whether the student is above uniform in every column."""
    return Statement(
        f"the student's {heading} is above uniform's at every k",
        all(
            results.mean("Student", column, metric)
            > results.mean("Uniform", column, metric)
            for column in results.columns
        ),
        ", ".join(
            f"{column} {results.text('Student', column, metric)} and "
            f"{results.text('Uniform', column, metric)}"
            for column in results.columns
        ),
    )
