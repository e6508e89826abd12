r"""Ranking metrics: how well a list of recommendations meets the held-out items.

All take the same three things and return one value per user:

recommended : int array of shape (n_users, any width)
    Item numbers, best first; -1 where there is none. A list shorter than ``k`` is a list that ends early.
relevant : csr matrix of shape (n_users, n_items)
    Every stored entry is a held-out item, all of equal worth.
k : int
    The cut-off: only the first ``k`` places count.

The value is NaN for a user with nothing held out: there is nothing to measure. In the formulas :math:`h_i` is
1 if place :math:`i` holds a relevant item and :math:`R` is the number of relevant items. Lists must not
repeat an item. Every function raises :class:`~tastebridge.exceptions.InvalidDataError` for arrays that do not
fit together. Definitions follow trec_eval: Järvelin, Kekäläinen, "Cumulated gain-based evaluation of IR
techniques", TOIS 2002; Buckley, Voorhees, "Retrieval system evaluation", 2005.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge._foundation.validation import check_count
from tastebridge.exceptions import InvalidDataError

Floats = NDArray[np.float64]
Numbers = NDArray[np.integer]


def hit_rate(recommended: Numbers, relevant: sparse.csr_matrix, k: int = 10) -> Floats:
    r"""Return 1 for each user with a relevant item in the first ``k`` positions: :math:`\max_{i\le k} h_i`.

    Examples
    --------
    >>> hit_rate(np.array([[2, 0], [1, 0]]), sparse.csr_matrix([[1, 1, 0], [0, 0, 1]]), k=2).tolist()
    [1.0, 0.0]
    """
    hits, n_relevant = _hits(recommended, relevant, k)
    return _where_any(hits.max(axis=1, initial=False), n_relevant)


def recall(recommended: Numbers, relevant: sparse.csr_matrix, k: int = 10) -> Floats:
    r"""Return the share of the relevant items found: :math:`\frac1R\sum_{i\le k} h_i`.

    Examples
    --------
    >>> recall(np.array([[2, 0]]), sparse.csr_matrix([[1, 1, 0]]), k=2).tolist()
    [0.5]
    """
    hits, n_relevant = _hits(recommended, relevant, k)
    return _where_any(hits.sum(axis=1) / np.maximum(n_relevant, 1), n_relevant)


def precision(recommended: Numbers, relevant: sparse.csr_matrix, k: int = 10) -> Floats:
    r"""Return the share of the ``k`` positions with a relevant item: :math:`\frac1k\sum_{i\le k} h_i`.

    The divisor is always ``k``, so shorter lists are penalised.

    Examples
    --------
    >>> precision(np.array([[1, -1]]), sparse.csr_matrix([[0, 1, 0]]), k=4).tolist()
    [0.25]
    """
    hits, n_relevant = _hits(recommended, relevant, k)
    return _where_any(hits.sum(axis=1) / k, n_relevant)


def ndcg(recommended: Numbers, relevant: sparse.csr_matrix, k: int = 10) -> Floats:
    r"""Return the discounted cumulated gain over the gain of the best possible list.

    .. math:: \sum_{i\le k} \frac{h_i}{\log_2(i+1)} \Big/ \sum_{i\le\min(k,R)} \frac1{\log_2(i+1)}

    Examples
    --------
    >>> ndcg(np.array([[2, 0]]), sparse.csr_matrix([[1, 0, 0]]), k=2).round(3).tolist()
    [0.631]
    """
    hits, n_relevant = _hits(recommended, relevant, k)
    discounts = 1 / np.log2(np.arange(2, k + 2))
    # The 1.0 serves users without relevant items, whose value becomes NaN: nothing is divided by 0.
    ideal = np.concatenate([[1.0], np.cumsum(discounts)])[np.minimum(n_relevant, k)]
    gains = np.pad(hits * discounts[: hits.shape[1]], ((0, 0), (1, 0)))
    return _where_any(
        gains.cumsum(axis=1)[:, -1] / ideal, n_relevant
    )  # summed as the ideal is: never above 1


def mrr(recommended: Numbers, relevant: sparse.csr_matrix, k: int = 10) -> Floats:
    r"""Return the reciprocal rank of the first relevant item, 0 if none: :math:`\max_{i\le k} h_i / i`.

    Examples
    --------
    >>> mrr(np.array([[2, 0]]), sparse.csr_matrix([[1, 0, 0]]), k=2).tolist()
    [0.5]
    """
    hits, n_relevant = _hits(recommended, relevant, k)
    return _where_any((hits / np.arange(1, hits.shape[1] + 1)).max(axis=1, initial=0.0), n_relevant)


def average_precision(recommended: Numbers, relevant: sparse.csr_matrix, k: int = 10) -> Floats:
    r"""Return the mean of the precision at each relevant item; items that are not found count 0.

    .. math:: \frac1R \sum_{i\le k} h_i \cdot \frac1i \sum_{j\le i} h_j

    Examples
    --------
    >>> average_precision(np.array([[2, 0]]), sparse.csr_matrix([[1, 1, 0]]), k=2).tolist()
    [0.25]
    """
    hits, n_relevant = _hits(recommended, relevant, k)
    precisions = hits.cumsum(axis=1) / np.arange(1, hits.shape[1] + 1)
    return _where_any((hits * precisions).sum(axis=1) / np.maximum(n_relevant, 1), n_relevant)


def _hits(recommended: Numbers, relevant: sparse.csr_matrix, k: int) -> tuple[NDArray[np.bool_], Numbers]:
    """Return which of the first ``k`` places hold a relevant item, and the number relevant of each user."""
    top = _check_lists(recommended, relevant)[:, : check_count("k", k)]
    relevant = sparse.csr_matrix(relevant, copy=False)
    n_users, n_items = relevant.shape
    counts = np.diff(relevant.indptr)
    pairs = np.repeat(np.arange(n_users), counts) * n_items + relevant.indices
    # One number per pair of user and item; -1 would be the last item of the user before.
    hits = np.isin(np.arange(n_users)[:, None] * n_items + top, pairs) & (top >= 0)
    return hits, counts


def _check_lists(recommended: Numbers, relevant: sparse.csr_matrix) -> Numbers:
    top = np.asarray(recommended)
    if top.ndim != 2 or not np.issubdtype(top.dtype, np.integer):
        raise InvalidDataError(
            f"recommended must be a 2-d integer array; got {top.dtype} of shape {top.shape}."
        )
    if len(top) != relevant.shape[0]:
        raise InvalidDataError(
            f"recommended has {len(top)} users and relevant {relevant.shape[0]}; give both the same users."
        )
    if top.size and (top.min() < -1 or top.max() >= relevant.shape[1]):
        raise InvalidDataError(
            f"recommended must hold item numbers from 0 to {relevant.shape[1] - 1}, or -1 for none; "
            f"got {top.min()} to {top.max()}."
        )
    ordered = np.sort(top, axis=1)
    twice = (ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)
    if twice.any():
        raise InvalidDataError(
            f"recommended repeats an item in row {np.argmax(twice.any(axis=1))}; each item may come once."
        )
    return top


def _where_any(values: NDArray, n_relevant: Numbers) -> Floats:
    """Return ``values`` as floats, NaN for users without relevant items."""
    return np.where(n_relevant > 0, values, np.nan)
