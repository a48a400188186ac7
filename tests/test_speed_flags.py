import pytest
from absl import flags

from yt8m_distill import config


def parsed(*arguments, entry_point="train"):
    return config.parse(entry_point, arguments)


@pytest.mark.parametrize(
    "arguments, value",
    [
        ((), "auto"),
        (("--jit_compile",), True),
        (("--nojit_compile",), False),
        (("--jit_compile=true",), True),
        (("--jit_compile=False",), False),
        (("--jit_compile=auto",), "auto"),
    ],
)
def test_jit_compile(arguments, value):
    options = parsed(*arguments)
    assert options.jit_compile == value
    again = parsed(*options.flags_text.split())
    assert again.jit_compile == value
    stored = config.from_values("train", {"jit_compile": value})
    assert stored.jit_compile == value


def test_other_values_are_refused():
    with pytest.raises(flags.IllegalFlagValueError, match="true, false or au"):
        parsed("--jit_compile=maybe")
    with pytest.raises(flags.IllegalFlagValueError, match="float32"):
        parsed("--precision=float64")


@pytest.mark.parametrize("entry_point", ["eval", "inference"])
def test_models_are_scored_as_they_were_trained(entry_point):
    options = parsed(entry_point=entry_point)
    assert options.precision is None
    assert options.jit_compile == "auto"
