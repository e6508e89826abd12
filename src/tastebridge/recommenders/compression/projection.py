r"""Narrower vectors whose inner products are nearly the same: arrays in, arrays out, no checks.

Every function returns a pair: a matrix :math:`P` for users and the new vectors :math:`V'` of the items, so
that :math:`\langle u P, v' \rangle \approx \langle u, v \rangle`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from tastebridge._numerics.svd import leading_eigenvectors

Array = NDArray[np.float64]

_FLOOR = 1e-9
"""Least variance of a direction, as a share of the largest."""
_ROUNDS = 20
_ROWS = 8192


class Projection(NamedTuple):
    """The matrix that multiplies the vectors of users, (d, k), and the vectors of items, (n_items, k)."""

    people: Array
    items: Array


def of_scores(U: NDArray[np.floating], V: NDArray[np.floating], k: int) -> Projection:
    r"""Return the ``k`` components that lose least of the *scores* of users like ``U``.

    The SVD of the item matrix, in the metric of users. Let :math:`M` be the second moment of their vectors,
    each divided by the deviation of that user's scores over the items. Let the items be centred,
    :math:`V = \bar v + V_c`. Then the mean squared error of the centred scores is
    :math:`\lVert M^{1/2} (V_c - \hat V_c)^\top \rVert^2`. The best of rank k - 1 is the truncated SVD of
    :math:`M^{1/2} V_c^\top`. The last component is :math:`\langle u, \bar v\rangle` times 1, so that the
    level of a user's scores, by which users are compared, is exact.

    Parameters
    ----------
    U : ndarray of shape (n_users, d)
    V : ndarray of shape (n_items, d)
    k : int
        At least 2; where it is ``d`` or more nothing is lost, and nothing done.
    """
    if k >= V.shape[1]:
        return Projection(np.eye(V.shape[1]), V.astype(np.float64))
    center, gram = _centred_gram(V)
    # Each user counts alike: rankings do not depend on the scale of a user's scores.
    spread = np.sqrt(np.maximum(np.einsum("ij,ij->i", U @ gram, U), np.finfo(np.float32).tiny))
    scaled = U / spread[:, None]
    values, Q = linalg.eigh(scaled.T @ scaled, check_finite=False)
    # A direction in which the sampled users do not vary must still be divided by.
    root = np.sqrt(np.maximum(values, _FLOOR * values[-1]))
    half = (Q * root) @ Q.T
    W = leading_eigenvectors(half @ gram @ half, k - 1)
    people = np.column_stack([(Q / root) @ (Q.T @ W), center])
    items = (V - center) @ (half @ W)
    return Projection(people, np.column_stack([items, np.ones(len(V))]))


def of_peaks(V: NDArray[np.floating], k: int, rng: np.random.Generator) -> Projection:
    r"""Return ``k`` components that keep the few large inner products of vectors nearly all orthogonal.

    Surest links, such as the two ids of one product, are a matrix close to the identity. Its spectrum is
    flat: a truncated SVD keeps k links and forgets the others. Here every one of the d directions becomes a
    unit vector :math:`g_i` in k dimensions, :math:`V' = V G`. Inner products of a direction with itself stay
    exact. The inner product of two directions is noise of about :math:`\sqrt{1/k - 1/d}`, which ranks below a
    link. The vectors are drawn at random, then tight frames and unit rows alternate to spread them evenly.

    References
    ----------
    J. Tropp et al., "Designing structured tight frames via an alternating projection method", IEEE Trans.
    Inf. Theory 51 (2005).
    """
    d = V.shape[1]
    if k >= d:
        return Projection(np.eye(d), V.astype(np.float64))
    G = _unit(rng.standard_normal((d, k)))
    for _ in range(_ROUNDS):
        values, Q = linalg.eigh(G.T @ G, check_finite=False)
        G = _unit((G @ (Q / np.sqrt(values))) @ Q.T)
    return Projection(G, V @ G)


def balanced(A: NDArray[np.floating]) -> tuple[Array, Array]:
    """Return ``A`` (n, k) with columns of one size, and the divisors: the root mean squares (k,).

    Entries that are 0 do not count; few bits go further on such columns.
    """
    counts = np.maximum(np.count_nonzero(A, axis=0), 1)
    size = np.sqrt(np.einsum("ij,ij->j", A, A, dtype=np.float64) / counts)
    size = np.where(size > 0, size, 1.0)
    return A / size, size


def _centred_gram(V: NDArray[np.floating]) -> tuple[Array, Array]:
    """Return the mean of the rows and their covariance, in float64 and bounded memory."""
    center, d = V.mean(axis=0, dtype=np.float64), V.shape[1]
    gram = np.zeros((d, d))
    for start in range(0, len(V), _ROWS):
        part = V[start : start + _ROWS] - center
        gram += part.T @ part
    return center, gram / len(V)


def _unit(G: Array) -> Array:
    return G / np.linalg.norm(G, axis=1, keepdims=True)
