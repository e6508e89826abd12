"""Two folders change places in one step, on systems that support it."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
"""Linux's constants: paths are relative to the current folder; two names change places."""


def exchange(one: Path, other: Path) -> bool:
    """Let two folders change places in one step; return False if the system or the disk cannot.

    Linux can do it since 3.15 (``renameat2``) on its own file systems. Other systems, network drives and
    mount points cannot.
    """
    try:
        # Python has no function for it; CDLL(None) is the C library of the process itself
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):
        return False
    found = rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE)
    return bool(found == 0)
