"""What is said of time and FLOPs."""

import pytest

from tests.made_tables import table_of
from yt8m_distill.paper_tables.table3 import Table3

ROWS = ("Teacher-Skyline", "k=3", "k=6")


@pytest.mark.parametrize("times", [[9.0, 3.0, 4.0], [None, None, None]])
def test_nothing_is_said_of_times_that_are_not_known(times):
    rows = {
        name: [[{"seconds": time, "gflops": gflops}]]
        for name, time, gflops in zip(ROWS, times, (8.0, 1.0, 2.0))
    }
    statements = Table3().statements(table_of([""], rows))
    assert len(statements) == (2 if times[0] else 1)
    assert all(one.holds for one in statements)
    assert "FLOPs" in statements[-1].claim


@pytest.mark.parametrize(
    ("gflops", "holds"),
    [
        ((8.0, 1.0, 2.0), True),
        ((8.0, 2.0, 1.0), False),  # more frames, fewer FLOPs
        ((8.0, 1.0, 9.0), False),  # above the teacher
        ((8.0, 1.0, 8.0), False),
    ],
)
def test_fewer_frames_have_to_cost_less(gflops, holds):
    rows = {
        name: [
            [
                {"seconds": cost * repeat, "gflops": cost}
                for repeat in (0.5, 1.5)
            ]
        ]
        for name, cost in zip(ROWS, gflops)
    }
    statements = Table3().statements(table_of([""], rows))
    assert [one.holds for one in statements] == [holds, holds]
    if gflops == (8.0, 1.0, 2.0):
        assert statements[0].evidence == (
            "k=3 8.0 times less (1.000 ± .707), k=6 4.0 times less (2.000 ± "
            "1.414)"
        )
