"""Text from data on its way to a terminal: characters that steer the terminal are shown, not sent."""

from __future__ import annotations

import unicodedata

_STEERING = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
"""Categories of characters that are not seen: controls, formats (as a change of direction), line breaks."""
_KEPT = "\n\t\u00ad\u200c\u200d"
"""Those that ordinary text needs: breaks of our own, soft hyphens, joiners of scripts and emoji."""


def printable(text: str) -> str:
    r"""Return a text whose control characters are written as Python writes them.

    Examples
    --------
    >>> print(printable("a" + chr(27) + "[2Jb"))
    a\x1b[2Jb
    """
    return "".join(one if _is_plain(one) else one.encode("unicode_escape").decode("ascii") for one in text)


def _is_plain(one: str) -> bool:
    return one in _KEPT or unicodedata.category(one) not in _STEERING
