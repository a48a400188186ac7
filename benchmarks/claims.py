"""How benchmarks say what they claim: one line each, in one form."""

import statistics


def line(name, ratios, target, at_most=False):
    """The line that says whether a claim holds.

    Args:
        name: str.
        ratios: sequence of float, one of each repeat.
        target: float, the least median that will do.
        at_most: whether `target` is the highest instead.

    Returns:
        str.
    """
    ratio = statistics.median(ratios)
    holds = ratio <= target if at_most else ratio >= target
    return (
        f"claim={name} ratio={ratio:.4g} "
        f"spread={min(ratios):.4g}-{max(ratios):.4g} target={target:.4g} "
        + ("holds" if holds else "falls short")
    )


def quotients(dividends, divisors):
    """The ratio of each repeat, of two lists of seconds."""
    return [one / other for one, other in zip(dividends, divisors)]
