"""Histories cut into runs of users whose vectors fit in memory."""

from __future__ import annotations

from collections.abc import Iterator

from tastebridge.routes import Histories

CHUNK = 4096
"""Users whose vectors are held at once."""


def chunks(histories: Histories, n_users: int, size: int = CHUNK) -> Iterator[tuple[slice, Histories]]:
    """Yield runs of users and their histories."""
    if 0 < n_users <= size:
        yield slice(0, n_users), histories
        return
    for start in range(0, n_users, size):
        rows = slice(start, start + size)
        yield rows, {name: part[rows] for name, part in histories.items()}
