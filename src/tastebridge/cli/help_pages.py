"""The help on each command, as stored texts that are shown without loading the command."""

from __future__ import annotations

from importlib.resources import files


def stored(command: str) -> str:
    """Return the stored help on a command."""
    return files(__package__).joinpath("help", f"{command}.txt").read_text(encoding="utf-8")
