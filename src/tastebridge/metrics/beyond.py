"""Beyond accuracy: the kind of items that are recommended, whether liked or not.

``recommended`` is an int array of shape (n_users, k), -1 where a list is shorter. ``popularity`` has, for
each item, the number of users who have it in the training data. A user without recommendations has value
NaN.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse, stats

from tastebridge.exceptions import InvalidDataError

Floats = NDArray[np.float64]
Numbers = NDArray[np.integer]


def catalogue_coverage(recommended: Numbers, n_items: int) -> float:
    """Return the share of the ``n_items`` of the catalogue that is recommended to at least one user.

    Examples
    --------
    >>> catalogue_coverage(np.array([[0, 1], [1, -1]]), n_items=4)
    0.5
    """
    _check_numbers(recommended, n_items)
    return len(np.unique(recommended[recommended >= 0])) / n_items


def novelty(recommended: Numbers, popularity: ArrayLike, n_users: int) -> Floats:
    r"""Return each list's mean self-information in bits, :math:`-\log_2(c_i/n)`.

    :math:`c_i` of the :math:`n` users of the training data have item :math:`i`. An item without users counts
    as if it had one, so that the value is finite.

    References
    ----------
    Zhou et al., "Solving the apparent diversity-accuracy dilemma of recommender systems", PNAS 2010.

    Examples
    --------
    >>> novelty(np.array([[0, 1]]), popularity=[8, 2], n_users=8).tolist()
    [1.0]
    """
    counts = np.maximum(np.asarray(popularity, dtype=np.float64), 1)
    return _list_means(recommended, -np.log2(counts / n_users))


def average_popularity(recommended: Numbers, popularity: ArrayLike) -> Floats:
    """Return the mean number of users who have a recommended item (ARP), for each list.

    Examples
    --------
    >>> average_popularity(np.array([[0, 1], [1, -1]]), popularity=[8, 2]).tolist()
    [5.0, 2.0]
    """
    return _list_means(recommended, np.asarray(popularity, dtype=np.float64))


def popularity_bias(recommended: Numbers, popularity: ArrayLike) -> Floats:
    r"""Return each list's mean popularity percentile: 0.5 for random lists, near 1 for best-sellers only.

    The percentile of an item is :math:`(r-\tfrac12)/n`, where :math:`r` is its rank by popularity among the
    :math:`n` items, rising, ties sharing their mean rank.

    References
    ----------
    Abdollahpouri et al., "The unfairness of popularity bias in recommendation", RecSys workshop RMSE 2019.

    Examples
    --------
    >>> popularity_bias(np.array([[0], [1]]), popularity=[8, 2]).tolist()
    [0.75, 0.25]
    """
    ranks = stats.rankdata(popularity)
    return _list_means(recommended, (ranks - 0.5) / max(len(ranks), 1))


def intra_list_diversity(recommended: Numbers, item_vectors: ArrayLike | sparse.csr_matrix) -> Floats:
    r"""Return one minus the mean cosine of the pairs in each list; NaN for lists of fewer than two items.

    ``item_vectors`` (n_items, k) are dense, or a sparse matrix such as the users of each item.

    With unit vectors :math:`v_i` and their sum :math:`s`, the mean over pairs is computed without any pair,
    as :math:`(\|s\|^2-\sum\|v_i\|^2)/(n(n-1))`. A zero vector has cosine 0 with every other.

    References
    ----------
    Ziegler et al., "Improving recommendation lists through topic diversification", WWW 2005.

    Examples
    --------
    >>> intra_list_diversity(np.array([[0, 1], [0, 2]]), [[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]]).tolist()
    [1.0, 0.0]
    """
    units, known = _unit_rows(item_vectors)
    lists = _membership(recommended, units.shape[0])
    # A zero vector has no square to subtract: only unit vectors are counted.
    n, own, sums = np.diff(lists.indptr), lists @ known.astype(np.float64), lists @ units
    squares = sums.multiply(sums) if sparse.issparse(sums) else sums**2
    doubled = np.asarray(squares.sum(axis=1)).ravel() - own
    return 1 - np.divide(doubled, n * (n - 1), out=np.full(len(n), np.nan), where=n > 1)


def _unit_rows(
    vectors: ArrayLike | sparse.csr_matrix,
) -> tuple[Floats | sparse.csr_matrix, NDArray[np.bool_]]:
    """Return the vectors scaled to length 1, and which of them are not zero."""
    if sparse.issparse(vectors):
        rows = sparse.csr_matrix(vectors, dtype=np.float64)
        lengths = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
        scale = np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)
        return sparse.csr_matrix(sparse.diags(scale) @ rows), lengths > 0
    rows = np.asarray(vectors, dtype=np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0), lengths[:, 0] > 0


def _list_means(recommended: Numbers, values: Floats) -> Floats:
    lists = _membership(recommended, len(values))
    n = np.diff(lists.indptr)
    return np.divide(lists @ values, n, out=np.full(len(n), np.nan), where=n > 0)


def _membership(recommended: Numbers, n_items: int) -> sparse.csr_matrix:
    """Return the users × items matrix with 1 for each place of a list."""
    _check_numbers(recommended, n_items)
    filled = recommended >= 0
    indptr = np.concatenate([[0], np.cumsum(filled.sum(axis=1))])
    columns = recommended[filled]
    return sparse.csr_matrix((np.ones(len(columns)), columns, indptr), shape=(len(recommended), n_items))


def _check_numbers(recommended: Numbers, n_items: int) -> None:
    if recommended.ndim != 2 or (recommended.size and recommended.max() >= n_items):
        raise InvalidDataError(
            f"recommended must be a 2-d array of item numbers below {n_items}; "
            f"got shape {recommended.shape}, numbers up to {recommended.max(initial=-1)}."
        )
