"""The lift of each source for users who came to the target later."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from tastebridge.fitting.folds import Fold, Numbers
from tastebridge.fitting.later_figures import rankings_by_turns
from tastebridge.fitting.source_verdicts import LEVEL, differences
from tastebridge.metrics.intervals import Interval, paired_difference
from tastebridge.model import Array
from tastebridge.model.evidence import TOGETHER, BySource, Halves

IN_TIME = "_in_time"
"""The end of the names of columns about users who came later."""
LIFTS = tuple(f"{name}{IN_TIME}" for name in ("lift", "lift_low", "lift_high"))
VERDICT = f"verdict{IN_TIME}"
Serve = Callable[[Halves], Sequence[Halves]]
"""Returns the lists served with a pair of blends, those of users in turns."""


def lifts_in_time(
    fold: Fold, first: Numbers, blends: BySource, serve: Serve, popular: Array, fitted: np.ndarray
) -> dict[str | None, Interval]:
    """Return the lift of each source, and of all together (None), for the users of a fold in time.

    The lift is the increase of NDCG@10 over the best of the lists without sources: popularity, recent
    popularity, and the blend without sources. The intervals of single sources hold for all at once.

    Parameters
    ----------
    fold : Fold
    first : ndarray
        The users of the first half.
    blends : BySource
    serve : callable
    popular : ndarray of shape (n_users,)
        The values of the better of both popularities.
    fitted : ndarray of bool, shape (n_routes,)
        The routes that were fitted again on the events before the moment. Sources of others have no lift.
    """

    def values(pair: Halves) -> Array:
        return rankings_by_turns(fold, serve(padded(pair, len(fitted))), first)[0]

    base = max(values(blends.base), popular, key=lambda one: float(one.mean()))
    without = blends.base[0].kept
    names = [
        name
        for name, (one, _) in blends.single.items()
        if (one.kept & ~without & fitted[: len(without)]).any()
    ]
    lists = [values(blends.single[name]) for name in names]
    found: dict[str | None, Interval] = {}
    if names:
        found |= dict(zip(names, differences(lists, base, LEVEL), strict=True))
    found[None] = paired_difference(values(blends.together), base)
    return found


def padded(pair: Halves, n_routes: int) -> Halves:
    """Return a pair of blends over more routes, which have no weight."""
    more = np.zeros(n_routes - len(pair[0].kept))
    first, second = (one.extended(more, more > 0) for one in pair)
    return first, second


def told(table: pd.DataFrame, lifts: Mapping[str | None, Interval]) -> pd.DataFrame:
    """Return a table of sources with the columns of their lifts for users who came later, and a verdict.

    A source helps later users if the interval of its lift lies above zero, and hurts if it lies below.
    """
    last = len(table) - 1 if len(table) > 1 and table["source"].iloc[-1] == TOGETHER else -1
    unknown = Interval(np.nan, np.nan, np.nan)
    rows = [
        lifts.get(None if at == last else name, unknown) for at, name in enumerate(table["source"].tolist())
    ]
    columns = {
        LIFTS[0]: [row.mean for row in rows],
        LIFTS[1]: [row.low for row in rows],
        LIFTS[2]: [row.high for row in rows],
        VERDICT: [verdict(row) for row in rows],
    }
    return table.assign(**columns)


def verdict(lift: Interval) -> str:
    """Return the verdict about the lift of a source for later users."""
    if lift.low > 0:
        return "helps"
    return "hurts" if lift.high < 0 else "no evidence"
