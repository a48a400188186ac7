"""Flags with which the starter code was told a run's model once more."""

from yt8m_distill import starter_code_models
from yt8m_distill.errors import InputError
from yt8m_distill.starter_code_flags import MODEL_DEFAULTS


def check(options, run):
    """Refuses flags that say something else than the run's own.

    Until 2018 eval and inference were given the model's flags again. A run
    keeps them here, so that they have no use, and none does harm unnoticed.

    Args:
        options: as of `config.options("eval")` or `("inference")`.
        run: a `RunDirectory`.

    Raises:
        InputError: naming the flag and what the run has.
    """
    config = run.config()
    flags, data = config["flags"], config["data"]
    trained = {
        "model": flags.get("model"),
        "label_loss": _label_loss(flags),
        "frame_features": data.get("frame_features", True),
        "feature_names": data["feature_names"],
        "feature_sizes": data["feature_sizes"],
    }
    for name in starter_code_models.flags_read(flags):
        value = flags.get(name)
        trained[name] = MODEL_DEFAULTS[name] if value is None else value
    for name, value in trained.items():
        given = getattr(options, name)
        if given not in (None, "", value):
            raise InputError(
                f"--{name}={_text(given)}, but the run in {run.path} was "
                f"trained {_trained(name, value, flags)}; leave the flag out, "
                "a run knows its model"
            )


def _label_loss(flags):
    """The loss of a run, by the name that the starter code has for it.

    None where it has none.
    """
    if flags.get("label_loss") or flags.get("student_losses"):
        return flags.get("label_loss") or None
    return "CrossEntropyLoss"


def _trained(name, value, flags):
    """How a run was trained, after the word "trained"."""
    if value is not None:
        return f"with {_text(value)}"
    if name == "label_loss":
        return f"with --student_losses={flags['student_losses']}"
    return f"without --{name}"


def _text(value):
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value)
