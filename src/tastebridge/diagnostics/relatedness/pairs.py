"""The table of all pairs of categories: who they share, and how much one taste says of the other."""

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
"""Below this many linked people a correlation says nothing."""
_PEOPLE, _FOLDS = 5000, 5
_COLUMNS = ["source", "target", "linked", "overlap", "correlation", "low", "high", "explained"]


class Taste(NamedTuple):
    """Who stands in a category, and what gives the factors (n, k), of length 1, of some of them by number."""

    active: NDArray[np.bool_]
    factors: Callable[[NDArray[np.int64]], Array]


def relatedness(panel: Panel, n_components: int = RANK, random_state: int = 0) -> pd.DataFrame:
    r"""Say of every two categories how many people they share and how closely their tastes are related.

    People's taste in a category are their spectral factors there, scaled to length 1. For the linked people
    of two categories, the first canonical variates are learned on four fifths of them and looked at in the
    fifth, in turn: their correlation is what holds for people who were not learned from, so that it is near
    zero, not above it, for categories that have nothing to do with each other.

    Parameters
    ----------
    panel : Panel
    n_components : int, default=32
        The rank of the factors, or less where the data allow less.
    random_state : int, default=0
        Seed of factors and folds.

    Returns
    -------
    DataFrame
        A row an ordered pair: source, target, linked (people in both), overlap (the share of the source's
        people who are in the target too), correlation with its 95 % interval (low, high), and explained, the
        share of the variance of the target's factors that those of the source explain out of fold. The last
        four are NaN where fewer than 20 people are linked. At most 5,000 of them, drawn at random, are
        looked at.

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
    """Return the taste that factors of one category show."""
    here = np.diff(rows.indptr) > 0
    used = int((np.bincount(rows.indices, minlength=rows.shape[1]) > 0).sum())
    k = min(rank, int(here.sum()), used)
    if not k:
        return Taste(here, lambda people: np.zeros((len(people), 1)))
    model = SVDFactors(k, filter="power", random_state=seed).fit(rows[here])
    return Taste(here, lambda people: np.asarray(normalize(model.transform(rows[people]))))


def _pair(names: tuple[str, str], tastes: Mapping[str, Taste], rng: np.random.Generator) -> list[tuple]:
    """Return the rows of two categories, there and back."""
    one, other = names
    active = {name: tastes[name].active for name in names}
    linked = np.flatnonzero(active[one] & active[other])
    shares = [len(linked) / max(int(active[name].sum()), 1) for name in names]
    interval, there, back = (np.nan,) * 3, np.nan, np.nan
    if len(linked) >= FEWEST:
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
