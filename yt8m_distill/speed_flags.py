"""Flags of how fast a run is, whatever it computes.

Nothing here imports TensorFlow, so that `--help` is instant.
"""

from absl import flags

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
_JIT_COMPILE_HELP = (
    "whether XLA compiles the model: true, false, or auto: where that was "
    "measured to be faster (benchmarks/compilation.py)"
)


class _TrueFalseAuto(flags.ArgumentParser):
    """Parses true, false (in the ways of absl) or auto."""

    _boolean = flags.BooleanParser()
    syntactic_help = "true, false or auto"

    def parse(self, argument):
        if isinstance(argument, str) and argument.lower() == "auto":
            return "auto"
        try:
            return self._boolean.parse(argument)
        except (TypeError, ValueError):
            raise ValueError("give true, false or auto") from None

    def flag_type(self):
        return "true, false or auto"


class TrueFalseAutoFlag(flags.Flag):
    """A boolean flag that may be "auto"; its value is True, False or "auto".

    Without a value, `--name` and `--noname` are true and false.
    """

    def __init__(self, name, default, help, **arguments):
        super().__init__(
            _TrueFalseAuto(),
            flags.ArgumentSerializer(),
            name,
            default,
            help,
            boolean=True,
            **arguments,
        )

    def serialize(self):
        if self.value is None:
            return ""
        return f"--{self.name}={str(self.value).lower()}"


def define_true_false_auto(
    name, default, help, flag_values=flags.FLAGS, **arguments
):
    """Defines a `TrueFalseAutoFlag`; arguments as of absl's definers."""
    return flags.DEFINE_flag(
        TrueFalseAutoFlag(name, default, help, **arguments), flag_values
    )


# Each flag: (definer, name, default, help), as in flag_definitions.py.
JIT_COMPILE = [
    (define_true_false_auto, "jit_compile", "auto", _JIT_COMPILE_HELP)
]
TRAIN = [
    (
        flags.DEFINE_enum,
        "precision",
        "float32",
        PRECISIONS,
        "what the models compute with; weights, losses and predictions are "
        "float32 always. mixed_bfloat16 is fast on GPUs and on CPUs with AMX, "
        "and slow on others; mixed_float16 scales the losses",
    ),
    *JIT_COMPILE,
]
# Of eval and inference.
SCORING = [
    (
        flags.DEFINE_enum,
        "precision",
        None,
        PRECISIONS,
        "what the model computes with; predictions are float32 always; empty: "
        "as it was trained",
    ),
    *JIT_COMPILE,
]
