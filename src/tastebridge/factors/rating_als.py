"""Alternating least squares on explicit values: only stored entries count."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Array = NDArray[np.float64]

_CHUNK = 1 << 22


def posterior(E: sparse.csr_matrix, V: Array, penalties: Array) -> Array:
    r"""Return for every row :math:`(V_S^\top V_S + \Lambda)^{-1} V_S^\top e`, S the columns it stores.

    Parameters
    ----------
    E : csr_matrix of shape (n, m)
    V : ndarray of shape (m, k)
    penalties : ndarray of shape (k,)
        The diagonal of :math:`\Lambda`, above 0.
    """
    k = V.shape[1]
    out = np.zeros((E.shape[0], k))
    pairs = np.triu_indices(k)
    products = V[:, pairs[0]] * V[:, pairs[1]]
    B = sparse.csr_matrix((np.ones(E.nnz), E.indices, E.indptr), shape=E.shape)
    step = max(1, _CHUNK // (k * k))
    for start in range(0, E.shape[0], step):
        rows = slice(start, start + step)
        upper = B[rows] @ products
        A = np.empty((len(upper), k, k))
        A[:, pairs[0], pairs[1]] = A[:, pairs[1], pairs[0]] = upper
        A[:, np.arange(k), np.arange(k)] += penalties
        out[rows] = np.linalg.solve(A, (E[rows] @ V)[:, :, None])[:, :, 0]
    return out


def alternate(E: sparse.csr_matrix, k: int, penalty: float, rounds: int, seed: int) -> Array:
    """Return item factors (m, k) of the values of ``E``, from a random start."""
    V = np.random.default_rng(seed).normal(scale=0.1, size=(E.shape[1], k))
    Et, penalties = sparse.csr_matrix(E.T), np.full(k, penalty)
    for _ in range(rounds):
        V = posterior(Et, posterior(E, V, penalties), penalties)
    return V
