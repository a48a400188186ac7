"""Flags of how fast a run is, whatever it computes.

Nothing here imports TensorFlow, so that `--help` is instant.
"""

from absl import flags

from yt8m_distill.errors import InputError

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


def check(values):
    """Refuses values that make no sense.

    Args:
        values: dict, flags by name.

    Raises:
        InputError: naming the flag.
    """
    for name in ("steps_per_execution", "gradient_accumulation_steps"):
        if values.get(name, 1) < 1:
            raise InputError(f"--{name}={values[name]}; give at least 1")
    if not 0 <= values.get("ema_momentum", 0) < 1:
        raise InputError(
            f"--ema_momentum={values['ema_momentum']}; give a number of at "
            "least 0 and less than 1, such as .999"
        )
    if values.get("profile"):
        profiled_steps(values["profile"])


def profiled_steps(texts):
    """First and last step of `--profile`, a tuple of int; None without.

    Args:
        texts: list of str, the flag's value.

    Raises:
        InputError: they are no two steps.
    """
    if not texts:
        return None
    try:
        first, last = map(int, texts)
    except ValueError:
        first, last = 0, 0
    if not 1 <= first <= last:
        raise InputError(
            f"--profile={','.join(texts)}; give the first and the last step, "
            "such as 10,20, counted from 1 on"
        )
    return first, last


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
        "float32 always. mixed_bfloat16 is fast on GPUs and on CPUs with AMX "
        "or AVX-512 bfloat16, slow on others; mixed_float16 scales the losses",
    ),
    *JIT_COMPILE,
    (
        flags.DEFINE_integer,
        "steps_per_execution",
        1,
        "training steps for each call from Python; more pays where steps are "
        "short",
    ),
    (
        flags.DEFINE_integer,
        "gradient_accumulation_steps",
        1,
        "parts of each batch that are computed one after the other, in the "
        "memory of one; batch statistics are those of a part",
    ),
    (
        flags.DEFINE_float,
        "ema_momentum",
        0.0,
        "score and save averages of the weights over the steps, of which each "
        "keeps this share, such as .999; 0: the weights themselves",
    ),
    (
        flags.DEFINE_bool,
        "recompute",
        False,
        "keep less of LSTMs in memory and compute it again in the backward "
        "pass (slower)",
    ),
    (
        flags.DEFINE_list,
        "profile",
        [],
        "START,STOP: write a TensorBoard trace of these training steps, "
        "counted from the start of the run",
    ),
]
# Of eval and inference.
SCORING = [
    (
        flags.DEFINE_integer,
        "batch_size",
        None,
        "videos that are looked at together, which changes speed and memory "
        "alone; empty: by the frames that the model looks at",
    ),
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
INFERENCE = [
    *SCORING,
    (
        flags.DEFINE_integer,
        "shard_index",
        None,
        "tag this one, from 0 on, of --num_shards parts of the videos, each in "
        "a process of its own; tools/join_predictions.py joins their files",
    ),
    (
        flags.DEFINE_integer,
        "num_shards",
        None,
        "parts of the videos: whole files where there are as many, else "
        "records",
    ),
]
