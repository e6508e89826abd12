"""The one way this package warns: at the line of the caller outside it."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from tastebridge.exceptions import DataWarning, TastebridgeWarning

_PACKAGE = str(Path(__file__).parent.parent) + os.sep
_MUTED: ContextVar[bool] = ContextVar("tastebridge_muted", default=False)


@contextmanager
def muted() -> Iterator[None]:
    """Issue no :class:`~tastebridge.exceptions.TastebridgeWarning` in the block, in this thread alone.

    ``warnings.catch_warnings`` would mute the other threads of a process too.
    """
    token = _MUTED.set(True)
    try:
        yield
    finally:
        _MUTED.reset(token)


def warn(message: str, category: type[TastebridgeWarning] = TastebridgeWarning) -> None:
    """Issue a :class:`~tastebridge.exceptions.TastebridgeWarning` at the first line outside the package.

    Call it in the thread of the caller: the stack of a worker thread does not hold the caller's line.
    """
    if _MUTED.get():
        return
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


def warn_of_data(message: str) -> None:
    """Issue a :class:`~tastebridge.exceptions.DataWarning`, of data left out, unknown or guessed."""
    warn(message, DataWarning)
