"""The orders of Table 1 hold where they hold and nowhere else."""

import copy

import numpy as np
import pytest

from tests.made_tables import table_of
from yt8m_distill.paper_tables.table1 import BEST, SAMPLERS, WAYS, Table1


def results(change=None):
    """Two values of k, two seeds; `change(gaps)` changes GAP `(k, seed)`."""
    gaps = {name: [[0.3, 0.32], [0.4, 0.42]] for name in SAMPLERS}
    gaps["Uniform-k"] = [[0.5, 0.52], [0.6, 0.62]]
    gaps["Last-k"] = [[0.1, 0.12], [0.2, 0.22]]
    gaps |= {name: [[0.55, 0.57], [0.65, 0.67]] for name in WAYS}
    gaps[BEST] = [[0.56, 0.58], [0.66, 0.68]]
    if change:
        change(gaps)
    return table_of(
        ["k=2", "k=4"],
        {
            name: [[{"gap": one} for one in seeds] for seeds in values]
            for name, values in gaps.items()
        },
    )


def set_to(name, k, value):
    def change(gaps):
        gaps[name][k] = [value, value]

    return change


def test_all_hold():
    statements = Table1().statements(results())
    assert [one.holds for one in statements] == [True] * 4
    assert statements[0].evidence == (
        "k=2: Uniform-k .5100 ± .0141, First-Middle-Last-k .3100 ± .0141; "
        "k=4: Uniform-k .6100 ± .0141, First-Middle-Last-k .4100 ± .0141"
    )


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        (set_to("Random-k", 1, 0.63), 0),
        (set_to("First-k", 0, 0.05), 1),
        (set_to("Serial: L_rep", 0, 0.505), 2),
        (set_to("Parallel: L_rep, L_CE", 1, 0.605), 2),
        (set_to("Serial: L_pred, L_CE", 0, 0.9), 3),
    ],
)
def test_each_is_broken_by_one_number(change, broken):
    statements = Table1().statements(results(change))
    assert [one.holds for one in statements] == [
        position != broken for position in range(4)
    ]


def test_students_without_representation_may_be_below_uniform():
    changed = results(set_to("Serial: L_pred", 0, 0.2))
    assert all(one.holds for one in Table1().statements(changed))


@pytest.mark.parametrize(("lead", "holds"), [(0.013, True), (0.015, False)])
def test_within_one_spread_of_the_best(lead, holds):
    def change(gaps):
        gaps["Serial: L_pred, L_CE"] = [
            [gap + lead for gap in seeds] for seeds in copy.deepcopy(gaps[BEST])
        ]

    # The best's own spread: √½ · .02 = .0141
    assert np.std([0.56, 0.58], ddof=1) == pytest.approx(0.0141, abs=1e-4)
    assert Table1().statements(results(change))[3].holds == holds
