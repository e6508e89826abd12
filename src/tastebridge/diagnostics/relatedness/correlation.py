"""Canonical correlations out of fold, with intervals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tastebridge.maps import CCAMap, RidgeMap
from tastebridge.maps.moments import Moments
from tastebridge.metrics.intervals import Interval
from tastebridge.splits import k_fold_users

Array = NDArray[np.float64]

REGULARIZATION = 1.0
"""The share of the mean eigenvalue added on both sides: factors of taste have many weak directions."""
_Z = 1.959964
"""The 97.5 % quantile of the normal distribution, for intervals of 95 %."""


class Part(NamedTuple):
    """The users of one fold, and the moments of all the others."""

    rows: NDArray[np.int64]
    rest: Moments


def parts_of(X: Array, Y: Array, n_folds: int, seed: int) -> Iterator[Part]:
    """Yield folds of users with the moments of the other users, by subtraction from the whole."""
    whole = Moments.from_arrays(X, Y)
    for rows in k_fold_users(np.arange(len(X)), n_folds, seed):
        yield Part(rows, whole - Moments.from_arrays(X[rows], Y[rows]))


def held_out_variates(X: Array, Y: Array, k: int, n_folds: int, seed: int) -> tuple[Array, Array]:
    """Return the canonical variates (n_users, k) of both sides, from directions of the other folds.

    Variates are standardised fold by fold; a direction without variance in a fold is 0 there.
    """
    A, B = np.zeros((len(X), k)), np.zeros((len(X), k))
    for rows, rest in parts_of(X, Y, n_folds, seed):
        cca = CCAMap(k, REGULARIZATION).fit_moments(rest)
        A[rows] = _standard(X[rows] @ cca.x_weights_)
        B[rows] = _standard(Y[rows] @ cca.y_weights_)
    return A, B


def correlation_interval(a: Array, b: Array) -> Interval:
    r"""Return the correlation of two standardised variates (n_users,) with its 95 % interval.

    The interval is computed on Fisher's scale :math:`\operatorname{artanh} r`. Its standard error comes from
    the users' influences :math:`a_u b_u - r (a_u^2 + b_u^2)/2`. Unlike Fisher's formula it holds for
    distributions far from normal.

    References
    ----------
    S. J. Devlin, R. Gnanadesikan and J. R. Kettenring, "Robust estimation and outlier detection with
    correlation coefficients", Biometrika 62 (1975).
    """
    # artanh is infinite at 1
    r = float(np.clip(np.mean(a * b), -0.999999, 0.999999))
    influence = a * b - r * (a * a + b * b) / 2
    error = float(influence.std()) / np.sqrt(len(a)) / (1 - r * r)
    low, high = np.tanh(np.arctanh(r) + np.array([-_Z, _Z]) * error)
    return Interval(r, float(low), float(high))


def explained(X: Array, Y: Array, n_folds: int, seed: int) -> float:
    """Return the share of the variance of ``Y`` that ridge regression on ``X`` explains out of fold.

    It is negative where the map predicts worse than the mean. Unlike a correlation it has a direction.

    References
    ----------
    D. Stewart and W. Love, "A general canonical correlation index", Psychological Bulletin 70 (1968).
    """
    left, whole = 0.0, 0.0
    for rows, rest in parts_of(X, Y, n_folds, seed):
        predicted = RidgeMap(REGULARIZATION).fit_moments(rest).predict(X[rows])
        left += float(((Y[rows] - predicted) ** 2).sum())
        whole += float(((Y[rows] - rest.sum_y / rest.n) ** 2).sum())
    return 1 - left / whole if whole > 0 else 0.0


def _standard(A: Array) -> Array:
    A = A - A.mean(axis=0)
    scale = A.std(axis=0)
    return np.divide(A, scale, out=np.zeros_like(A), where=scale > 1e-12)
