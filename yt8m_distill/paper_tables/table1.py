"""Table 1: selections of frames, and ways to teach."""

from yt8m_distill.paper_tables.paper_table import (
    PaperTable,
    Row,
    Statement,
    by_seed,
    skyline,
)
from yt8m_distill.table_results import number

BASELINES = "Baseline methods"
STUDENTS = "Teacher-Student methods"
SAMPLERS = {
    "Uniform-k": "uniform",
    "Random-k": "random",
    "First-k": "first",
    "Middle-k": "middle",
    "Last-k": "last",
    "First-Middle-Last-k": "first_middle_last",
}
# Row → mode and terms of the objective.
WAYS = {
    "Parallel: L_rep": ("parallel", ("rep",)),
    "Parallel: L_rep, L_CE": ("parallel", ("rep", "ce")),
    "Parallel: L_rep, L_pred, L_CE": ("parallel", ("rep", "pred", "ce")),
    "Serial: L_rep": ("serial", ("rep",)),
    "Serial: L_pred": ("serial", ("pred",)),
    "Serial: L_rep, L_CE": ("serial", ("rep", "ce")),
    "Serial: L_pred, L_CE": ("serial", ("pred", "ce")),
    "Serial: L_rep, L_pred, L_CE": ("serial", ("rep", "pred", "ce")),
}
BEST = "Serial: L_rep, L_pred, L_CE"


class Table1(PaperTable):
    """Six selections of k frames and eight students, for each k."""

    title = "Selections of k frames, and students"
    source = "Bhardwaj et al. (CVPR 2019), Table 1"
    paper_columns = ("k=6", "k=10", "k=15", "k=20", "k=30")
    paper_rows = {
        (BASELINES, "Uniform-k"): [
            (0.715, 0.266),
            (0.759, 0.324),
            (0.777, 0.350),
            (0.785, 0.363),
            (0.795, 0.378),
        ],
        (BASELINES, "Random-k"): [
            (0.679, 0.246),
            (0.681, 0.254),
            (0.717, 0.268),
            (0.763, 0.329),
            (0.774, 0.339),
        ],
        (BASELINES, "First-k"): [
            (0.478, 0.133),
            (0.539, 0.163),
            (0.595, 0.199),
            (0.632, 0.223),
            (0.676, 0.258),
        ],
        (BASELINES, "Middle-k"): [
            (0.577, 0.178),
            (0.600, 0.198),
            (0.620, 0.214),
            (0.638, 0.229),
            (0.665, 0.250),
        ],
        (BASELINES, "Last-k"): [
            (0.255, 0.062),
            (0.267, 0.067),
            (0.282, 0.077),
            (0.294, 0.083),
            (0.317, 0.094),
        ],
        (BASELINES, "First-Middle-Last-k"): [
            (0.640, 0.215),
            (0.671, 0.242),
            (0.680, 0.249),
            (0.698, 0.268),
            (0.721, 0.287),
        ],
        (STUDENTS, "Parallel: L_rep"): [
            (0.724, 0.280),
            (0.762, 0.331),
            (0.785, 0.365),
            (0.794, 0.380),
            (0.803, 0.392),
        ],
        (STUDENTS, "Parallel: L_rep, L_CE"): [
            (0.726, 0.285),
            (0.766, 0.334),
            (0.785, 0.362),
            (0.795, 0.381),
            (0.804, 0.396),
        ],
        (STUDENTS, "Parallel: L_rep, L_pred, L_CE"): [
            (0.729, 0.292),
            (0.770, 0.337),
            (0.789, 0.371),
            (0.796, 0.388),
            (0.806, 0.404),
        ],
        (STUDENTS, "Serial: L_rep"): [
            (0.727, 0.288),
            (0.768, 0.339),
            (0.786, 0.365),
            (0.795, 0.381),
            (0.802, 0.394),
        ],
        (STUDENTS, "Serial: L_pred"): [
            (0.722, 0.287),
            (0.766, 0.341),
            (0.784, 0.367),
            (0.793, 0.383),
            (0.798, 0.390),
        ],
        (STUDENTS, "Serial: L_rep, L_CE"): [
            (0.728, 0.291),
            (0.769, 0.341),
            (0.786, 0.368),
            (0.794, 0.383),
            (0.803, 0.399),
        ],
        (STUDENTS, "Serial: L_pred, L_CE"): [
            (0.724, 0.289),
            (0.763, 0.341),
            (0.785, 0.369),
            (0.795, 0.386),
            (0.799, 0.391),
        ],
        (STUDENTS, "Serial: L_rep, L_pred, L_CE"): [
            (0.731, 0.297),
            (0.771, 0.349),
            (0.789, 0.375),
            (0.798, 0.390),
            (0.806, 0.405),
        ],
    }
    paper_skyline = (0.811, 0.414)

    def columns(self, study):
        return [f"k={k}" for k in study.k]

    def rows(self, study):
        return [
            *(
                Row(
                    name,
                    {
                        f"k={k}": by_seed(
                            study,
                            lambda seed, k=k, sampler=sampler: study.baseline(
                                seed, k, sampler
                            ),
                        )
                        for k in study.k
                    },
                    BASELINES,
                )
                for name, sampler in SAMPLERS.items()
            ),
            *(
                Row(
                    name,
                    {
                        f"k={k}": by_seed(
                            study,
                            lambda seed, k=k, way=way: study.student(
                                seed, k, way[1], way[0]
                            ),
                        )
                        for k in study.k
                    },
                    STUDENTS,
                )
                for name, way in WAYS.items()
            ),
            skyline(study),
        ]

    def statements(self, results):
        with_rep = [name for name, way in WAYS.items() if "rep" in way[1]]
        uniform, last = "Uniform-k", "Last-k"
        return [
            _at_every_k(
                results,
                "uniform is the best of the selections at every k",
                lambda column: _compare(
                    results, column, uniform, {*SAMPLERS} - {uniform}, max
                ),
            ),
            _at_every_k(
                results,
                "last is the worst of the selections at every k",
                lambda column: _compare(
                    results, column, last, {*SAMPLERS} - {last}, min
                ),
            ),
            _at_every_k(
                results,
                "every student with L_rep in its loss is above uniform at "
                "every k",
                lambda column: _compare(
                    results, column, uniform, with_rep, min
                ),
            ),
            _at_every_k(
                results,
                "the serial student of three losses is the best, or within one "
                "spread of the best, at every k",
                lambda column: _within_spread(results, column),
            ),
        ]


def _at_every_k(results, claim, look):
    found = {column: look(column) for column in results.columns}
    return Statement(
        claim,
        all(holds for holds, _ in found.values()),
        "; ".join(
            f"{column}: {evidence}" for column, (_, evidence) in found.items()
        ),
    )


def _compare(results, column, row, others, choose):
    """Whether a row's GAP is above (max) or below (min) those of all others."""
    mine = results.mean(row, column)
    # Sorted, so that ties name the same row each time.
    rival = choose(sorted(others), key=lambda name: results.mean(name, column))
    theirs = results.mean(rival, column)
    holds = mine > theirs if choose is max else mine < theirs
    return holds, ", ".join(
        f"{name} {results.text(name, column)}" for name in (row, rival)
    )


def _within_spread(results, column):
    best = max(WAYS, key=lambda name: results.mean(name, column))
    highest = results.mean(best, column)
    spread = results.spread(best, column)
    mine = results.mean(BEST, column)
    return mine >= highest - spread, (
        f"{BEST} {number(mine, 4)}, best {best} {results.text(best, column)}"
    )
