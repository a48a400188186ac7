"""Checks of constructor arguments that several layers share."""


def check_whole_numbers(**values):
    """Refuses sizes and counts that are no whole numbers of at least 1.

    Args:
        **values: the arguments by name; None is let through.

    Raises:
        ValueError: naming the argument and its value.
    """
    for name, value in values.items():
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(
                f"{name} must be a whole number of at least 1: {name}={value!r}"
            )


def check_momentum(momentum):
    """Refuses a share of moving statistics outside [0, 1).

    Raises:
        ValueError: with the value.
    """
    if not 0 <= momentum < 1:
        raise ValueError(
            f"momentum must be at least 0 and less than 1: momentum={momentum}"
        )
