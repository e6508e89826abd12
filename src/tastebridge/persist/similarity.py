"""The model of item neighbours, similarities instead of vectors, as a record and arrays, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tastebridge.exceptions import ModelFileError
from tastebridge.model.similarity import ItemSimilarity
from tastebridge.persist.arrays import Arrays


def describe_similarity(model: ItemSimilarity, arrays: Arrays) -> dict[str, Any]:
    """Store the arrays of a model and return its record."""
    arrays.add("similarities", model.similarities)
    arrays.add("popularity", model.popularity)
    return {"class": "ItemSimilarity", "target": model.target, "categories": list(model.categories)}


def revive_similarity(record: dict[str, Any], arrays: Arrays, sizes: Mapping[str, int]) -> ItemSimilarity:
    """Return the model of a record."""
    if record["target"] not in sizes:
        raise ModelFileError(f"its target {record['target']!r} has no items.")
    n_items, n_all = sizes[record["target"]], sum(sizes[name] for name in record["categories"])
    return ItemSimilarity(
        record["target"],
        tuple(record["categories"]),
        arrays.get("similarities", n_all, n_items),
        arrays.get("popularity", n_items),
    )
