"""Table 3: time and FLOPs of an evaluation."""

import math

from yt8m_distill.paper_tables.paper_table import (
    SKYLINE,
    Cell,
    Metric,
    PaperTable,
    Row,
    Statement,
)
from yt8m_distill.table_results import number

SECONDS = Metric("seconds", "seconds for 1,000 videos", 3)
GFLOPS = Metric("gflops", "GFLOPs a video", 4)


class Table3(PaperTable):
    """Evaluation time and FLOPs of the teacher and of each k.

    Each model is evaluated several times while nothing else runs; the time is
    that of the median batch, records on disk to scores.
    """

    title = "Time and FLOPs"
    source = "Bhardwaj et al. (CVPR 2019), Table 3"
    metrics = (SECONDS, GFLOPS)
    paper_metrics = (
        Metric("seconds", "time (hours, the whole validation set)", 2),
        Metric("gflops", "FLOPs (billion)", 3),
    )
    paper_columns = ("",)
    paper_rows = {
        ("", SKYLINE): [(13.0, 5.058)],
        ("", "k=10"): [(7.61, 0.167)],
        ("", "k=20"): [(8.20, 0.268)],
        ("", "k=30"): [(9.11, 0.520)],
    }
    note = (
        "Spread over repeated evaluations. The paper counts the multiply-adds "
        "of the large products at the frames' level alone (docs/cost.md), here "
        "every product counts, with 2 FLOPs a multiply-add."
    )

    def columns(self, study):
        return [""]

    def rows(self, study):
        seed = study.seeds[0]
        runs = {SKYLINE: study.teacher(seed)}
        # A student is the same network as its baseline.
        runs |= {f"k={k}": study.baseline(seed, k) for k in sorted(study.k)}
        return [
            Row(
                name,
                {
                    "": Cell(
                        tuple(
                            study.score([run], f"time{repeat}", alone=True)
                            for repeat in range(study.num_repeats)
                        ),
                        _read,
                    )
                },
            )
            for name, run in runs.items()
        ]

    def statements(self, results):
        statements = []
        for metric, what in ((SECONDS, "time"), (GFLOPS, "FLOPs")):
            falling = [
                results.mean(name, "", metric.key) for name in results.names()
            ]
            if any(math.isnan(value) for value in falling):
                continue  # a single batch has no time
            whole, *students = falling
            statements.append(
                Statement(
                    f"every k takes less {what} than the skyline, and the "
                    "less the smaller k is",
                    max(students) < whole and students == sorted(students),
                    ", ".join(
                        f"{name} {number(whole / value, 1)} times less "
                        f"({results.text(name, '', metric.key, metric.digits)})"
                        for name, value in zip(results.names()[1:], students)
                    ),
                )
            )
        return statements


def _read(result):
    speed = result["videos_per_second"]
    return {
        "seconds": 1000 / speed if speed else None,
        "gflops": result["gflops"],
    }
