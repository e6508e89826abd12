"""How closely a source and the target are related, out of fold: the first canonical correlation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.preprocessing import normalize

from tastebridge.factors import SVDFactors
from tastebridge.maps import CCAMap
from tastebridge.routes import Workshop
from tastebridge.routes.mapped import paired_moments

_RANK = 64
_FEWEST = 10
"""Below this many people a correlation says nothing."""


def held_out_correlations(
    workshop: Workshop, people: NDArray[np.int64], hidden: sparse.csr_matrix
) -> dict[str, tuple[float, int]]:
    """Return for each source the first canonical correlation among held people, and how many they are.

    Factors of the target and the directions of regularised CCA are fitted in the workshop, where the target
    rows of the held people are hidden; the correlation is that of the two variates of these people. Each
    person's factors are scaled to length 1, for the few of a closely knit group, whose factors are longest,
    would decide it alone. Pairs with too few people to learn or to judge from are left out.

    Parameters
    ----------
    workshop : Workshop
    people : ndarray of shape (n_held,)
        Numbers of the held people.
    hidden : csr_matrix of shape (n_held, n_target_items)
        Their rows in the target.
    """
    found = {}
    for source in workshop.sources:
        rows = workshop.histories[source][people]
        here = np.flatnonzero((np.diff(rows.indptr) > 0) & (np.diff(hidden.indptr) > 0))
        if len(here) >= _FEWEST and len(workshop.linked(source)) >= _FEWEST:
            found[source] = _correlation(workshop, source, rows[here], hidden[here]), len(here)
    return found


def mean_correlation(source: str, folds: Sequence[Mapping[str, tuple[float, int]]]) -> float:
    """Return the mean over folds, weighted by people; NaN where no fold has any."""
    pairs = np.array([fold[source] for fold in folds if source in fold])
    return float(np.average(pairs[:, 0], weights=pairs[:, 1])) if len(pairs) else float("nan")


def _correlation(workshop: Workshop, source: str, X: sparse.csr_matrix, Y: sparse.csr_matrix) -> float:
    linked = workshop.linked(source)
    phi, psi = (_factors(workshop, name) for name in (source, workshop.target))
    moments = paired_moments(
        (lambda rows: normalize(phi.transform(rows)), workshop.histories[source][linked]),
        (lambda rows: normalize(psi.transform(rows)), workshop.histories[workshop.target][linked]),
    )
    cca = CCAMap(n_components=1, regularization=1.0).fit_moments(moments)
    pair = normalize(phi.transform(X)) @ cca.x_weights_, normalize(psi.transform(Y)) @ cca.y_weights_
    a, b = (variate.ravel() - variate.mean() for variate in pair)
    length = np.linalg.norm(a) * np.linalg.norm(b)
    return float(a @ b / length) if length > 0 else 0.0


def _factors(workshop: Workshop, name: str) -> SVDFactors:
    return workshop.factors((name,), SVDFactors(min(_RANK, workshop.limit([name])), filter="power"))
