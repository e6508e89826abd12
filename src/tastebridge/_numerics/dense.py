"""Exact top-k of a matrix of scores; :mod:`tastebridge._numerics.topk` does the same for inner products."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tastebridge._numerics.best import Floats, merge, pack, unpack


def dense_top_k(scores: Floats, k: int) -> tuple[NDArray[np.int32], Floats]:
    """Return the columns and values of the ``k`` largest entries of every row, ties to the lower column.

    Parameters
    ----------
    scores : float32 array of shape (n, m)
        ``-inf`` where an item is closed.
    k : int

    Returns
    -------
    columns, values : arrays of shape (n, min(k, m))
        Best first; -1 and ``-inf`` where a row has fewer open entries.

    Examples
    --------
    >>> columns, values = dense_top_k(np.float32([[1, 3, 3, -np.inf]]), 4)
    >>> columns.tolist(), values.tolist()
    ([[1, 2, 0, -1]], [[3.0, 3.0, 1.0, -inf]])
    """
    n, m = scores.shape
    k = min(k, m)
    # the lowest finite float as the least: -inf marks closed items
    least = np.maximum(np.partition(scores, m - k, axis=1)[:, m - k], np.finfo(np.float32).min)
    rows, columns = np.nonzero(scores >= least[:, None])
    best = np.zeros((n, k), dtype=np.uint64)
    merge(best, rows, pack(scores[rows, columns], columns))
    return unpack(best)
