"""Sentences about twins: their number, and the accuracy without them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import pandas as pd

from tastebridge.model.evidence import MODEL, POPULARITY
from tastebridge.online.state import FittedState
from tastebridge.routes.twins import WITHOUT

_SEGMENTS = {"cold": "Users new to {}", "warm": "Users with a history in {}"}


class Figures(NamedTuple):
    """Out-of-fold figures of one kind of users: the model, popularity, and lists of ten with a hit."""

    ndcg: float
    popularity: float
    hits: float


def twin_sentences(state: FittedState) -> list[str]:
    """Return the sentences about twins for screens, reports and model cards; empty without twins."""
    n_pairs = len(state.tables.get("twins_", ()))
    if not n_pairs:
        return []
    pairs = "1 pair" if n_pairs == 1 else f"{n_pairs:,} pairs"
    return [
        f"Twins: {pairs} of items, one of {state.target} and one of another category, with nearly the same "
        "users: one product under two ids. Lists leave out twins of the items a user has.",
        *_left(state),
    ]


def figures_of(state: FittedState, segment: str, end: str = "") -> Figures | None:
    """Return the figures of a segment, with twins, or without where ``end`` is :data:`WITHOUT`."""
    accuracy, twins = state.findings.get(f"accuracy{end}"), state.findings.get("twins")
    if accuracy is None or twins is None:
        return None
    rows = accuracy[accuracy["segment"] == segment].set_index("list")["mean"]
    hits = twins.set_index("segment")[f"hits{end}"]
    if MODEL not in rows or segment not in hits:
        return None
    return Figures(float(rows[MODEL]), float(rows.get(POPULARITY, math.nan)), float(hits[segment]))


def _left(state: FittedState) -> Iterator[str]:
    """Yield one sentence for each kind of users of whom twins were found."""
    twins = state.findings.get("twins", pd.DataFrame({"segment": [], "twins": []}))
    for segment in twins.loc[twins["twins"] > 0, "segment"]:
        whole, apart = figures_of(state, segment), figures_of(state, segment, WITHOUT)
        if whole is None or apart is None:
            continue
        said = (
            f"{_SEGMENTS[segment].format(state.target)}: NDCG@10 is {whole.ndcg:.3f} with twins and "
            f"{apart.ndcg:.3f} without (popularity {apart.popularity:.3f})"
        )
        if not math.isnan(whole.hits + apart.hits):
            said += f"; {whole.hits:.0%} of lists of ten hold a hit with twins, {apart.hits:.0%} without"
        yield f"{said}."
