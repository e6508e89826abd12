"""The directions of taste shared by a source and the target, described by the items at both ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.preprocessing import normalize

from tastebridge.data import Vocabulary
from tastebridge.diagnostics.relatedness.correlation import (
    REGULARIZATION,
    Array,
    correlation_interval,
    held_out_variates,
)
from tastebridge.diagnostics.relatedness.pairs import FEWEST, RANK, Taste
from tastebridge.factors import SVDFactors
from tastebridge.maps import CCAMap
from tastebridge.maps.moments import Moments
from tastebridge.routes import FitContext

_DIRECTIONS, _ITEMS, _FOLDS, _PEOPLE = 5, 8, 5, 5000
_LEAST = 5
"""Items of fewer linked users are not shown: their loadings are noise, and could reveal a user."""
COLUMNS = ["source", "direction", "correlation", "low", "high", "end", "category", "rank", "item", "loading"]


def learn_directions(context: FitContext, seed: int, sources: Sequence[str] | None = None) -> pd.DataFrame:
    """Return for each source, or for some, the directions shared with the target, items by number.

    The directions come from regularised CCA between the factors of the linked users, their correlation is
    measured out of fold. At most five directions per source are kept, and only with an interval above zero.
    The items of largest loading are kept. The loading (structure coefficient) is the correlation, over the
    linked users, between having the item and the variate of its own side.

    Returns
    -------
    DataFrame
        One row per item: source, direction (from 1), correlation, low, high, end ("high" or "low"), category,
        rank, item (its number), loading. Users at the high end of a direction in the source tend to be at its
        high end in the target.
    """
    wanted = context.sources if sources is None else sources
    rows = [row for source in wanted for row in _directions(context, source, seed)]
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.astype({"direction": "int64", "rank": "int64", "item": "int64"})


def taste(context: FitContext, categories: Sequence[str]) -> dict[str, Taste]:
    """Return for some categories their active users and their factors (n_users, k), of length 1."""
    return {
        name: Taste(np.diff(rows.indptr) > 0, partial(_factors, context, name))
        for name, rows in sorted(context.histories.items())
        if name in categories
    }


def described(
    table: pd.DataFrame, items: Mapping[str, Vocabulary], names: Mapping[str, pd.Series] | None
) -> pd.DataFrame:
    """Return a table of :func:`learn_directions` with item ids, and names if known, instead of numbers."""
    ids = [items[category].ids[item] for category, item in zip(table["category"], table["item"], strict=True)]
    labels = [
        None if names is None or category not in names else names[category].get(item)
        for category, item in zip(table["category"], ids, strict=True)
    ]
    out = table.drop(columns="item")
    out.insert(8, "item_id", pd.Series(ids, dtype=object, index=table.index))
    out.insert(9, "name", pd.Series(labels, dtype=object, index=table.index))
    return out


def _directions(context: FitContext, source: str, seed: int) -> Iterator[tuple]:
    people = context.linked(source)
    if len(people) < FEWEST:
        return
    if len(people) > _PEOPLE:
        people = np.sort(np.random.default_rng(seed).choice(people, _PEOPLE, replace=False))
    sides = (source, context.target)
    X, Y = (_factors(context, name, people) for name in sides)
    k = min(_DIRECTIONS, X.shape[1], Y.shape[1])
    A, B = held_out_variates(X, Y, k, _FOLDS, seed)
    cca = CCAMap(k, REGULARIZATION).fit_moments(Moments.from_arrays(X, Y))
    variates = X @ cca.x_weights_, Y @ cca.y_weights_
    shown = 0
    for place in range(k):
        found = correlation_interval(A[:, place], B[:, place])
        # a direction that may be chance is not described to anybody
        if found.low <= 0:
            continue
        shown += 1
        for name, variate in zip(sides, variates, strict=True):
            loadings = structure(context.histories[name][people], variate[:, place])
            for end, rank, item, loading in _ends(loadings):
                yield source, shown, found.mean, found.low, found.high, end, name, rank, item, loading


def structure(rows: sparse.csr_matrix, variate: Array) -> Array:
    """Return the correlation of having each item with a variate; 0 for items of too few users."""
    n = len(variate)
    v = variate - variate.mean()
    scale = max(float(v.std()), 1e-12)
    B = sparse.csr_matrix((np.ones(rows.nnz), rows.indices, rows.indptr), shape=rows.shape)
    counts = np.asarray(B.sum(axis=0)).ravel()
    spread = np.sqrt(counts / n * (1 - counts / n))
    known = (counts >= _LEAST) & (spread > 0)
    return np.divide(B.T @ v / n / scale, spread, out=np.zeros(rows.shape[1]), where=known)


def _ends(loadings: Array) -> Iterator[tuple[str, int, int, float]]:
    for end, sign in (("high", 1.0), ("low", -1.0)):
        # stable: of equal loadings the lower item number comes first
        order = np.argsort(-sign * loadings, kind="stable")[:_ITEMS]
        for rank, item in enumerate(order[sign * loadings[order] > 0], start=1):
            yield end, rank, int(item), float(loadings[item])


def _factors(context: FitContext, name: str, people: NDArray[np.int64]) -> Array:
    model = context.factors((name,), SVDFactors(min(RANK, context.limit([name])), filter="power"))
    return np.asarray(normalize(model.transform(context.histories[name][people])))
