"""Tables of answers as JSON that holds every bit, and how two of them are compared."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

_STEEP = {"confidence": 5000}
"""Answers that rounding moves by so many times more than scores."""

Answers = Mapping[str, pd.DataFrame]


def to_json(answers: Answers) -> dict[str, Any]:
    """Return answers as JSON holds them: for each table its columns, floats in their shortest exact form."""
    return {name: {str(one): _column(table[one]) for one in table} for name, table in answers.items()}


def write(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON with a column a line, so that a change can be read in a diff."""
    path.write_text(_lines(content, 0) + "\n", encoding="utf-8")


def read(path: Path) -> dict[str, Any]:
    """Return what was written."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def differences(recorded: Mapping[str, Any], found: Mapping[str, Any], rtol: float) -> list[str]:
    """Return what differs between two answers.

    Ids, ranks and words must be equal, and in the same order. Floats may differ by ``rtol`` of themselves and
    a tenth of that of the largest of their column; with 0 not at all. Of confidence they
    may by more: it is read off a steep curve of what is left beside a list.
    """
    lost = [f"{name} is missing" for name in recorded if name not in found]
    return lost + [
        f"{name}: {one}"
        for name in recorded
        if name in found
        for one in _table_differences(
            recorded[name], found[name], rtol * _STEEP.get(name.partition("_")[0], 1)
        )
    ]


def items_lost(recorded: Mapping[str, Any], found: Mapping[str, Any]) -> float:
    """Return the share of the items of recorded lists that the same people's lists now lack."""
    was, now = _pairs(recorded), _pairs(found)
    return len(was - now) / max(len(was), 1)


def _pairs(answers: Mapping[str, Any]) -> set[tuple[Any, ...]]:
    """Return what is recommended to whom."""
    return {
        (name, *pair)
        for name, table in answers.items()
        if name.startswith("recommend")
        for pair in zip(table["user_id"]["values"], table["item_id"]["values"], strict=True)
    }


def closest(answers: Mapping[str, Any], chances: bool) -> float:
    """Return the smallest gap between neighbouring scores of a list, ties apart.

    It is a share of the largest score, or, of chances, of the larger of the two. Where it is small another
    processor may order the two otherwise.
    """
    gaps = [1.0]
    for name, table in answers.items():
        if {"rank", "score"} <= set(table) and "audience" not in name:
            scores, ranks = (np.array(table[column]["values"], float) for column in ("score", "rank"))
            larger = np.abs(scores[:-1]) if chances else np.abs(scores).max(initial=0.0)
            steps = (-np.diff(scores) / np.maximum(larger, 1e-300))[np.diff(ranks) == 1]
            gaps += steps[steps > 0].tolist()
    return min(gaps)


def _table_differences(recorded: Mapping[str, Any], found: Mapping[str, Any], rtol: float) -> list[str]:
    lost = [f"the column {name!r} is missing" for name in recorded if name not in found]
    if lost:
        return lost
    told = []
    for name, column in recorded.items():
        here = found[name]
        if column["type"] != here["type"]:
            told.append(f"{name} was {column['type']} and is {here['type']}")
        elif len(column["values"]) != len(here["values"]):
            return [f"{len(column['values'])} rows were recorded; there are {len(here['values'])}"]
        elif column["type"].startswith("float"):
            told += _float_differences(name, column["values"], here["values"], rtol)
        elif column["values"] != here["values"]:
            pairs = list(zip(column["values"], here["values"], strict=True))
            at = next(place for place, (one, other) in enumerate(pairs) if one != other)
            told.append(f"{name}[{at}] was {pairs[at][0]!r} and is {pairs[at][1]!r}")
    return told


def _float_differences(name: str, recorded: list[Any], found: list[Any], rtol: float) -> list[str]:
    was, now = (np.array([float(value) for value in values]) for values in (recorded, found))
    finite = was[np.isfinite(was)]
    largest = float(np.abs(finite).max(initial=0.0))
    same = (was == now) | (np.isnan(was) & np.isnan(now))
    with np.errstate(invalid="ignore"):
        same |= np.abs(was - now) <= rtol * np.abs(was) + 0.1 * rtol * largest
    if same.all():
        return []
    at = int(np.argmin(same))
    return [f"{name}[{at}] was {recorded[at]!r} and is {found[at]!r}; {(~same).sum()} of {len(same)} differ"]


def _column(values: pd.Series) -> dict[str, Any]:
    if values.dtype.kind == "f":
        kind = values.dtype.name
        return {"type": kind, "values": [_float(value) for value in values.to_numpy()]}
    kind = {"i": "int", "u": "int", "b": "bool"}.get(values.dtype.kind, "text")
    return {"type": kind, "values": [_plain(value) for value in values.tolist()]}


def _float(value: np.floating) -> float | str:
    """Return the shortest number that is this float and no other of its type; JSON has no NaN."""
    return float(str(value)) if math.isfinite(value) else str(value)


def _plain(value: Any) -> Any:
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return None
    return value.item() if isinstance(value, np.generic) else value


def _lines(content: Any, depth: int) -> str:
    flat = isinstance(content, dict) and "values" in content
    if not isinstance(content, dict) or flat or not content:
        return json.dumps(content, allow_nan=False, separators=(",", ":"))
    pad = " " * (depth + 1)
    parts = [f"{pad}{json.dumps(key)}: {_lines(value, depth + 1)}" for key, value in content.items()]
    return "{\n" + ",\n".join(parts) + f"\n{' ' * depth}}}"
