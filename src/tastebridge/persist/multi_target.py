"""A mapper of several targets to a record and back: what each target adds to what all of them share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from tastebridge.exceptions import ModelFileError
from tastebridge.persist.arrays import Arrays
from tastebridge.persist.interests import describe_interests, revive_interests
from tastebridge.persist.linear import describe_model, revive_model
from tastebridge.persist.state import Several, Target

_CHOICE = {"shares": 1, "coef": 2, "intercept": 1}
"""The axes of each array of the choice among categories."""
_KINDS = {"cold", "warm"}


def describe_several(
    several: Several, arrays: Arrays, write_table: Callable[[str, pd.DataFrame], str]
) -> dict[str, Any]:
    """Store the arrays and tables of every target and return the record."""
    for name in _CHOICE:
        arrays.add(f"choice/{name}", several.choice[name])
    targets = [
        _describe(target, arrays.under(f"targets/{place}"), f"target-{place}-", write_table)
        for place, target in enumerate(several.targets.values())
    ]
    return {"targets": targets, "sharpness": several.sharpness}


def revive_several(
    record: Mapping[str, Any], arrays: Arrays, sizes: Mapping[str, int], read_table: Callable[[str], Any]
) -> Several:
    """Return what was described; ``sizes`` are the numbers of items of the categories."""
    n = len(sizes)
    choice = {name: arrays.get(f"choice/{name}", *(n,) * axes) for name, axes in _CHOICE.items()}
    targets = {
        part["model"]["target"]: _revive(
            part, arrays.under(f"targets/{place}"), sizes, f"target-{place}-", read_table
        )
        for place, part in enumerate(record["targets"])
    }
    sharpness = {name: _positive(record["sharpness"][name]) for name in targets}
    return Several(targets, sharpness, choice)


def _describe(
    target: Target, arrays: Arrays, prefix: str, write_table: Callable[[str, pd.DataFrame], str]
) -> dict[str, Any]:
    for table, rows in target.tables.items():
        write_table(f"{prefix}{table}", rows)
    own = target.interests
    return {
        "model": describe_model(target.model, arrays),
        "categories": target.categories,
        "tables": list(target.tables),
        "interests": None if own is None else describe_interests(own, arrays),
    }


def _revive(
    record: Mapping[str, Any],
    arrays: Arrays,
    sizes: Mapping[str, int],
    prefix: str,
    read_table: Callable[[str], Any],
) -> Target:
    own = {name: sizes[name] for name in record["categories"]}
    interests = record["interests"]
    return Target(
        revive_model(record["model"], arrays, own),
        list(own),
        {name: read_table(f"{prefix}{name}") for name in record["tables"]},
        None if interests is None else revive_interests(interests, arrays, own),
    )


def _positive(sharpness: Mapping[str, Any]) -> dict[str, float]:
    found = {name: float(value) for name, value in sharpness.items()}
    if set(found) != _KINDS or not all(0 < value < float("inf") for value in found.values()):
        raise ModelFileError(f"its sharpness is {sharpness!r}, not a positive number for each of {_KINDS}.")
    return found
