"""The columns of Table 2 are its shares, whatever they are."""

import types

from yt8m_distill.paper_tables.table2 import Table2


def test_each_share_is_a_column():
    study = types.SimpleNamespace(fractions=(0.001, 0.002, 0.125, 1 / 3, 1))
    assert Table2().columns(study) == [
        "0.1%",
        "0.2%",
        "12.5%",
        "33.3333%",
        "100%",
    ]
    study.fractions = (0.07, 0.1, 0.29)
    assert Table2().columns(study) == ["7%", "10%", "29%"]
