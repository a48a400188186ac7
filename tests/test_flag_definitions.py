"""Flags whose values are named elsewhere too.

The definitions import nothing heavy, so that --help is instant; what they say
again is compared here.
"""

import inspect

import pytest

from yt8m_distill.flag_definitions import FLAGS
from yt8m_distill.metrics import MAP_CONVENTIONS, VideoMetrics

PROGRAMS = [
    program
    for program, defined in FLAGS.items()
    if any(name == "map_convention" for _, name, *_ in defined)
]


def test_training_and_eval_choose_a_convention():
    assert {"train", "eval"} <= set(PROGRAMS)


@pytest.mark.parametrize("program", PROGRAMS)
def test_map_conventions_are_those_of_the_metrics(program):
    (flag,) = (one for one in FLAGS[program] if one[1] == "map_convention")
    _, _, default, values, _ = flag
    assert tuple(values) == tuple(MAP_CONVENTIONS)
    taken = inspect.signature(VideoMetrics).parameters
    assert default == taken["map_convention"].default
