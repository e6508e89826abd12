"""The parts of a picture: marks as strings, and the frame around them.

Colours are CSS variables with a fall-back, so that a page can set them for light and dark while a notebook
shows the picture as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from pathlib import Path

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
"""The colours of light paper; every text on paper has a contrast of at least 4.5 to 1."""


_SPACE = "http://www.w3.org/2000/svg"


class Picture(str):
    """An SVG element, as it stands in a page; a notebook shows it, and ``save`` writes it to a file.

    Examples
    --------
    >>> from tastebridge.plots.svg import frame, words
    >>> picture = frame(40, 20, "A word", "Nothing but a word.", [words(2, 12, "hello")])
    >>> picture.startswith("<svg"), "hello" in picture
    (True, True)
    """

    def _repr_svg_(self) -> str:
        return self.replace("<svg", f'<svg xmlns="{_SPACE}"', 1)

    def save(self, path: str | Path) -> None:
        """Write the picture to an .svg file."""
        Path(path).write_text(self._repr_svg_(), encoding="utf-8")


def frame(
    width: float, height: float, title: str, description: str, marks: Iterable[str], least: float = 0
) -> Picture:
    """Return a picture of some marks; title and description are what a screen reader says of it.

    It takes the width there is, up to half as much again as its own, and not below ``least``.
    """
    return Picture(
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" '
        f'aria-label="{escape(title)}. {escape(description)}" '
        f'style="width:100%;min-width:{least:g}px;max-width:{1.5 * width:g}px;font:12px system-ui,sans-serif;'
        f'background:{colour("paper")}"><title>{escape(title)}</title>{"".join(marks)}</svg>'
    )


def colour(name: str) -> str:
    """Return a colour by its role, as CSS."""
    return f"var(--{name},{COLOURS[name]})"


def words(
    x: float,
    y: float,
    text: object,
    role: str = "ink",
    anchor: str = "start",
    size: float = 12,
    bold: bool = False,
    raised: bool = False,
) -> str:
    """Return a text whose base line starts (``"start"``), is centred (``"middle"``) or ends at a point.

    A ``raised`` text has a rim of paper, so that it can be read over lines.
    """
    weight = ";font-weight:600" if bold else ""
    halo = f"paint-order:stroke;stroke:{colour('paper')};stroke-width:3px" if raised else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" '
        f'style="fill:{colour(role)};font-size:{size:g}px{weight};{halo}">{escape(str(text))}</text>'
    )


def segment(
    x1: float, y1: float, x2: float, y2: float, role: str = "line", width: float = 1, dashed: bool = False
) -> str:
    """Return a straight line."""
    dash = ";stroke-dasharray:4 4" if dashed else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'style="stroke:{colour(role)};stroke-width:{width:g};stroke-linecap:round{dash}"/>'
    )


def bow(x1: float, y1: float, x2: float, y2: float, role: str = "line", width: float = 1) -> str:
    """Return a curve between two points that bends a little to the left."""
    x, y = (x1 + x2) / 2 - 0.22 * (y2 - y1), (y1 + y2) / 2 + 0.22 * (x2 - x1)
    return (
        f'<path d="M{x1:.1f} {y1:.1f}Q{x:.1f} {y:.1f} {x2:.1f} {y2:.1f}" '
        f'style="fill:none;stroke:{colour(role)};stroke-width:{width:g};stroke-linecap:round"/>'
    )


def dot(x: float, y: float, radius: float = 4, role: str = "accent", hint: str = "") -> str:
    """Return a filled circle, with a hint shown on hovering."""
    style = f'style="fill:{colour(role)}"'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" {style}>{_hint(hint)}</circle>'


def box(
    x: float, y: float, width: float, height: float, role: str, opacity: float = 1.0, hint: str = ""
) -> str:
    """Return a filled rectangle with slightly rounded corners."""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="3" '
        f'style="fill:{colour(role)};fill-opacity:{opacity:.3f}">{_hint(hint)}</rect>'
    )


def trail(
    points: Iterable[tuple[float, float]], role: str = "accent", width: float = 2, dashed: bool = False
) -> str:
    """Return a line through points."""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dash = ";stroke-dasharray:4 4" if dashed else ""
    return f'<polyline points="{path}" style="fill:none;stroke:{colour(role)};stroke-width:{width:g}{dash}"/>'


def shortened(text: object, most: int) -> str:
    """Return a text of at most ``most`` letters."""
    whole = str(text)
    return whole if len(whole) <= most else whole[: most - 1].rstrip() + "…"


def _hint(text: str) -> str:
    return f"<title>{escape(text)}</title>" if text else ""
