"""The supplement's Table 1: ensembles."""

from yt8m_distill.errors import InputError
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


class Ensembles(PaperTable):
    """Ensembles of a model a seed: teachers, baselines, and students.

    The students are trained together: each learns its own teacher's
    representation, all learn the predictions of the teachers' ensemble.
    """

    title = "Ensembles, for the largest k"
    source = "Bhardwaj et al. (CVPR 2019), supplement, Table 1 (NeXtVLAD)"
    metrics = (MAP, GAP, Metric("step", "steps", 0))
    paper_columns = ("",)
    paper_rows = {
        ("", "Ensemble-Teacher"): [(0.485, 0.839, 310_000)],
        ("", "Ensemble-Uniform"): [(0.445, 0.821, 384_000)],
        ("", "Ensemble-Student"): [(0.450, 0.825, 306_000)],
    }
    note = (
        "A member a seed; steps are those of the best epoch, of the first "
        "member where they are trained apart."
    )

    def columns(self, study):
        return [""]

    def rows(self, study):
        if len(study.seeds) < 2:
            raise InputError(
                f"ensembles have a member a seed; --seeds={study.seeds[0]} is "
                "one: give several, the paper has three"
            )
        k = max(study.k)
        members = {
            "Ensemble-Teacher": [study.teacher(seed) for seed in study.seeds],
            "Ensemble-Uniform": [
                study.baseline(seed, k) for seed in study.seeds
            ],
            "Ensemble-Student": [study.student_ensemble(k, THREE_LOSSES)],
        }
        return [
            Row(
                name,
                {"": Cell((study.score(runs, f"ensemble_of_{len(runs)}"),))},
            )
            for name, runs in members.items()
        ]

    def statements(self, results):
        student, uniform = (
            results.mean(f"Ensemble-{name}", "")
            for name in ("Student", "Uniform")
        )
        return [
            Statement(
                "distillation helps ensembles too: students above uniform",
                student > uniform,
                f"GAP {number(student, 4)} and {number(uniform, 4)}",
            )
        ]
