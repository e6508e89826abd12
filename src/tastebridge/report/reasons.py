"""Recommendations of one user and the past items that carry each."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge.model.explanation import sums_of
from tastebridge.model.filters import Filters
from tastebridge.online.state import FittedState

_FEW = 3


class Line(NamedTuple):
    """A recommended item (its number), and the past items (category, number) that carry it most."""

    item: int
    reasons: list[tuple[str, int]]


def state_of(mapper: Any) -> FittedState:
    """Return the state of the one target of a mapper."""
    state: FittedState = next(iter(mapper.targets_.values()))
    return state


def lines_of(mapper: Any, histories: dict[str, sparse.csr_matrix], n: int) -> list[list[Line]]:
    """Return for each user their recommendations with reasons; category POPULARITY where it is that."""
    scorer = state_of(mapper).scorer
    best = scorer.top_items(histories, n, Filters())[0]
    weights = scorer.model.weights(histories)
    found = []
    for row, items in enumerate(best):
        mine = {name: part[row] for name, part in histories.items()}
        listed = items[items >= 0].tolist()
        sums = sums_of(scorer.model, mine, weights[row], listed)
        found.append([Line(item, _carrying(mine, sums, at)) for at, item in enumerate(listed)])
    return found


def _carrying(
    histories: dict[str, sparse.csr_matrix], sums: dict[str, NDArray[np.float64]], at: int
) -> list[tuple[str, int]]:
    """Return what adds most to a score: at most three past items, or popularity."""
    found = []
    for name, values in sums.items():
        items = histories[name].indices if name in histories else np.array([-1])
        best = np.argsort(-values[:, at], kind="stable")[:_FEW]
        found += [(-float(values[place, at]), name, int(items[place])) for place in best]
    return [(name, item) for value, name, item in sorted(found)[:_FEW] if value < 0]
