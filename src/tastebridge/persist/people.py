"""The people of a fit, stored only when asked for: ids apart, histories as sparse matrices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from tastebridge.data import CleaningReport, Interactions, Panel, Vocabulary
from tastebridge.data.cleaning import CleaningStep
from tastebridge.persist.arrays import Arrays


def describe_people(panel: Panel, arrays: Arrays) -> dict[str, Any]:
    """Store the histories of a panel and return its record."""
    for place, part in enumerate(panel.interactions.values()):
        arrays.add(f"histories/{place}", part.matrix)
        if part.times is not None:
            arrays.add(f"histories/{place}/times", part.times)
    timed = [name for name, part in panel.interactions.items() if part.times is not None]
    cleaning = panel.cleaning
    steps = [list(step) for step in cleaning.steps]
    return {
        "categories": list(panel.categories),
        "timed": timed,
        "cleaning": {"rows_in": cleaning.rows_in, "rows_out": cleaning.rows_out, "steps": steps},
    }


def revive_people(
    record: dict[str, Any],
    arrays: Arrays,
    users: Vocabulary,
    items: Mapping[str, Vocabulary],
    names: Mapping[str, pd.Series] | None,
) -> Panel:
    """Return the panel of a record."""
    parts = {}
    for place, name in enumerate(record["categories"]):
        matrix = arrays.get(f"histories/{place}", len(users), len(items[name])).astype(np.float32, copy=False)
        times = arrays.get(f"histories/{place}/times", matrix.nnz) if name in record["timed"] else None
        parts[name] = Interactions(name, users, items[name], matrix, times)
    stored = record["cleaning"]
    steps = tuple(CleaningStep(*step) for step in stored["steps"])
    return Panel(users, parts, CleaningReport(stored["rows_in"], stored["rows_out"], steps), names)
