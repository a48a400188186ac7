"""Whether intermediate representations gain anything."""

import pytest

from tests.made_tables import table_of
from yt8m_distill.paper_tables.table4 import WAYS, Table4


def results(gain, spread):
    """Two seeds a cell; every row gains as much, every cell spreads as far."""
    cells = [
        [{"gap": 0.4 + more + side * spread / 2**0.5} for side in (-0.5, 0.5)]
        for more in (gain, 0.0)
    ]
    return table_of(["Intermediate", "Final"], dict.fromkeys(WAYS, cells))


@pytest.mark.parametrize(
    ("gain", "holds"), [(-0.02, True), (0.004, True), (0.006, False)]
)
def test_a_gain_is_more_than_the_spread(gain, holds):
    # Of two numbers the sample standard deviation is their distance over √2.
    (statement,) = Table4().statements(results(gain, 0.01))
    assert statement.holds == holds
    assert statement.evidence.startswith(f"mean {gain:.4f}".replace("0.", "."))
    assert "spread .0050" in statement.evidence
