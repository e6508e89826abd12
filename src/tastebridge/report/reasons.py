"""Recommendations to a user, each with the past items that contribute most."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge.model.explanation import sums_of
from tastebridge.model.filters import Filters
from tastebridge.online.state import FittedState
from tastebridge.report.mapper import ReportedMapper

_FEW = 3


class Line(NamedTuple):
    """A recommended item (its number), and the past items (category, number) that contribute most."""

    item: int
    reasons: list[tuple[str, int]]


def state_of(mapper: ReportedMapper) -> FittedState:
    """Return the state of the only target of a mapper."""
    state: FittedState = next(iter(mapper.targets_.values()))
    return state


def lines_of(mapper: ReportedMapper, histories: dict[str, sparse.csr_matrix], n: int) -> list[list[Line]]:
    """Return each user's recommendations with reasons; popularity is a reason of category POPULARITY.

    Lists leave out twins of items a user has.
    """
    state = state_of(mapper)
    scorer = state.scorer
    best = scorer.top_items(histories, n, Filters().closing(state.left_out(histories)))[0]
    weights = scorer.model.weights(histories)
    found = []
    for row, items in enumerate(best):
        history = {name: part[row] for name, part in histories.items()}
        listed = items[items >= 0].tolist()  # shorter lists are filled with -1
        sums = sums_of(scorer.model, history, weights[row], listed)
        found.append([Line(item, _reasons(history, sums, at)) for at, item in enumerate(listed)])
    return found


def _reasons(
    histories: dict[str, sparse.csr_matrix], sums: dict[str, NDArray[np.float64]], at: int
) -> list[tuple[str, int]]:
    """Return the largest contributions to a score: at most three past items, or popularity."""
    found = []
    for name, values in sums.items():
        # popularity is no category of a history, so it has no item
        items = histories[name].indices if name in histories else np.array([-1])
        best = np.argsort(-values[:, at], kind="stable")[:_FEW]
        found += [(-float(values[place, at]), name, int(items[place])) for place in best]
    # values are negated, so that ties sort by name and number; negative contributions are no reasons
    return [(name, item) for value, name, item in sorted(found)[:_FEW] if value < 0]
