"""Every flag, defined once, and how an entry point is started.

Names, meanings and defaults are those of google/youtube-8m where it has the
flag. Nothing here imports TensorFlow, so `--help` is instant.
"""

import os
import sys
import traceback
import types

from absl import app, flags

from yt8m_distill import parts, quiet_start
from yt8m_distill.errors import InputError

# Each group: (definer, name, default, help).
_RUN = [
    (flags.DEFINE_string, "train_dir", "", "directory of the run"),
]
_BATCH = [
    (
        flags.DEFINE_integer,
        "batch_size",
        128,
        "videos a batch, over all devices together",
    ),
]
_TOP_K = [
    (
        flags.DEFINE_integer,
        "top_k",
        20,
        "predictions a video that are scored or written",
    ),
]
_CHECKPOINT = [
    (
        flags.DEFINE_string,
        "checkpoint",
        "best",
        "which model of the run: best (by validation GAP), last, or teacher "
        "(of a parallel run)",
    ),
]
_EVAL_DATA = [
    (
        flags.DEFINE_string,
        "eval_data_pattern",
        "",
        "file name pattern of the validation shards, e.g. "
        "'data/validate*.tfrecord'",
    ),
]
_TRAIN = [
    (
        flags.DEFINE_string,
        "train_data_pattern",
        "",
        "file name pattern of the training shards, e.g. 'data/train*.tfrecord'",
    ),
    (
        flags.DEFINE_list,
        "feature_names",
        [],
        "frame features to read, joined in this order; empty: all that the "
        "first record has",
    ),
    (
        flags.DEFINE_list,
        "feature_sizes",
        [],
        "values a frame of each feature; empty: as in the first record",
    ),
    (flags.DEFINE_integer, "num_classes", 3862, "size of the vocabulary"),
    (
        flags.DEFINE_integer,
        "max_frames",
        300,
        "longer videos are cut to their first so many frames",
    ),
    (
        flags.DEFINE_string,
        "frame_sampler",
        "all_frames",
        "which frames the model sees, e.g. 'uniform(k=30)'; one of "
        + ", ".join(parts.names("frame_samplers")),
    ),
    (
        flags.DEFINE_string,
        "input_layer",
        "l2",
        "normalisation of frames; one of "
        + ", ".join(parts.names("input_layers")),
    ),
    (
        flags.DEFINE_string,
        "encoder",
        "netvlad",
        "frames to representation, e.g. 'netvlad(clusters=128)'; one of "
        + ", ".join(parts.names("encoders")),
    ),
    (
        flags.DEFINE_string,
        "head",
        "logistic",
        "representation to logits; one of " + ", ".join(parts.names("heads")),
    ),
    (
        flags.DEFINE_string,
        "teacher_dir",
        "",
        "run whose best model teaches, frozen (serial training)",
    ),
    (
        flags.DEFINE_string,
        "teacher_encoder",
        "",
        "encoder of a teacher that is trained beside the student (parallel "
        "training); 'same' is the student's",
    ),
    (
        flags.DEFINE_string,
        "teacher_frame_sampler",
        "all_frames",
        "which frames the teacher of parallel training sees",
    ),
    (
        flags.DEFINE_string,
        "teacher_head",
        "same",
        "head of the teacher of parallel training; 'same' is the student's",
    ),
    (
        flags.DEFINE_string,
        "student_losses",
        "",
        "what the model learns from, e.g. 'rep,pred(weight=0.5),ce'; empty: "
        "rep,pred,ce with a teacher, ce without; of "
        + ", ".join(parts.names("distillation_losses")),
    ),
    (flags.DEFINE_float, "base_learning_rate", 0.001, "learning rate at first"),
    (
        flags.DEFINE_float,
        "learning_rate_decay",
        0.95,
        "factor of the learning rate every --learning_rate_decay_examples",
    ),
    (
        flags.DEFINE_integer,
        "learning_rate_decay_examples",
        4_000_000,
        "videos seen between two decays",
    ),
    (
        flags.DEFINE_float,
        "regularization_penalty",
        1.0,
        "factor of the layers' weight penalties",
    ),
    (
        flags.DEFINE_float,
        "clip_gradient_norm",
        1.0,
        "largest norm of each variable's gradient; 0: no clipping",
    ),
    (flags.DEFINE_integer, "num_epochs", 5, "passes over the training videos"),
    (
        flags.DEFINE_integer,
        "seed",
        0,
        "of initial weights, order of videos and chance in training",
    ),
    (
        flags.DEFINE_bool,
        "start_new_model",
        False,
        "replace a run that is in --train_dir instead of going on with it",
    ),
    (
        flags.DEFINE_bool,
        "jit_compile",
        False,
        "compile the training step with XLA (slower on most CPUs)",
    ),
    (
        flags.DEFINE_enum,
        "distribution",
        "auto",
        ["auto", "one_device", "mirrored"],
        "mirrored: a replica on every GPU (or, without GPUs, every logical "
        "CPU); auto: mirrored with several GPUs",
    ),
]
_INFERENCE = [
    (
        flags.DEFINE_string,
        "input_data_pattern",
        "",
        "file name pattern of the shards to tag",
    ),
    (
        flags.DEFINE_string,
        "output_file",
        "",
        "CSV to write; empty: predictions/predictions.csv in --train_dir",
    ),
]
_FLAGS = {
    "train": [*_RUN, *_TRAIN, *_EVAL_DATA, *_BATCH, *_TOP_K],
    "eval": [*_RUN, *_EVAL_DATA, *_CHECKPOINT, *_BATCH, *_TOP_K],
    "inference": [*_RUN, *_INFERENCE, *_CHECKPOINT, *_BATCH, *_TOP_K],
}
_REQUIRED = {
    "train": ["train_dir", "train_data_pattern"],
    "eval": ["train_dir", "eval_data_pattern"],
    "inference": ["train_dir", "input_data_pattern"],
}


def define(entry_point, flag_values=flags.FLAGS):
    """Defines the flags of an entry point.

    Args:
        entry_point: `"train"`, `"eval"` or `"inference"`.
        flag_values: where to; the program's own flags by default.
    """
    for definer, name, *rest in _FLAGS[entry_point]:
        definer(name, *rest, flag_values=flag_values)
        # Shown by --help, as if the entry point had defined them.
        flag_values.register_key_flag_for_module(sys.argv[0], flag_values[name])


def options(entry_point, flag_values=flags.FLAGS):
    """The values of an entry point's flags.

    Returns:
        A namespace with an attribute a flag, and `flags_text`: the same as a
        flagfile.

    Raises:
        InputError: a size or rate makes no sense.
    """
    names = [name for _, name, *_ in _FLAGS[entry_point]]
    values = {name: flag_values[name].value for name in names}
    for name in ("batch_size", "top_k", "num_classes", "max_frames"):
        if values.get(name, 1) < 1:
            raise InputError(f"--{name}={values[name]}; give at least 1")
    if "feature_sizes" in values:
        values["feature_sizes"] = _whole_numbers(values["feature_sizes"])
    text = "".join(
        flag_values[name].serialize() + "\n"
        for name in names
        if flag_values[name].value not in (None, "", [])
    )
    return types.SimpleNamespace(**values, flags_text=text)


def parse(entry_point, arguments):
    """The options of an entry point from a list of arguments.

    Args:
        entry_point: `"train"`, `"eval"` or `"inference"`.
        arguments: list of str, as on the command line.
    """
    flag_values = flags.FlagValues()
    define(entry_point, flag_values)
    _refuse_stray(flag_values([entry_point, *arguments]))
    return options(entry_point, flag_values)


def require(values, *names):
    """Refuses options that lack a flag.

    Raises:
        InputError: naming the flag.
    """
    for name in names:
        if not getattr(values, name):
            raise InputError(f"--{name} is needed; give it a value")


def run(entry_point, function):
    """Starts an entry point: defines and parses its flags, calls a function.

    Bad input ends the program with one line and exit code 1; other exceptions
    keep their traceback.

    Args:
        entry_point: `"train"`, `"eval"` or `"inference"`.
        function: called with the options; imports TensorFlow itself, so that
            `--help` and bad flags are answered at once.
    """

    def main(arguments):
        try:
            _refuse_stray(arguments)
            values = options(entry_point)
            require(values, *_REQUIRED[entry_point])
            quiet_start.import_tensorflow()
            function(values)
        except InputError as error:
            print(f"error: {error}", file=sys.stderr)
            _leave(1)
        except KeyboardInterrupt:
            print("stopped", file=sys.stderr)
            _leave(130)
        except Exception:
            traceback.print_exc()
            _leave(1)

    define(entry_point)
    app.run(main)


def _leave(exit_code):
    """Ends the program at once.

    A reading thread that still waits for Python can keep an interpreter that
    shuts down from ever ending; files are closed and whole by now.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_code)


def _refuse_stray(arguments):
    if arguments[1:]:
        raise InputError(
            f"stray argument {arguments[1]!r}; every argument starts with -- "
            "(put patterns in quotes)"
        )


def _whole_numbers(texts):
    try:
        return [int(text) for text in texts]
    except ValueError:
        raise InputError(
            f"--feature_sizes={','.join(texts)}; give whole numbers"
        ) from None
