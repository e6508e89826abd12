"""Text files in sections, such as Netflix: a line ``17:`` precedes the rows of item 17."""

from __future__ import annotations

import re

_HEAD = re.compile(rb"^(\d+):[ \t]*\r?\n", re.MULTILINE)
_START = re.compile(rb"\d+:[ \t]*\r?\n(?!\d+:[ \t]*\r?\n|$)[^\r\n]*,")


def is_sectioned(head: bytes) -> bool:
    """Return whether a file begins with the line of a section and a row with commas."""
    return _START.match(head) is not None


def unsectioned(content: bytes) -> bytes:
    r"""Return the rows with the name of their section as their last field.

    Examples
    --------
    >>> unsectioned(b"1:\n7,3,2005-09-06\n8,5,2005-05-13\n2:\n7,4,2005-10-19\n")
    b'7,3,2005-09-06,1\n8,5,2005-05-13,1\n7,4,2005-10-19,2\n'
    """
    parts = _HEAD.split(content.replace(b"\r\n", b"\n"))
    rows = []
    for name, section in zip(parts[1::2], parts[2::2], strict=True):
        lines = section.strip(b"\n")
        if lines:
            rows.append(lines.replace(b"\n", b"," + name + b"\n") + b"," + name + b"\n")
    return b"".join(rows)
