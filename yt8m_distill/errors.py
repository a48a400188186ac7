"""The exceptions that mean: what the user gave cannot be used."""


class InputError(ValueError):
    """Bad input, told in one line.

    The message says what was received, what was expected and how to fix it.
    The entry points print it without a traceback and exit with code 1; every
    other exception is a defect of this package and keeps its traceback.
    """


class RecordError(InputError):
    """A record (or shard) that cannot be read; the message says why.

    Args:
        message: str, the line that is printed.
        reason: str, the kind of fault in a word or two, under which skipped
            records are counted.

    Attributes:
        number: int, the record's number in its `Shards`, or None.
    """

    def __init__(self, message, reason="not a video"):
        super().__init__(message)
        self.reason = reason
        self.number = None


def diverged():
    """The `InputError` for predictions that are not a number."""
    return InputError(
        "a prediction is not a number (NaN): the model has diverged; train it "
        "with a lower --base_learning_rate"
    )
