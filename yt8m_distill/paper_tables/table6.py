"""Table 6: NeXtVLAD, with its FLOPs."""

from yt8m_distill.paper_tables.paper_table import (
    GAP,
    MAP,
    SKYLINE,
    THREE_LOSSES,
    Cell,
    Metric,
    PaperTable,
    Row,
)
from yt8m_distill.paper_tables.table5 import student_above_uniform


class Table6(PaperTable):
    """Skyline, baseline and student for the largest k, and what they cost."""

    title = "Skyline, uniform and student for the largest k, and their FLOPs"
    source = "Bhardwaj et al. (CVPR 2019), Table 6 (NeXtVLAD)"
    metrics = (MAP, GAP, Metric("gflops", "GFLOPs a video", 4))
    paper_metrics = (MAP, GAP, Metric("gflops", "FLOPs (billion)", 3))
    paper_columns = ("k=30",)
    paper_rows = {
        ("", SKYLINE): [(0.464, 0.831, 1.337)],
        ("", "Uniform"): [(0.424, 0.812, 0.134)],
        ("", "Student"): [(0.439, 0.818, 0.134)],
    }
    note = (
        "The paper counts multiply-adds of the large products at the frames' "
        "level alone, here every product counts (docs/cost.md)."
    )

    def columns(self, study):
        return [f"k={max(study.k)}"]

    def rows(self, study):
        k = max(study.k)
        plans = {
            SKYLINE: study.teacher,
            "Uniform": lambda seed: study.baseline(seed, k),
            "Student": lambda seed: study.student(seed, k, THREE_LOSSES),
        }
        return [
            Row(
                name,
                {
                    f"k={k}": Cell(
                        tuple(study.score([plan(seed)]) for seed in study.seeds)
                    )
                },
            )
            for name, plan in plans.items()
        ]

    def statements(self, results):
        return [
            student_above_uniform(results, metric, heading)
            for metric, heading in (("gap", "GAP"), ("map", "mAP"))
        ]
