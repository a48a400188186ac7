"""What is said of rare and frequent classes."""

import pytest

from yt8m_distill.paper_tables.rare_classes import FREQUENT, RARE, RareClasses
from yt8m_distill.table_results import TableResults


def results(gains):
    """Rows of two seeds; `gains` is a dict `(section, r)` → student's gain."""
    rows = []
    for (section, size), gain in gains.items():
        start = "bottom" if section == RARE else "top"
        cells = {
            name: {"values": [{"gap": gap + seed / 100} for seed in (0, 1)]}
            for name, gap in {
                "Teacher": 0.5 + size / 1000,
                "Uniform": 0.3 + size / 1000,
                "Student": 0.3 + size / 1000 + gain,
            }.items()
        }
        # Groups of other classes have other scores.
        if section == FREQUENT and size < 500:
            cells["Teacher"]["values"][0]["gap"] = 0.9
        name = f"{start}-{size}"
        rows.append({"name": name, "section": section, "cells": cells})
    return TableResults(["Teacher", "Uniform", "Student"], rows)


GAINS = {
    (RARE, 100): 0.05,
    (RARE, 500): 0.02,
    (FREQUENT, 100): 0.01,
    (FREQUENT, 500): 0.02,
}


@pytest.mark.parametrize(
    ("change", "holds"),
    [
        # All 500 classes are the rarest and the most frequent: no comparison.
        ({}, [True, True]),
        ({(RARE, 100): 0.005}, [True, False]),
        ({(FREQUENT, 500): 0.03}, [True, False]),
        ({(FREQUENT, 100): -0.01}, [False, True]),
    ],
)
def test_all_classes_are_not_compared_with_themselves(change, holds):
    statements = RareClasses().statements(results({**GAINS, **change}))
    assert [one.holds for one in statements] == holds


def test_groups_without_a_positive_video_decide_nothing():
    rows = results(GAINS).rows
    for cell in rows[0]["cells"].values():
        for value in cell["values"]:
            value["gap"] = None
    found = TableResults(["Teacher", "Uniform", "Student"], rows)
    whole, rarer = RareClasses().statements(found)
    assert whole.holds and "bottom-100 –" in whole.evidence
    # Nothing is left to compare.
    assert not rarer.holds


def test_nothing_is_said_of_one_group_of_all_classes():
    alone = {key: gain for key, gain in GAINS.items() if key[1] == 500}
    assert not RareClasses().statements(results(alone))[1].holds
