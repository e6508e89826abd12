"""Letters that the font of a figure lacks: others are measured in their place, and taken back."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WEIGHTS = ("normal", "bold")
_STAND_INS = (*range(0x2801, 0x2900), *range(0x1401, 0x1677))
"""Braille and Canadian syllabics, which DejaVu Sans has in both weights: 885 letters."""


def with_stand_ins(figure: Figure) -> dict[int, int]:
    """Put a letter of the font in place of each it lacks, and return the table that takes them back.

    matplotlib measures every letter, and warns of each it has no glyph for. Letters stay text in the picture,
    which the viewer draws in fonts of its own, so such a warning would be of no use.

    Returns
    -------
    dict
        For :meth:`str.translate` of the picture.
    """
    from matplotlib.font_manager import FontProperties, findfont, get_font
    from matplotlib.text import Text

    axes = [axis for part in figure.axes for axis in (part.xaxis, part.yaxis)]
    labels = [[label.get_text() for label in axis.get_ticklabels()] for axis in axes]
    texts = [text for text in figure.findobj(Text) if text.get_text()]
    hints = (str(artist.get_gid() or "") for artist in figure.findobj())
    used = set("".join([*(text.get_text() for text in texts), *chain(*labels), *hints]))
    fonts = [get_font(findfont(FontProperties(weight=weight))) for weight in _WEIGHTS]

    def known(letter: int) -> bool:
        return all(font.get_char_index(letter) for font in fonts)

    lacking = sorted(letter for letter in map(ord, used) if letter >= 128 and not known(letter))
    free = (letter for letter in _STAND_INS if chr(letter) not in used and known(letter))
    there = dict(zip(lacking, free, strict=False))
    for text in texts if there else ():
        text.set_text(text.get_text().translate(there))
    for axis, names in zip(axes, labels, strict=True):
        # labels at axes are written anew when they are drawn
        if (written := [name.translate(there) for name in names]) != names:
            axis.set_ticks(axis.get_majorticklocs(), labels=written)
    return {stand_in: letter for letter, stand_in in there.items()}
