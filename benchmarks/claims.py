"""How benchmarks say what they claim: one line each, in one form."""

import statistics


def line(name, values, target, at_most=False, statistic=statistics.median):
    """The line that says whether a claim holds.

    Args:
        name: str.
        values: sequence of float, such as the ratio of each repeat.
        target: float, what the statistic has to reach.
        at_most: whether it must not exceed the target instead.
        statistic: function of the values that is claimed.

    Returns:
        str.
    """
    found = statistic(values)
    holds = found <= target if at_most else found >= target
    return (
        f"claim={name} ratio={found:.4g} "
        f"spread={min(values):.4g}-{max(values):.4g} target={target:.4g} "
        + ("holds" if holds else "falls short")
    )


def quotients(dividends, divisors):
    """The ratio of each repeat, of two lists of numbers."""
    return [one / other for one, other in zip(dividends, divisors)]
