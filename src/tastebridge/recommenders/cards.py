"""The card that a notebook shows for a fitted recommender."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tastebridge._foundation.cards import card
from tastebridge.online.state import FittedState

if TYPE_CHECKING:
    from tastebridge.recommenders.base import Recommender

_SHOWN = 12
"""Rows of the table, at most."""


def card_of(recommender: Recommender) -> str:
    """Return the card of a fitted recommender: its targets, what it holds, and the verdict on each source."""
    targets = recommender.targets_
    several = len(targets) > 1
    rows = [row for name, state in targets.items() for row in _rows(name, state, several)]
    columns = [*(["target"] if several else []), "source", "verdict", "used", "lift of NDCG@10 (95 %)"]
    facts = [
        *_facts(recommender),
        *([f"{len(rows) - _SHOWN} more rows in transfer_"] if rows[_SHOWN:] else []),
    ]
    title = f"{type(recommender).__name__}: recommends in {', '.join(targets)}"
    return card(title, facts, columns if rows else [], rows[:_SHOWN])


def _facts(recommender: Recommender) -> Iterator[str]:
    state = next(iter(recommender.targets_.values()))
    items = sum(len(known) for known in recommender.items_.values())
    held = recommender.panel_
    users = "no user" if held is None else f"the {len(held):,} users of the fit, in memory"
    yield f"Knows {items:,} items in {len(recommender.items_)} categories; holds {users}."
    accuracy = state.findings.get("accuracy")
    if accuracy is None or len(recommender.targets_) > 1:
        return
    for row in accuracy[accuracy["list"] == "tastebridge"].to_dict("records"):
        segment = str(row["segment"])
        who = "new to the target" if segment.startswith("cold") else "with a history there"
        how = "on later events" if segment.endswith("in time") else "out of fold"
        yield f"Users {who}: NDCG@10 {row['mean']:.3f} ({row['low']:.3f} … {row['high']:.3f}), {how}."


def _rows(name: str, state: FittedState, several: bool) -> Iterator[tuple[object, ...]]:
    table = state.tables.get("transfer_")
    if table is None:
        return
    # the best first, as many sources may be more than the card shows
    best = table.sort_values("lift", ascending=False, kind="stable") if "lift" in table else table
    for row in best.to_dict("records"):
        led = (name,) if several else ()
        yield (*led, row["source"], row["verdict"], "yes" if row["kept"] else "no", _lift(row))


def _lift(row: Mapping[Hashable, Any]) -> str:
    if math.isnan(row.get("lift", math.nan)):
        return "–"
    return f"{row['lift']:+.4f} ({row['lift_low']:+.4f} … {row['lift_high']:+.4f})"
