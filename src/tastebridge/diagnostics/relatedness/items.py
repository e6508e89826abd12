"""Whether items with equal ids in two categories are the same items: similar in one, similar in the other."""

from __future__ import annotations

import numpy as np
from sklearn.preprocessing import normalize

from tastebridge.diagnostics.relatedness.correlation import Array, correlation_interval, held_out_variates
from tastebridge.diagnostics.relatedness.pairs import FEWEST, RANK
from tastebridge.factors import SVDFactors
from tastebridge.metrics.intervals import Interval
from tastebridge.routes import FitContext

_FOLDS = 5


def item_agreement(context: FitContext, source: str, seed: int) -> Interval | None:
    """Return the correlation of the factors of shared items in a source and in the target.

    It is the first canonical correlation, out of fold over items, of their factors of length 1 in each
    category. For the same items it is positive, because similar items have similar users in both categories.
    For different items with equal numbers it is near zero. None if fewer than 20 items have events in both.
    """
    sides = []
    known = np.ones(len(context.same[source][0]), dtype=bool)
    for name, items in zip((source, context.target), context.same[source], strict=True):
        known &= context.histories[name].getnnz(axis=0)[items] > 0
        sides.append(_factors(context, name)[items])
    if known.sum() < FEWEST:
        return None
    X, Y = (normalize(side[known]) for side in sides)
    A, B = held_out_variates(X, Y, 1, _FOLDS, seed)
    return correlation_interval(A[:, 0], B[:, 0])


def _factors(context: FitContext, name: str) -> Array:
    k = min(RANK, context.limit([name]))
    model = context.factors((name,), SVDFactors(k, restore_popularity=False))
    # scaled by the singular values: the weak directions are noise, and would count the same
    return np.asarray(model.item_factors_ * model.singular_values_)
