"""What is said of time and FLOPs."""

import pytest

from yt8m_distill.paper_tables.table3 import Table3
from yt8m_distill.table_results import TableResults


@pytest.mark.parametrize("times", [[9.0, 3.0, 4.0], [None, None, None]])
def test_nothing_is_said_of_times_that_are_not_known(times):
    rows = [
        {
            "name": name,
            "section": "",
            "cells": {"": {"values": [{"seconds": time, "gflops": gflops}]}},
        }
        for name, time, gflops in zip(
            ("Teacher-Skyline", "k=3", "k=6"), times, (8.0, 1.0, 2.0)
        )
    ]
    statements = Table3().statements(TableResults([""], rows))
    assert len(statements) == (2 if times[0] else 1)
    assert all(one.holds for one in statements)
    assert "FLOPs" in statements[-1].claim
