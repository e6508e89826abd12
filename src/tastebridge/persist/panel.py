"""The users of a fit, stored only on request: ids separately, histories and item features as matrices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from tastebridge.data import CleaningReport, Interactions, ItemFeatures, Panel, Vocabulary
from tastebridge.data.cleaning import CleaningStep
from tastebridge.persist.arrays import Arrays


def describe_panel(panel: Panel, arrays: Arrays) -> dict[str, Any]:
    """Store the histories of a panel and return its record."""
    for place, part in enumerate(panel.interactions.values()):
        arrays.add(f"histories/{place}", part.matrix)
        # times lie in the order of the entries of the matrix, which Arrays keeps
        if part.times is not None:
            arrays.add(f"histories/{place}/times", part.times)
    timed = [name for name, part in panel.interactions.items() if part.times is not None]
    cleaning = panel.cleaning
    steps = [list(step) for step in cleaning.steps]
    return {
        "categories": list(panel.categories),
        "timed": timed,
        "cleaning": {"rows_in": cleaning.rows_in, "rows_out": cleaning.rows_out, "steps": steps},
        "features": _describe_features(panel, arrays),
    }


def revive_panel(
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
    report = CleaningReport(stored["rows_in"], stored["rows_out"], steps)
    return Panel(users, parts, report, names, _revive_features(record.get("features", []), arrays, items))


def _describe_features(panel: Panel, arrays: Arrays) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = []
    for category, kinds in panel.item_features.items():
        for name, features in kinds.items():
            place = f"features/{len(records)}"
            arrays.add(place, features.matrix)
            arrays.add(f"{place}/described", features.described)
            columns = None if features.columns is None else list(features.columns)
            records.append({"category": category, "name": name, "columns": columns})
    return records


def _revive_features(
    records: list[dict[str, Any]], arrays: Arrays, items: Mapping[str, Vocabulary]
) -> dict[str, dict[str, ItemFeatures]]:
    found: dict[str, dict[str, ItemFeatures]] = {}
    for place, record in enumerate(records):
        known, columns = items[record["category"]], record["columns"]
        width = None if columns is None else len(columns)
        matrix = arrays.get(f"features/{place}", len(known), width)
        described = arrays.get(f"features/{place}/described", len(known)).astype(bool)
        # ItemFeatures checks the values again, as for any frame of a caller
        features = ItemFeatures(known, matrix, described, None if columns is None else tuple(columns))
        found.setdefault(record["category"], {})[record["name"]] = features
    return found
