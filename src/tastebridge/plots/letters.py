"""Widths of texts, for pictures whose letters are drawn by the browser."""

from __future__ import annotations

import unicodedata

# in em of DejaVu Sans, which is wider than most fonts a browser may take instead
_NARROW, _PLAIN, _CAPITAL, _WIDE = 0.42, 0.64, 0.79, 1.0
_SLIM, _BROAD = frozenset("ijltfrI.,:;'|!()[]/- "), frozenset("mwMW@%&—…")


def width_of(text: str, size: float) -> float:
    """Return the pixels a text takes at most, from the class of each of its letters.

    Examples
    --------
    >>> width_of("ill", 10) < width_of("oak", 10) < width_of("MMM", 10)
    True
    """
    return size * sum(map(_em, text))


def fitting(text: object, pixels: float, size: float) -> str:
    """Return a text, cut at its end if it takes more than some pixels.

    Examples
    --------
    >>> fitting("Books", 80, 12), fitting("Books and magazines", 80, 12)
    ('Books', 'Books an…')
    """
    whole = str(text)
    if width_of(whole, size) <= pixels:
        return whole
    kept = whole
    while kept and width_of(kept.rstrip() + "…", size) > pixels:
        kept = kept[:-1]
    return kept.rstrip() + "…"


def _em(letter: str) -> float:
    if letter in _SLIM:
        return _NARROW
    # letters of Chinese, Japanese and Korean fill a square
    if letter in _BROAD or unicodedata.east_asian_width(letter) in "WF":
        return _WIDE
    return _CAPITAL if letter.isupper() else _PLAIN
