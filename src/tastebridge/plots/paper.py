"""The canvas of a picture: a matplotlib figure measured in pixels, in the colours and fonts of the report."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tastebridge.exceptions import MissingDependencyError

if TYPE_CHECKING:
    from matplotlib.axis import Axis

COLOURS = {
    "paper": "#ffffff",
    "ink": "#1f2328",
    "soft": "#57606a",
    "line": "#d0d7de",
    "accent": "#0b5cad",
    "good": "#1a7f37",
    "bad": "#b42318",
    "flat": "#6e7781",
}
"""The colours on a light background by role; text has a contrast of at least 4.5 to 1 (WCAG AA)."""

SMALL = 11.0
"""Size of the letters at axes, in pixels."""
_HINT = "hint:"
_STYLE: dict[Any, Any] = {
    # letters stay text, so files are small and screen readers can read them
    "svg.fonttype": "none",
    # the same picture has the same bytes in every run
    "svg.hashsalt": "tastebridge",
    "font.size": 12.0,
    "text.color": COLOURS["ink"],
    # a $ in the name of an item is a $
    "text.parse_math": False,
    "axes.edgecolor": COLOURS["line"],
    "axes.labelcolor": COLOURS["soft"],
    "axes.labelsize": SMALL,
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "grid.color": COLOURS["line"],
    "grid.linewidth": 1.0,
    "xtick.labelcolor": COLOURS["soft"],
    "ytick.labelcolor": COLOURS["soft"],
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "xtick.major.size": 0.0,
    "ytick.major.size": 0.0,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "legend.fontsize": SMALL,
    "legend.labelcolor": COLOURS["soft"],
}


@contextmanager
def paper(
    width: float, height: float, left: float = 0, right: float = 0, top: float = 0, bottom: float = 0
) -> Iterator[Any]:
    """Yield the axes of a new figure, all sizes in pixels, in the style of the report.

    Raises
    ------
    MissingDependencyError
        If matplotlib is not installed.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingDependencyError(
            "pictures and reports need the package matplotlib. Install it: pip install 'tastebridge[report]'."
        ) from error
    with rc_context(_STYLE):
        # one point of an SVG file is a pixel to a browser
        figure = Figure(figsize=(width / 72, height / 72))
        place = (left / width, bottom / height, 1 - (left + right) / width, 1 - (top + bottom) / height)
        axes = figure.add_axes(place)
        axes.spines[:].set_visible(False)
        yield axes


def colour(role: str) -> str:
    """Return a colour by its role."""
    return COLOURS[role]


def hint(text: str) -> str:
    """Return the ``gid`` of a mark with a text that is shown under the pointer."""
    return _HINT + text


def ticks(axis: Axis, most: int = 5) -> None:
    """Put about ``most`` round numbers along an axis, with grid lines."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(most, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.6g}"))
    axis.grid(True)
