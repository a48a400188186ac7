"""The one exception that means: what the user gave cannot be used."""


class InputError(ValueError):
    """Bad input, told in one line.

    The message says what was received, what was expected and how to fix it.
    The entry points print it without a traceback and exit with code 1; every
    other exception is a defect of this package and keeps its traceback.
    """
