"""Where XLA pays: by measurement, device by device.

`compilation.json` beside this file holds what `benchmarks/compilation.py`
measured: the seconds of a training step and of an inference batch with and
without XLA, by kind of device, encoder family, precision and frames.
"""

import functools
import json
import math
import pathlib

import tensorflow as tf

from yt8m_distill import precision
from yt8m_distill.errors import InputError

TABLE = pathlib.Path(__file__).with_name("compilation.json")
# How many times as fast XLA has to be: less is noise, and does not repay the
# seconds that it compiles, for each shape of batches anew.
LEAST_GAIN = 1.25
TRAINING, INFERENCE = "training", "inference"
# Flags of /proc/cpuinfo, best first, and the kind of CPU that they make. What
# tells CPUs apart is what they multiply bfloat16 with.
_CPU_KINDS = (
    ("amx_bf16", "CPU with AMX"),
    ("avx512_bf16", "CPU with AVX-512 and bfloat16"),
    ("avx512f", "CPU with AVX-512"),
    ("avx2", "CPU with AVX2"),
)


def resolve(jit_compile, models, which_pass):
    """Whether XLA is to compile models, from the value of `--jit_compile`.

    Args:
        jit_compile: bool, or `"auto"`: if these models together were measured
            to be faster so, on this kind of device; what was not measured, or
            cannot be compiled, is not compiled.
        models: list of `VideoClassifier`s and `VideoEnsemble`s that run in one
            pass.
        which_pass: str, `TRAINING` or `INFERENCE`.

    Returns:
        bool.

    Raises:
        InputError: XLA is asked for and cannot compile a layer.
    """
    culprit = _not_compilable(models)
    if jit_compile == "auto":
        return culprit is None and is_faster(
            device_kind(), models, which_pass, measurements()
        )
    if jit_compile and culprit is not None:
        raise InputError(
            f"--jit_compile cannot compile {culprit.name} (on GPUs Keras' LSTM "
            "runs on cuDNN, outside XLA); leave --jit_compile out, or give the "
            "encoder use_cudnn=False"
        )
    return bool(jit_compile)


def is_faster(device, models, which_pass, rows):
    """Whether XLA makes models together `LEAST_GAIN` times as fast.

    Args:
        device: str, a kind as of `device_kind`.
        models, which_pass: as of `resolve`.
        rows: list of dicts as of `measurements`. Of a model's rows that with
            the most similar number of frames counts.

    Returns:
        bool; False if one of the models was not measured.
    """
    plain = compiled = 0.0
    for model in classifiers(models):
        key = {
            "device": device,
            "family": family(model),
            "pass": which_pass,
            "precision": precision.of(model),
        }
        fitting = [
            row for row in rows if all(row[k] == v for k, v in key.items())
        ]
        if not fitting:
            return False
        row = min(
            fitting,
            key=lambda row: abs(math.log(row["num_frames"] / model.num_frames)),
        )
        plain += row["seconds"]
        compiled += row["seconds_with_xla"]
    return compiled * LEAST_GAIN <= plain


def classifiers(models):
    """The `VideoClassifier`s among models, members of ensembles included."""
    return [
        one
        for model in models
        for one in (
            classifiers(model.members) if hasattr(model, "members") else [model]
        )
    ]


def family(model):
    """The name of a `VideoClassifier`'s encoder on the command line."""
    return type(model.encoder).__module__.rpartition(".")[2]


@functools.cache
def measurements():
    """The rows of the table.

    Returns:
        list of dicts with `device`, `family`, `pass`, `precision`,
        `num_frames`, `seconds`, `seconds_with_xla`, `tensorflow`, `keras` and
        `date`.
    """
    return json.loads(TABLE.read_text())


@functools.cache
def device_kind():
    """The kind of device that computes: a GPU's name, or what a CPU has."""
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = tf.config.experimental.get_device_details(gpus[0])
        return details.get("device_name", "GPU")
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text()
    except OSError:
        return "CPU"
    return cpu_kind(text)


def cpu_kind(text):
    """The kind of a CPU.

    Args:
        text: str, what /proc/cpuinfo says.
    """
    words = set(text.split())
    return next((kind for flag, kind in _CPU_KINDS if flag in words), "CPU")


def _not_compilable(models):
    """The first layer that Keras marks as impossible to compile, or None."""
    for model in models:
        for layer in model._flatten_layers():
            if not layer.supports_jit:
                return layer
    return None
