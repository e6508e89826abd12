"""Weighting of a sparse matrix of users by items: pure functions, each keeps the pattern of its matrix.

Statistics of the whole category (the frequency of an item, the mean length of a row) are arguments and not
computed from the given rows. So a new row is weighted as it would have been in the fit.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from tastebridge._numerics import linalg as _linalg


def with_data(matrix: sparse.csr_matrix, data: np.ndarray) -> sparse.csr_matrix:
    """Return a matrix of the same pattern with other values, float32."""
    return _linalg.with_data(matrix, data.astype(np.float32))


def binary(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return 1 for every pair."""
    return with_data(matrix, np.ones(matrix.nnz))


def log(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return ``log(1 + w)``: the tenth time adds less than the first."""
    return with_data(matrix, np.log1p(matrix.data.astype(np.float64)))


def l2(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return each row divided by its Euclidean length; an empty row stays empty."""
    data = matrix.data.astype(np.float64)
    lengths = np.sqrt(_linalg.row_sums(matrix, data**2))
    lengths[lengths == 0] = 1.0
    return with_data(matrix, data / np.repeat(lengths, np.diff(matrix.indptr)))


def inverse_frequency(matrix: sparse.csr_matrix, n_people: int | None = None) -> np.ndarray:
    """Return ``max(0, log(N / (1 + n_i)))`` per item: N users with any pair, n_i of them with this item.

    N is ``n_people``, or, where that is None, counted in the matrix.
    """
    people = int(np.count_nonzero(np.diff(matrix.indptr))) if n_people is None else n_people
    counts = np.bincount(matrix.indices, minlength=matrix.shape[1])
    return np.maximum(np.log(max(people, 1)) - np.log1p(counts), 0.0)


def mean_length(matrix: sparse.csr_matrix) -> float:
    """Return the mean sum of a row over the users with any pair; 1 if there are none."""
    people = np.count_nonzero(np.diff(matrix.indptr))
    return float(matrix.data.sum(dtype=np.float64) / people) if people else 1.0


def tfidf(matrix: sparse.csr_matrix, idf: np.ndarray) -> sparse.csr_matrix:
    """Return ``sqrt(w) · idf_i`` (Salton and Buckley, 1988), with the square root as in implicit."""
    return with_data(matrix, np.sqrt(matrix.data.astype(np.float64)) * idf[matrix.indices])


def bm25(matrix: sparse.csr_matrix, idf: np.ndarray, length: float, k1: float, b: float) -> sparse.csr_matrix:
    """Return BM25 weights (Robertson and Zaragoza, 2009).

    ``w (k1 + 1) / (w + k1 (1 - b + b · L_u / L)) · idf_i``, ``L_u`` the sum of the row and ``L`` its mean.
    """
    data = matrix.data.astype(np.float64)
    norms = 1.0 - b + b * _linalg.row_sums(matrix, data) / length
    penalty = k1 * np.repeat(norms, np.diff(matrix.indptr))
    return with_data(matrix, data * (k1 + 1.0) / (data + penalty) * idf[matrix.indices])


def item_bias(matrix: sparse.csr_matrix, mean: float, shrink: float) -> np.ndarray:
    """Return ``b_i = Σ_u (r_ui - mean) / (n_i + shrink)``."""
    sums = np.bincount(matrix.indices, matrix.data - mean, minlength=matrix.shape[1])
    return sums / (np.bincount(matrix.indices, minlength=matrix.shape[1]) + shrink)


def user_bias(matrix: sparse.csr_matrix, mean: float, items: np.ndarray, shrink: float) -> np.ndarray:
    """Return ``b_u = Σ_i (r_ui - mean - b_i) / (n_u + shrink)``."""
    rest = matrix.data - mean - items[matrix.indices]
    return _linalg.row_sums(matrix, rest) / (np.diff(matrix.indptr) + shrink)


def center(matrix: sparse.csr_matrix, mean: float, items: np.ndarray, shrink: float) -> sparse.csr_matrix:
    """Return ``r_ui - mean - b_i - b_u``: a rating without the biases of its user and item."""
    people = user_bias(matrix, mean, items, shrink)
    rest = matrix.data - mean - items[matrix.indices] - np.repeat(people, np.diff(matrix.indptr))
    return with_data(matrix, rest)


def decay(times: np.ndarray, now: float, half_life: float) -> np.ndarray:
    """Return ``0.5 ** (age / half_life)`` with the age in days; times after ``now`` have age 0."""
    age = np.maximum(now - times, 0.0) / 86_400.0
    return 0.5 ** (age / half_life)
