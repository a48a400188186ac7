"""What the flags of a study say, checked before anything runs."""

import math
import re

from yt8m_distill import parts
from yt8m_distill.errors import InputError

# Terms of the objective → the flag with their spec.
LOSS_FLAGS = {
    "rep": "rep_loss",
    "block_rep": "block_rep_loss",
    "pred": "pred_loss",
    "ce": "ce_loss",
}
KINDS = ("teacher", "baseline", "student", "ensemble")
MODES = ("serial", "parallel")
# What --options_if can ask for → function of a text to what is compared.
CONDITIONS = {
    "kind": str,
    "mode": str,
    "row": str,
    "k": int,
    "fraction": float,
    "seed": int,
}
# Flags of training that follow from the table → what to give instead.
PLANNED_FLAGS = {
    "train_dir": "--output_dir",
    "seed": "--seeds",
    "student_losses": "--rep_loss, --pred_loss, --ce_loss",
    "frame_sampler": "--k and --uniform_sampler",
    "teacher_dir": "--teacher_flagfile",
    "teacher_encoder": "--teacher_flagfile",
    "teacher_head": "--teacher_flagfile",
    "teacher_frame_sampler": "--teacher_flagfile",
    "teacher_cache": "--cache_teachers",
    "train_fraction": "--tables=table2 with --fractions",
    "num_students": "--tables=ensembles with --seeds",
}


def check_losses(options):
    """Refuses losses that are none, and one that stands for two terms.

    Raises:
        InputError: naming the loss.
    """
    taken = {}
    for flag in LOSS_FLAGS.values():
        name, _ = parts.parse(getattr(options, flag))
        parts.check_name("distillation_losses", name)
        if name in taken:
            raise InputError(
                f"--{taken[name]} and --{flag} are both {name}; each is a loss "
                "of its own"
            )
        taken[name] = flag


def numbers(options, name, convert, is_sound, kind):
    """The numbers of a list flag, a tuple.

    Args:
        options: as of `config.options("tables")`.
        name: str, the flag.
        convert: function of a text to a number.
        is_sound: function of a number to bool.
        kind: str, what they have to be, in words.

    Raises:
        InputError: one makes no sense or stands twice, or there is none.
    """
    given = getattr(options, name)
    try:
        found = tuple(convert(one) for one in given)
    except ValueError:
        found = ()
    text = ",".join(map(str, given))
    if not found or not all(is_sound(number) for number in found):
        raise InputError(f"--{name}={text}; give {kind}")
    if len({*found}) < len(found):
        raise InputError(f"--{name}={text}; give each once")
    return found


def for_every_run(options):
    """The flags of `--options`, a list of str.

    Raises:
        InputError: one follows from the table.
    """
    for flag in options.options:
        _refuse_planned("options", flag, flag)
    return options.options


def for_some_runs(options):
    """The flags of `--options_if`.

    Returns:
        list of `(conditions, flag)`: dict key of `CONDITIONS` → frozenset of
        the values that meet it, and str.

    Raises:
        InputError: what a run is cannot be so, or the flag follows from the
            table.
    """
    return [_conditional(text) for text in options.options_if]


def _conditional(text):
    """`kind=student,k=3|6:--flag=value` → its conditions, its flag."""
    conditions, _, flag = text.partition(":")
    pairs = [part.strip().partition("=")[::2] for part in conditions.split(",")]
    found = dict(pairs)
    wrong = [
        key
        for key, values in found.items()
        if key not in CONDITIONS or not all(values.split("|"))
    ]
    if wrong or not flag.startswith("--"):
        raise InputError(
            f"--options_if={text!r}; give KEY=VALUE,KEY=VALUE|VALUE:--FLAG="
            f"VALUE with keys of {', '.join(CONDITIONS)}"
        )
    if len(found) < len(pairs):
        raise InputError(
            f"--options_if={text!r} has a key twice, and no run is both; for "
            "either give KEY=VALUE|VALUE"
        )
    _refuse_planned("options_if", text, flag)
    conditions = {
        key: frozenset(_value(text, key, value) for value in values.split("|"))
        for key, values in found.items()
    }
    return conditions, flag


def _value(text, key, value):
    """A value that meets a condition.

    Raises:
        InputError: no run of any table is so.
    """
    known = {"kind": KINDS, "mode": MODES}.get(key)
    if known and value not in known:
        raise InputError(
            f"--options_if={text!r}: no run has {key} {value!r}; known: "
            f"{', '.join(known)}"
        )
    if key == "row" and not _is_row(value):
        raise InputError(
            f"--options_if={text!r}: no run has row {value!r}; rows are "
            "teacher, a frame sampler, or such as serial_rep_pred_ce"
        )
    try:
        return CONDITIONS[key](value)
    except ValueError:
        raise InputError(
            f"--options_if={text!r}: {key} is a number, not {value!r}"
        ) from None


def _is_row(value):
    if value in ("teacher", *parts.names("frame_samplers")):
        return True
    losses = "|".join(LOSS_FLAGS)
    return re.fullmatch(rf"(serial|parallel|ensemble)(_({losses}))+", value)


def _refuse_planned(option, text, flag):
    name = flag.lstrip("-").partition("=")[0]
    if name in PLANNED_FLAGS:
        raise InputError(
            f"--{option}={text!r}: --{name} follows from the table; give "
            f"{PLANNED_FLAGS[name]}"
        )


def check_training(kind, flags, named, k):
    """Refuses flags with which a run is not what its table says.

    Args:
        kind: str, of `KINDS`.
        flags: the options of training.
        named: str, the flagfile.
        k: int, the number of frames; None: all.

    Raises:
        InputError: naming the flag.
    """
    if k is not None and k > flags.max_frames:
        raise InputError(
            f"--k={k}: of a video the models of {named} see at most "
            f"--max_frames={flags.max_frames} frames; give fewer, or "
            f"--options=--max_frames={k} if the videos are as long"
        )
    for name in ("train_data_pattern", "eval_data_pattern"):
        if not getattr(flags, name):
            raise InputError(
                f"neither {named} nor the command line has --{name}; give it"
            )
    if kind not in ("teacher", "baseline"):
        return
    for name in ("teacher_dir", "teacher_encoder"):
        if getattr(flags, name):
            raise InputError(
                f"{named} has --{name}={getattr(flags, name)}, but the "
                f"{kind} learns without a teacher; give a flagfile of one"
            )
    if kind == "teacher":
        _, arguments = parts.parse(flags.frame_sampler)
        if arguments.get("k", math.inf) < flags.max_frames:
            raise InputError(
                f"the teacher of {named} sees {flags.frame_sampler} of "
                f"{flags.max_frames} frames; the tables' teacher sees all: "
                "--frame_sampler=all_frames"
            )
