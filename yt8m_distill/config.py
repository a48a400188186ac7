"""From the command line to the options of an entry point, and its start.

Nothing here imports TensorFlow, so `--help` is instant.
"""

import math
import sys
import types

from absl import flags

from yt8m_distill import command_line, files, quiet_start, speed_flags
from yt8m_distill.errors import InputError
from yt8m_distill.flag_definitions import FLAGS, REQUIRED

# Flags with a directory or file that is on this machine.
LOCAL = (
    "train_dir",
    "teacher_dir",
    "teacher_cache",
    "output_dir",
    "initialize_from",
    "output_file",
    "input_model_tgz",
    "untar_model_dir",
    "output_model_tgz",
    "output",
    "tensorboard_dir",
)


def define(entry_point, flag_values=flags.FLAGS):
    """Defines the flags of an entry point.

    Args:
        entry_point: str, a key of `FLAGS`.
        flag_values: where to; the program's own flags by default.
    """
    for definer, name, *rest in FLAGS[entry_point]:
        definer(name, *rest, flag_values=flag_values)
        # Shown by --help, as if the entry point had defined them.
        flag_values.register_key_flag_for_module(sys.argv[0], flag_values[name])


def options(entry_point, flag_values=flags.FLAGS):
    """The values of an entry point's flags.

    Returns:
        A namespace with an attribute a flag, and `flags_text`: the same as a
        flagfile.

    Raises:
        InputError: a size or rate makes no sense, or what has to be local is
            remote.
    """
    names = [name for _, name, *_ in FLAGS[entry_point]]
    values = {name: flag_values[name].value for name in names}
    for name in LOCAL:
        files.refuse_remote(values.get(name), name)
    if not values.get("train_dir", "").strip(",") and values.get("train_dir"):
        raise InputError(f"--train_dir={values['train_dir']}; give a directory")
    for name in (
        "batch_size",
        "top_k",
        "num_classes",
        "max_frames",
        "num_students",
        "num_length_buckets",
        "num_readers",
        "num_shards",
        "segment_max_pred",
        "num_epochs",
        "learning_rate_decay_examples",
        "num_processes",
        "num_repeats",
        "max_videos",
    ):
        if values.get(name) is not None and values[name] < 1:
            raise InputError(f"--{name}={values[name]}; give at least 1")
    _check_part(values)
    for name in (
        "max_steps",
        "export_model_steps",
        "log_steps",
        "num_gpu",
        "segment_context_frames",
    ):
        if (values.get(name) or 0) < 0:
            raise InputError(f"--{name}={values[name]}; give at least 0")
    for name in (
        "base_learning_rate",
        "learning_rate_decay",
        "clip_gradient_norm",
        "regularization_penalty",
    ):
        _refuse_rate(name, values.get(name, 1.0))
    speed_flags.check(values)
    if "://" in (values.get("segment_label_ids_file") or ""):
        raise InputError(
            f"--segment_label_ids_file={values['segment_label_ids_file']} is "
            "remote; download it once and give the local file"
        )
    for name in ("feature_sizes", "num_frames", "k", "class_groups"):
        if values.get(name):
            values[name] = _whole_numbers(name, values[name])
    text = "".join(
        flag_values[name].serialize() + "\n"
        for name in names
        if flag_values[name].value not in (None, "", [])
    )
    return types.SimpleNamespace(**values, flags_text=text)


def shard_options():
    """Arguments of `Shards` from the flags that the tools share.

    Raises:
        InputError: a size is no whole number.
    """
    return {
        key: value
        for key, value in vars(options("tools")).items()
        if key != "flags_text"
    }


def from_values(entry_point, values):
    """The options of an entry point from the values of its flags.

    Args:
        entry_point: str, a key of `FLAGS`.
        values: dict, such as the flags in a run's `config.json`; flags that are
            missing have their default.
    """
    known = {name for _, name, *_ in FLAGS[entry_point]}
    arguments = []
    for name, value in values.items():
        if name in known and value not in (None, []):
            if isinstance(value, list):
                value = ",".join(map(str, value))
            arguments.append(f"--{name}={value}")
    return parse(entry_point, arguments)


def parse(entry_point, arguments):
    """The options of an entry point from a list of arguments.

    Args:
        entry_point: str, a key of `FLAGS`.
        arguments: list of str, as on the command line.
    """
    flag_values = flags.FlagValues()
    define(entry_point, flag_values)
    command_line.refuse_stray(flag_values([entry_point, *arguments]))
    return options(entry_point, flag_values)


def require(values, *names):
    """Refuses options that lack a flag.

    Args:
        values: the options.
        *names: str, or tuples of str of which one is to be given.

    Raises:
        InputError: naming the flag.
    """
    for name in names:
        choices = (name,) if isinstance(name, str) else name
        if not any(getattr(values, choice) for choice in choices):
            flags_text = " or ".join(f"--{choice}" for choice in choices)
            raise InputError(f"{flags_text} is needed; give it a value")


def run(entry_point, function, needs_tensorflow=True):
    """Starts an entry point: defines and parses its flags, calls a function.

    Bad input ends the program with one line and exit code 1; other exceptions
    keep their traceback.

    Args:
        entry_point: str, a key of `FLAGS`.
        function: called with the options; imports TensorFlow itself, so that
            `--help` and bad flags are answered at once.
        needs_tensorflow: whether it does.
    """

    def start():
        values = options(entry_point)
        require(values, *REQUIRED[entry_point])
        if needs_tensorflow:
            quiet_start.import_tensorflow(
                tells_devices=getattr(values, "log_device_placement", False),
                starts_devices=getattr(values, "distribution", "")
                != "multi_worker",
            )
        function(values)

    define(entry_point)
    command_line.run(start)


def _check_part(values):
    """Refuses a part of the videos that is none."""
    index, count = values.get("shard_index"), values.get("num_shards")
    if (index is None) != (count is None):
        given = "shard_index" if count is None else "num_shards"
        raise InputError(
            f"--{given}={values[given]}: --shard_index and --num_shards go "
            "together; give both"
        )
    if index is not None and not 0 <= index < count:
        raise InputError(
            f"--shard_index={index} of --num_shards={count}; give one from 0 "
            f"to {max(count, 1) - 1}"
        )


def _refuse_rate(name, value):
    """Refuses what would make weights NaN or training go up the hill."""
    if name == "learning_rate_decay":
        if not 0 < value < math.inf:
            raise InputError(f"--{name}={value}; give a number above 0")
    elif not 0 <= value < math.inf:
        raise InputError(f"--{name}={value}; give a number of at least 0")


def _whole_numbers(name, texts):
    try:
        numbers = [int(text) for text in texts]
    except ValueError:
        numbers = [0]
    if min(numbers, default=1) < 1:
        raise InputError(
            f"--{name}={','.join(texts)}; give whole numbers of at least 1"
        )
    return numbers
