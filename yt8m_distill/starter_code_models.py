"""The models of google/youtube-8m as parts of this package."""

from yt8m_distill.errors import InputError
from yt8m_distill.starter_code_flags import MODEL_DEFAULTS

# Flags of the parts that --model chooses, and their defaults.
PART_DEFAULTS = {
    "frame_sampler": "all_frames",
    "encoder": "netvlad",
    "head": "logistic",
}
VIDEO_LEVEL = ("LogisticModel", "MoeModel")
_HEAD_FLAGS = ("video_level_classifier_model", "moe_num_mixtures")
# Model → the flags that it reads.
MODELS = {
    "FrameLevelLogisticModel": (),
    "DbofModel": (
        "iterations",
        "sample_random_frames",
        "dbof_add_batch_norm",
        "dbof_cluster_size",
        "dbof_hidden_size",
        "dbof_pooling_method",
        "dbof_activation",
        *_HEAD_FLAGS,
    ),
    "LstmModel": ("lstm_cells", "lstm_layers", *_HEAD_FLAGS),
    "LogisticModel": (),
    "MoeModel": ("moe_num_mixtures",),
}
# As --model chose them, these frames are a matter of flags.
_SAMPLING = ("iterations", "sample_random_frames")


def translate(flags):
    """The parts that a model of the starter code consists of.

    Args:
        flags: dict, the values of the flags of `train`; those of
            `MODEL_DEFAULTS` are None where they were not given.

    Returns:
        dict with `frame_sampler`, `encoder` and `head`, specs of parts; empty
        without `--model`.

    Raises:
        InputError: there is no such model, an option has no counterpart, or
            flags exclude each other.
    """
    model = flags.get("model")
    given = [n for n in MODEL_DEFAULTS if flags.get(n) is not None]
    if not model:
        if given:
            raise InputError(
                f"--{given[0]} needs --model; of --encoder, --head and "
                "--frame_sampler the sizes stand in the brackets, such as "
                "--encoder='dbof(clusters=8192)'"
            )
        return {}
    if model not in MODELS:
        raise InputError(
            f"--model={model}: the starter code's models are "
            f"{', '.join(MODELS)}; give another with --encoder and --head"
        )
    for name in ("encoder", "head"):
        if flags[name] != PART_DEFAULTS[name]:
            raise InputError(
                f"--model={model} and --{name}={flags[name]} exclude each "
                "other; give one"
            )
    values = {
        name: flags[name] if name in given else default
        for name, default in MODEL_DEFAULTS.items()
    }
    parts = _parts(model, values)
    if flags.get("segment_labels") and model == "DbofModel":
        # Segments have fewer frames than are drawn; there they are repeated.
        parts["frame_sampler"] = PART_DEFAULTS["frame_sampler"]
    if flags["frame_sampler"] != PART_DEFAULTS["frame_sampler"]:
        taken = [n for n in _SAMPLING if n in given]
        if model in VIDEO_LEVEL or taken:
            raise InputError(
                f"--{taken[0] if taken else f'model={model}'} and "
                "--frame_sampler exclude each other; give one"
            )
        parts["frame_sampler"] = flags["frame_sampler"]
    return parts


def describe(flags):
    """A line that says what a model of the starter code is here.

    Args:
        flags: dict as of `translate`, with `--model`.
    """
    parts = translate(flags)
    specs = " ".join(
        f"--{name}={_quoted(spec)}" for name, spec in parts.items()
    )
    read = flags_read(flags)
    unread = [
        f"--{name}"
        for name in MODEL_DEFAULTS
        if flags.get(name) is not None and name not in read
    ]
    line = f"--model={flags['model']} is {specs}"
    if unread:
        line += f" (without effect on it: {', '.join(unread)})"
    return line


def flags_read(flags):
    """The flags that decide what a model of the starter code is.

    Args:
        flags: dict as of `translate`; without `--model` there are none.

    Returns:
        list of str, some of `MODEL_DEFAULTS`.
    """
    ignored = []
    sampler = flags.get("frame_sampler") or PART_DEFAULTS["frame_sampler"]
    if flags.get("segment_labels") or sampler != PART_DEFAULTS["frame_sampler"]:
        ignored += _SAMPLING
    if flags.get("video_level_classifier_model") == "LogisticModel":
        ignored.append("moe_num_mixtures")
    model = flags.get("model")
    if model == "MoeModel":
        ignored = []
    return [name for name in MODELS.get(model, ()) if name not in ignored]


def check_level(flags, shards):
    """Refuses records of another level than the flags say.

    Args:
        flags: dict as of `translate`, with `frame_features`.
        shards: `Shards`.

    Raises:
        InputError: naming the flag.
    """
    here = _level(shards.is_video_level)
    frame_features = flags.get("frame_features")
    if frame_features is not None:
        said = _level(not frame_features)
        if said != here:
            raise InputError(
                f"--frame_features={frame_features} says {said} records, "
                f"{shards.files[0]} holds {here} ones; leave the flag out, or "
                "give other shards"
            )
    model = flags.get("model")
    if model and _level(model in VIDEO_LEVEL) != here:
        other = [m for m in MODELS if _level(m in VIDEO_LEVEL) == here]
        raise InputError(
            f"--model={model} is for {_level(model in VIDEO_LEVEL)} records, "
            f"{shards.files[0]} holds {here} ones; give {' or '.join(other)}"
        )


def _quoted(spec):
    """A spec as a shell takes it."""
    return f'"{spec}"' if "'" in spec else f"'{spec}'"


def _level(is_video_level):
    return "video-level" if is_video_level else "frame-level"


def _parts(model, values):
    if model == "DbofModel":
        pooling = values["dbof_pooling_method"]
        if pooling == "none":
            raise InputError(
                "--dbof_pooling_method=none would give predictions for frames, "
                "not for videos; give max or average"
            )
        drawn = values["sample_random_frames"]
        return {
            "frame_sampler": _spec(
                "random" if drawn else "random_sequence", k=values["iterations"]
            ),
            "encoder": _spec(
                "dbof",
                representation_dim=values["dbof_hidden_size"],
                clusters=values["dbof_cluster_size"],
                batch_normalization=values["dbof_add_batch_norm"],
                pooling=pooling,
                activation=values["dbof_activation"],
            ),
            "head": _head(values),
        }
    if model == "LstmModel":
        return {
            "frame_sampler": "all_frames",
            "encoder": _spec(
                "lstm", cells=values["lstm_cells"], layers=values["lstm_layers"]
            ),
            "head": _head(values),
        }
    return {
        # The one frame of a video-level record; more would be padding.
        "frame_sampler": _spec("first", k=1)
        if model in VIDEO_LEVEL
        else "all_frames",
        "encoder": "mean_pooling",
        "head": _experts(values) if model == "MoeModel" else "logistic",
    }


def _head(values):
    name = values["video_level_classifier_model"]
    if name == "MoeModel":
        return _experts(values)
    if name == "LogisticModel":
        return "logistic"
    raise InputError(
        f"--video_level_classifier_model={name}; give MoeModel or LogisticModel"
    )


def _experts(values):
    return _spec("mixture_of_experts", num_mixtures=values["moe_num_mixtures"])


def _spec(name, **arguments):
    inner = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
    return f"{name}({inner})"
