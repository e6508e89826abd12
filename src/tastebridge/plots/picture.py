"""A finished picture: the SVG of a figure, for a page with other pictures, light or dark."""

from __future__ import annotations

import hashlib
import io
import re
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tastebridge.plots.glyphs import with_stand_ins
from tastebridge.plots.paper import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SPACES = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
_HEAD = re.compile(r"^.*?<svg[^>]*>|<metadata>.*?</metadata>|<style .*?</style>|\s*\n\s*", re.DOTALL)
_CLIP = re.compile(r"<clipPath.*?</clipPath>| clip-path=\"[^\"]*\"")
_FONT = re.compile(r"(?<=font-family: )[^;\"]+")
_HINT = re.compile(r'<g id="hint:([^"]*)">')
_NAME = re.compile(r'(?<=<g) id="[^"]*"')
_SHARED = re.compile(r'(id="|href="#)(m[0-9a-f]{10})')


class Picture(str):
    """An SVG element as a string; a notebook shows it, and ``save`` writes it to a file.

    Letters are text in the fonts of the viewer, so that names in any script are drawn where they can be.
    Colours are CSS variables with a fall-back, so that a page can set them for light and dark mode.

    Examples
    --------
    >>> from tastebridge.plots import interval_plot
    >>> picture = interval_plot([("books", 0.03, 0.01, 0.05)], "Lift")
    >>> picture.startswith("<svg"), "books" in picture
    (True, True)
    """

    def _repr_svg_(self) -> str:
        return self.replace("<svg", f"<svg {_SPACES}", 1)

    def save(self, path: str | Path) -> None:
        """Write the picture to an .svg file."""
        Path(path).write_text(self._repr_svg_(), encoding="utf-8")


def picture_of(axes: Axes, title: str, description: str, least: float = 0) -> Picture:
    """Return the picture of the figure of some axes.

    Screen readers read the title and the description. The picture takes the width available, up to 1.5 times
    its own and at least ``least`` pixels.
    """
    figure: Any = axes.figure
    file = io.StringIO()
    letters = with_stand_ins(figure)
    figure.savefig(file, format="svg", metadata={"Date": None}, transparent=True)
    width, height = 72 * figure.get_size_inches()
    # only the marks: head, metadata and style are needed in a file of its own, not in a page
    body = _CLIP.sub("", _HEAD.sub("", file.getvalue().translate(letters))).removesuffix("</svg>")
    body = _HINT.sub(r"<g><title>\1</title>", _FONT.sub("system-ui,sans-serif", body))
    # ids are shared by the whole page, so each picture marks its own
    mark = hashlib.sha256(body.encode()).hexdigest()[:6]
    body = _SHARED.sub(rf"\g<1>i{mark}\2", _NAME.sub("", body))
    for role, value in COLOURS.items():
        body = body.replace(value, f"var(--{role},{value})")
    return Picture(
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" '
        f'aria-label="{escape(title)}. {escape(description)}" '
        f'style="width:100%;min-width:{least:g}px;max-width:{1.5 * width:g}px;stroke-linejoin:round;'
        f'background:var(--paper,{COLOURS["paper"]})"><title>{escape(title)}</title>{body}</svg>'
    )
