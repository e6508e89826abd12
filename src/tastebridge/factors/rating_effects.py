"""The effects of users and items on ratings: one penalised least squares over all ratings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, cg

from tastebridge._numerics.svd import right_singular

Array = NDArray[np.float64]

_TOLERANCE, _STEPS = 1e-6, 500


def item_features(R: sparse.csr_matrix, rank: int, seed: int) -> Array:
    """Return the features that predict an item's effect before its ratings do, (n_items, 2 + rank).

    Three kinds of features, standardised: the logarithm of its number of ratings, the mean logarithm of the
    numbers of ratings of its raters, where the mean over all ratings counts as one more rater, and factors of
    the binary matrix. The factors are a truncated SVD after division by the roots of row and column sums.
    """
    rows = np.repeat(np.arange(R.shape[0]), np.diff(R.indptr))
    per_item = np.bincount(R.indices, minlength=R.shape[1])
    activity = np.log1p(np.diff(R.indptr))
    mean = activity[rows].mean()
    # The mean over all ratings counts as one more rater, so that an item without ratings is an average
    # one.
    raters = (np.bincount(R.indices, activity[rows], R.shape[1]) + mean) / (per_item + 1.0)
    parts = [np.log1p(per_item)[:, None], raters[:, None]]
    if rank:
        scale = [np.maximum(n, 1) ** -0.5 for n in (np.diff(R.indptr), per_item)]
        A = sparse.csr_matrix((scale[0][rows] * scale[1][R.indices], R.indices, R.indptr), shape=R.shape)
        parts.append(right_singular(A, rank, np.random.default_rng(seed))[1].T)
    Y = np.concatenate(parts, axis=1)
    known = per_item > 0
    deviation = Y[known].std(axis=0)
    Y = (Y - Y[known].mean(axis=0)) / np.where(deviation > 1e-12, deviation, 1.0)
    return np.asarray(Y * known[:, None])


def item_effects(
    R: sparse.csr_matrix, Y: Array, users: float, items: float, features: float
) -> tuple[float, Array, Array]:
    r"""Return the mean, the effects of items and the effects of users.

    .. math:: \min \sum_{ui} (r_{ui} - \mu - c - b_u - b_i - y_i^\top g)^2
              + \lambda_u \lVert b_u \rVert^2 + \lambda_i \lVert b_i \rVert^2 + \lambda_g \lVert g \rVert^2

    by conjugate gradients, with the mean :math:`\mu` of all ratings. The effect of an item is
    :math:`c + b_i + y_i^\top g`: with few ratings it is near the effects of like items. :math:`c` is free.

    Parameters
    ----------
    R : csr_matrix of shape (n_users, n_items)
        Ratings.
    Y : ndarray of shape (n_items, q)
        Features of items.
    users, items, features : float
        The penalties, in ratings; above 0.
    """
    n, m = R.shape
    q = 1 + Y.shape[1]
    mean = float(R.data.mean(dtype=np.float64))
    F = np.column_stack([np.ones(m), Y])
    B = sparse.csr_matrix((np.ones(R.nnz), R.indices, R.indptr), shape=R.shape)
    E = sparse.csr_matrix((R.data - mean, R.indices, R.indptr), shape=R.shape)
    per_user, per_item = (np.asarray(B.sum(axis=axis), dtype=np.float64).ravel() for axis in (1, 0))
    # 1e-6 for the free constant: zero would leave the system singular up to rounding.
    penalty = np.r_[np.full(n, users), np.full(m, items), 1e-6, np.full(q - 1, features)]
    FtF = F.T @ (F * per_item[:, None])
    # Scaled to a unit diagonal (Jacobi): users and items with many ratings would slow the gradients down.
    scale = 1.0 / np.sqrt(np.r_[per_user, per_item, np.diag(FtF)] + penalty)

    def normal(w: Array) -> Array:
        a, b, g = np.split(w * scale, [n, n + m])
        effect = b + F @ g
        by_item = per_item * effect + B.T @ a
        return scale * (np.r_[per_user * a + B @ effect, by_item, F.T @ by_item] + penalty * (w * scale))

    sums = np.asarray(E.sum(axis=0), dtype=np.float64).ravel()
    right = scale * np.r_[np.asarray(E.sum(axis=1), dtype=np.float64).ravel(), sums, F.T @ sums]
    size = n + m + q
    found, _ = cg(
        LinearOperator((size, size), normal, dtype=np.float64), right, rtol=_TOLERANCE, maxiter=_STEPS
    )
    a, b, g = np.split(found * scale, [n, n + m])
    return mean, b + F @ g, a
