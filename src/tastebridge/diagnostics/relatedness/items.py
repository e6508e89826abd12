"""Whether items with equal ids in two categories are the same items: similar in one, similar in the other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import normalize

from tastebridge.diagnostics.relatedness.correlation import Array, correlation_interval, held_out_variates
from tastebridge.diagnostics.relatedness.pairs import FEWEST, RANK
from tastebridge.factors import SVDFactors
from tastebridge.metrics.intervals import Interval
from tastebridge.routes import FitContext

_FOLDS = 5
_ITEMS, _PERMUTATIONS, _ENOUGH = 2000, 199, 5


def item_agreement(context: FitContext, source: str, seed: int) -> Interval | None:
    """Return the correlation of the factors of shared items in a source and in the target.

    It is the first canonical correlation, out of fold over items, of their factors of length 1 in each
    category. For the same items it is positive, because similar items have similar users in both categories.
    For different items with equal numbers it is near zero. None if fewer than 20 items have events in both.
    """
    sides = _sides(context, source)
    if sides is None:
        return None
    A, B = held_out_variates(sides.X, sides.Y, 1, _FOLDS, seed)
    return correlation_interval(A[:, 0], B[:, 0])


def chance_agreement(context: FitContext, source: str, seed: int) -> float:
    """Return how likely items of the same ids agree as closely by chance: a permutation test, one-sided.

    The items of the target are dealt anew among ids of like popularity in the source, 199 times. So ids given
    in the order of popularity are no evidence. At most 2,000 items count. 1 where fewer than 20 have
    events in both. The dealing stops at the fifth that agrees as well: then the share so far is returned.

    References
    ----------
    J. Besag and P. Clifford, "Sequential Monte Carlo p-values", Biometrika 78 (1991).
    """
    sides = _sides(context, source)
    if sides is None:
        return 1.0
    rng = np.random.default_rng(seed)
    some = np.sort(rng.permutation(len(sides.X))[:_ITEMS])
    X, Y, counts = sides.X[some], sides.Y[some], sides.counts[some]
    groups = np.array_split(np.argsort(counts, kind="stable"), max(1, min(10, len(some) // 10)))

    def agreement(dealt: NDArray[np.int64]) -> float:
        A, B = held_out_variates(X, Y[dealt], 1, _FOLDS, seed)
        return float(np.mean(A[:, 0] * B[:, 0]))

    found, above = agreement(np.arange(len(X))), 0
    for done in range(1, _PERMUTATIONS + 1):
        dealt = np.arange(len(X))
        for group in groups:
            dealt[group] = rng.permutation(group)
        above += agreement(dealt) >= found
        if above >= _ENOUGH:  # by chance, how much so matters to no one
            return above / done
    return (1 + above) / (1 + _PERMUTATIONS)


class _Sides(NamedTuple):
    """Factors of length 1 of the shared items in the source and the target, and their users in the source."""

    X: Array
    Y: Array
    counts: NDArray[np.int64]


def _sides(context: FitContext, source: str) -> _Sides | None:
    """Return the shared items with events in both; None where they are too few."""
    sides, counts = [], []
    for name, items in zip((source, context.target), context.same[source], strict=True):
        counts.append(context.histories[name].getnnz(axis=0)[items])
        sides.append(_factors(context, name)[items])
    known = (counts[0] > 0) & (counts[1] > 0)
    if known.sum() < FEWEST:
        return None
    X, Y = (normalize(side[known]) for side in sides)
    return _Sides(X, Y, counts[0][known])


def _factors(context: FitContext, name: str) -> Array:
    k = min(RANK, context.limit([name]))
    model = context.factors((name,), SVDFactors(k, restore_popularity=False))
    # scaled by the singular values: the weak directions are noise, and would count the same
    return np.asarray(model.item_factors_ * model.singular_values_)
