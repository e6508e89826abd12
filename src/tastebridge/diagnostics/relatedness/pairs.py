"""The table of all pairs of categories: shared users, and the correlation of tastes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.preprocessing import normalize

from tastebridge._foundation.validation import check_count
from tastebridge.data import Panel
from tastebridge.diagnostics.relatedness.correlation import (
    Array,
    correlation_interval,
    explained,
    held_out_variates,
)
from tastebridge.factors import SVDFactors

RANK = 32
"""The rank of the factors compared."""
FEWEST = 20
"""Least number of linked users for a correlation."""
_PEOPLE, _FOLDS = 5000, 5
"""Linked users used at most, and folds."""
_COLUMNS = ["source", "target", "linked", "overlap", "correlation", "low", "high", "explained"]


class Taste(NamedTuple):
    """The active users of a category, and a function from their numbers to factors (n, k) of length 1."""

    active: NDArray[np.bool_]
    factors: Callable[[NDArray[np.int64]], Array]


def relatedness(panel: Panel, n_components: int = RANK, random_state: int = 0) -> pd.DataFrame:
    r"""Return the number of shared users and the correlation of tastes for every two categories.

    The taste of a user in a category is the vector of spectral factors there, scaled to length 1. The first
    canonical variates of two categories are learned on four fifths of their linked users, and evaluated on
    the other fifth, in turn. So the correlation holds for new users, and is near zero for unrelated
    categories.

    Parameters
    ----------
    panel : Panel
    n_components : int, default=32
        The rank of the factors, or less for small categories.
    random_state : int, default=0
        Seed of factors and folds.

    Returns
    -------
    DataFrame
        One row per ordered pair: source, target, linked (users in both), overlap (the share of the source's
        users who are in the target too), correlation with its 95 % interval (low, high), and explained, the
        share of the variance of the target's factors that the source's factors explain out of fold. The last
        four are NaN where fewer than 20 users are linked. At most 5,000 linked users, drawn at random, are
        used.

    Raises
    ------
    InvalidParameterError
        If a parameter is out of range.

    References
    ----------
    H. Hotelling, "Relations between two sets of variates", Biometrika 28 (1936).

    Examples
    --------
    >>> from tastebridge.datasets import make_panel
    >>> panel, _ = make_panel(n_users=600, n_items=60, relatedness=1.0)
    >>> table = panel.relatedness()
    >>> table[["source", "target"]].values.tolist()
    [['books', 'films'], ['films', 'books']]
    >>> bool((table["low"] > 0).all())
    True
    """
    check_count("n_components", n_components)
    check_count("random_state", random_state, 0, 2**32 - 1)
    histories = {name: part.matrix for name, part in panel.interactions.items()}
    tastes = {name: _taste(rows, n_components, random_state) for name, rows in histories.items()}
    return relatedness_of(tastes, random_state)


def relatedness_of(tastes: Mapping[str, Taste], random_state: int) -> pd.DataFrame:
    """Return the table of :func:`relatedness` of the tastes in every category."""
    rows = [
        row
        for one, other in combinations(tastes, 2)
        for row in _pair((one, other), tastes, np.random.default_rng(random_state))
    ]
    table = pd.DataFrame(rows, columns=_COLUMNS)
    return table.sort_values(["source", "target"], ignore_index=True)


def _taste(rows: sparse.csr_matrix, rank: int, seed: int) -> Taste:
    """Return the active users of one category and their factors."""
    here = np.diff(rows.indptr) > 0
    # no more directions than users or items with an event
    used = int((np.bincount(rows.indices, minlength=rows.shape[1]) > 0).sum())
    k = min(rank, int(here.sum()), used)
    if not k:
        return Taste(here, lambda people: np.zeros((len(people), 1)))
    model = SVDFactors(k, filter="power", random_state=seed).fit(rows[here])
    return Taste(here, lambda people: np.asarray(normalize(model.transform(rows[people]))))


def _pair(names: tuple[str, str], tastes: Mapping[str, Taste], rng: np.random.Generator) -> list[tuple]:
    """Return the rows of two categories, one for each direction."""
    one, other = names
    active = {name: tastes[name].active for name in names}
    linked = np.flatnonzero(active[one] & active[other])
    shares = [len(linked) / max(int(active[name].sum()), 1) for name in names]
    interval, there, back = (np.nan,) * 3, np.nan, np.nan
    if len(linked) >= FEWEST:
        # rng is new for every pair, so a pair does not depend on the others
        seed = int(rng.integers(2**31))
        people = linked if len(linked) <= _PEOPLE else np.sort(rng.choice(linked, _PEOPLE, replace=False))
        X, Y = (tastes[name].factors(people) for name in names)
        a, b = held_out_variates(X, Y, 1, _FOLDS, seed)
        found = correlation_interval(a.ravel(), b.ravel())
        interval = found.mean, found.low, found.high
        there, back = explained(X, Y, _FOLDS, seed), explained(Y, X, _FOLDS, seed)
    return [
        (one, other, len(linked), shares[0], *interval, there),
        (other, one, len(linked), shares[1], *interval, back),
    ]
