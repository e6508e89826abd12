"""The command line: ``tastebridge demo | fit | recommend | audience | vectors | evaluate | key``."""

from __future__ import annotations

from tastebridge.cli.front import main

TYPE_CHECKING = False  # as in typing, whose import takes longer than all of --help
if TYPE_CHECKING:
    from tastebridge.cli.application import app

__all__ = ["app", "main"]


def __getattr__(name: str) -> object:
    """Return the application, which loads all commands on first access."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from tastebridge.cli.application import app

    return app
