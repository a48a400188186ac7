"""Which losses a run learns from: `--student_losses` and `--label_loss`."""

from yt8m_distill.errors import InputError

# A loss of google/youtube-8m (losses.py) → the same arithmetic here.
STARTER_CODE = {
    "CrossEntropyLoss": "ce(epsilon=1e-5)",
    "HingeLoss": "hinge",
    "SoftmaxLoss": "softmax",
}
# Where --label_loss is not given: the same as CrossEntropyLoss but for its ε,
# and exact however sure the model is.
DEFAULT = "ce"


def label_loss(options):
    """The loss of the labels, a spec.

    Args:
        options: as of `config.options("train")`.

    Raises:
        InputError: the starter code has no such loss.
    """
    name = options.label_loss
    if not name:
        return DEFAULT
    if name not in STARTER_CODE:
        raise InputError(
            f"--label_loss={name}; give {', '.join(STARTER_CODE)}, or other "
            "losses with --student_losses"
        )
    return STARTER_CODE[name]


def student_losses(options):
    """What students learn from, a list of specs separated by commas.

    Args:
        options: as of `config.options("train")`.

    Raises:
        InputError: both flags are given, or the starter code has no such loss.
    """
    of_labels = label_loss(options)
    if not options.student_losses:
        if options.teacher_dir or options.teacher_encoder:
            return f"rep,pred,{of_labels}"
        return of_labels
    if options.label_loss:
        raise InputError(
            f"--label_loss={options.label_loss} and --student_losses="
            f"{options.student_losses} exclude each other; "
            f"{options.label_loss} is {of_labels!r} in --student_losses"
        )
    return options.student_losses
