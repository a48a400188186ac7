"""Pictures of a report: drawn by matplotlib, without its global state."""

import io

from yt8m_distill.errors import InputError

DPI = 200


def check_library():
    """Refuses to go on without matplotlib.

    Raises:
        InputError: it is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise InputError(
            "the report draws with matplotlib, which is not installed; pip "
            "install 'yt8m_distill[report]'"
        ) from None


def figure(width=7.0, height=4.0, **arguments):
    """An empty figure.

    Args:
        width, height: float, inches.
        **arguments: more of `matplotlib.figure.Figure`.
    """
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained", **arguments)


def png(drawn):
    """A figure as a PNG, sharp on screens of two dots a pixel.

    Args:
        drawn: a `matplotlib.figure.Figure`.

    Returns:
        bytes.
    """
    opened = io.BytesIO()
    # Neither version nor time are in it: the same runs, the same bytes.
    drawn.savefig(opened, format="png", dpi=DPI, metadata={"Software": None})
    return opened.getvalue()
