"""Several targets to a record and back: the shared parts once, and the parts of each target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pandas as pd

from tastebridge.exceptions import ModelFileError
from tastebridge.model.category_model import CategoryModel, n_features
from tastebridge.model.scorers import LinearScorer
from tastebridge.online.state import ONE_OF_SEVERAL, FittedState, MultiTarget
from tastebridge.persist.arrays import Arrays
from tastebridge.persist.diagnostic_tables import read_tables
from tastebridge.persist.interests import describe_interests, revive_interests
from tastebridge.persist.linear import describe_model, revive_model
from tastebridge.persist.saved import stored_tables

_CATEGORY_MODEL = ("shares", "coef", "intercept")
_SEGMENTS = {"cold", "warm"}
_POWERS = {"cold popularity", "warm popularity"}
"""Keys for the power of popularity, in segments whose probabilities include popularity."""


def describe_targets(
    targets: Mapping[str, FittedState],
    joint: MultiTarget,
    arrays: Arrays,
    write_table: Callable[[str, pd.DataFrame], str],
) -> dict[str, Any]:
    """Store the arrays and tables of every target and return the record."""
    for name in _CATEGORY_MODEL:
        arrays.add(f"choice/{name}", getattr(joint.category_model, name))
    records = [
        _describe(state, joint, arrays.under(f"targets/{place}"), partial(_write, place, write_table))
        for place, state in enumerate(targets.values())
    ]
    return {"targets": records, "sharpness": {name: dict(part) for name, part in joint.temperatures.items()}}


def revive_targets(
    record: Mapping[str, Any], arrays: Arrays, shared: MultiTarget, read_table: Callable[[str], pd.DataFrame]
) -> tuple[dict[str, FittedState], MultiTarget]:
    """Return the states of the targets, and ``shared`` with the category model and temperatures added."""
    sizes = {name: len(items) for name, items in shared.encoder.items.items()}
    n = len(sizes)
    shapes = ((n,), (n, None), (n,))
    parts = {
        name: arrays.get(f"choice/{name}", *shape)
        for name, shape in zip(_CATEGORY_MODEL, shapes, strict=True)
    }
    if parts["coef"].shape[1] not in (n, n_features(n)):
        raise ModelFileError(f"its category model has {parts['coef'].shape[1]} features for {n} categories.")
    targets = {
        part["model"]["target"]: _revive(
            part, arrays.under(f"targets/{place}"), shared, partial(_read, place, read_table)
        )
        for place, part in enumerate(record["targets"])
    }
    temperatures = {name: _positive(record["sharpness"][name]) for name in targets}
    return targets, replace(shared, category_model=CategoryModel(**parts), temperatures=temperatures)


def _describe(
    state: FittedState, joint: MultiTarget, arrays: Arrays, write_table: Callable[[str, pd.DataFrame], str]
) -> dict[str, Any]:
    tables = stored_tables(state)
    for name, rows in tables.items():
        write_table(name, rows)
    # the same object is stored once, with the shared parts
    separate = None if state.interests is joint.interests else state.interests
    return {
        "model": describe_model(state.scorer.model, arrays),
        "categories": list(state.encoder.items),
        "tables": list(tables),
        "interests": None if separate is None else describe_interests(separate, arrays),
    }


def _revive(
    record: Mapping[str, Any], arrays: Arrays, shared: MultiTarget, read_table: Callable[[str], pd.DataFrame]
) -> FittedState:
    encoder = shared.encoder.only(record["categories"])
    sizes = {name: len(encoder.items[name]) for name in record["categories"]}
    interests, found = record["interests"], read_tables({name: read_table(name) for name in record["tables"]})
    return FittedState(
        LinearScorer(revive_model(record["model"], arrays, sizes)),
        encoder,
        shared.item_names,
        found.tables,
        found.findings,
        shared.interests if interests is None else revive_interests(interests, arrays, sizes),
        found.confidence,
        no_statistics=ONE_OF_SEVERAL,
    )


def _file(place: int, name: str) -> str:
    """Return the name of the file of a table of one target."""
    return f"target-{place}-{name}"


def _read(place: int, read_table: Callable[[str], pd.DataFrame], name: str) -> pd.DataFrame:
    return read_table(_file(place, name))


def _write(place: int, write_table: Callable[[str, pd.DataFrame], str], name: str, rows: pd.DataFrame) -> str:
    return write_table(_file(place, name), rows)


def _positive(temperatures: Mapping[str, float]) -> dict[str, float]:
    found = {name: float(value) for name, value in temperatures.items()}
    if not _SEGMENTS <= set(found) <= _SEGMENTS | _POWERS or not all(
        0 < value < float("inf") for value in found.values()
    ):
        raise ModelFileError(
            f"its temperatures are {temperatures!r}, not a positive number for each of {_SEGMENTS}."
        )
    return found
