"""Table 4: matching intermediate representations too."""

import statistics

from yt8m_distill.errors import InputError
from yt8m_distill.paper_tables.paper_table import (
    PaperTable,
    Row,
    Statement,
    by_seed,
)
from yt8m_distill.table_results import number

WAYS = {
    f"{mode.capitalize()}: {name}": (mode, losses)
    for mode in ("parallel", "serial")
    for name, losses in {
        "L_rep": ("rep",),
        "L_rep + L_CE": ("rep", "ce"),
        "L_rep + L_pred": ("rep", "pred", "ce"),
    }.items()
}


class Table4(PaperTable):
    """Students that match the H-RNN's blocks too, or the video alone."""

    title = "Intermediate against final representations, for the largest k"
    source = "Bhardwaj et al. (CVPR 2019), Table 4"
    paper_columns = ("Intermediate", "Final")
    paper_rows = {
        ("", "Parallel: L_rep"): [(0.803, 0.393), (0.803, 0.392)],
        ("", "Parallel: L_rep + L_CE"): [(0.803, 0.396), (0.804, 0.396)],
        ("", "Parallel: L_rep + L_pred"): [(0.804, 0.400), (0.806, 0.404)],
        ("", "Serial: L_rep"): [(0.804, 0.395), (0.802, 0.394)],
        ("", "Serial: L_rep + L_CE"): [(0.803, 0.397), (0.803, 0.399)],
        ("", "Serial: L_rep + L_pred"): [(0.806, 0.405), (0.806, 0.405)],
    }
    note = (
        "L_rep + L_pred has L_CE too: the paper's numbers of these rows are "
        "those of L_rep, L_pred, L_CE in its Table 1. Intermediate adds the "
        "loss of the blocks to that of the video."
    )

    def columns(self, study):
        return ["Intermediate", "Final"]

    def rows(self, study):
        if study.encoder != "hierarchical_lstm":
            raise InputError(
                f"table4 compares the blocks of hierarchical_lstm; the teacher "
                f"of {study.options.teacher_flagfile} is {study.encoder}"
            )
        k = max(study.k)
        return [
            Row(
                name,
                {
                    column: by_seed(
                        study,
                        lambda seed, mode=mode, losses=losses: study.student(
                            seed, k, losses, mode
                        ),
                    )
                    for column, losses in {
                        "Intermediate": ("rep", "block_rep", *way[1:]),
                        "Final": way,
                    }.items()
                },
            )
            for name, (mode, way) in WAYS.items()
        ]

    def statements(self, results):
        gains = {
            name: results.mean(name, "Intermediate")
            - results.mean(name, "Final")
            for name in results.names()
        }
        spread = statistics.fmean(
            results.spread(name, column)
            for name in gains
            for column in results.columns
        )
        gain = statistics.fmean(gains.values())
        return [
            Statement(
                "matching intermediate representations too gains no GAP: on "
                "the mean of the rows not more than the spread",
                gain <= spread,
                f"mean {number(gain, 4)}, spread {number(spread, 4)}; "
                + ", ".join(
                    f"{name} {number(one, 4)}" for name, one in gains.items()
                ),
            )
        ]
