"""What Tables 5 and 6 say: the student is above uniform, or it is not."""

import pytest

from tests.made_tables import table_of
from yt8m_distill import parts


def results(student):
    """Uniform at .3 and .5 GAP, half of it in mAP; two seeds."""
    gaps = {"Uniform": (0.3, 0.5), "Student": student}
    return table_of(
        ["k=2", "k=4"],
        {
            name: [
                [
                    {"gap": gap + seed, "map": gap / 2 + seed}
                    for seed in (-0.01, 0.01)
                ]
                for gap in values
            ]
            for name, values in gaps.items()
        },
    )


@pytest.mark.parametrize("name", ["table5", "table6"])
@pytest.mark.parametrize(
    ("student", "holds"),
    [((0.31, 0.51), True), ((0.31, 0.49), False), ((0.3, 0.51), False)],
)
def test_at_every_k(name, student, holds):
    table = parts.get_class("paper_tables", name)()
    gap, mean_ap = table.statements(results(student))
    assert (gap.holds, mean_ap.holds) == (holds, holds)
    assert gap.evidence.startswith(
        f"k=2 {student[0]:.4f} ± .0141 and 0.3000 ± .0141, k=4".replace(
            "0.", "."
        )
    )


def test_of_ensembles():
    table = parts.get_class("paper_tables", "ensembles")()
    for student, holds in ((0.31, True), (0.3, False), (0.29, False)):
        rows = {
            "Ensemble-Uniform": [[{"gap": 0.3}]],
            "Ensemble-Student": [[{"gap": student}]],
        }
        (statement,) = table.statements(table_of([""], rows))
        assert statement.holds == holds
