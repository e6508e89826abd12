"""Who is looked at apart: cold and warm users, short and long histories, rows with and without twins."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.task import Task
from benchmarks.twins import has_twin

BOUNDS = (5, 10, 20)
"""Upper ends of the classes of history length, in rows outside the target."""


def row_groups(task: Task) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield each group's name and which rows of the truth belong to it; empty groups are left out.

    Groups of users hold all rows of theirs, the two of twins may split a user's rows.
    """
    yield "all", np.ones(len(task.truth), dtype=bool)
    twins = has_twin(task.panel, task.target, task.truth)
    if twins.any():
        yield "with twins", twins
        yield "without twins", ~twins
    yield from ((name, mask) for name, mask in _people(task) if mask.any() and not mask.all())


def _people(task: Task) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    people = task.panel.users.numbers(task.truth["user_id"].to_numpy(), missing="negative")
    rows = {name: np.append(np.diff(part.matrix.indptr), 0) for name, part in task.panel.interactions.items()}
    inside = rows[task.target][people]
    outside = sum(counts[people] for name, counts in rows.items() if name != task.target)
    yield "cold", inside == 0
    yield "warm", inside > 0
    low = 0
    for high in (*BOUNDS, np.inf):
        name = f"history {low + 1}-{high}" if np.isfinite(high) else f"history over {low}"
        yield name, (outside > low) & (outside <= high)
        low = high
