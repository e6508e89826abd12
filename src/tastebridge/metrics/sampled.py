"""Metrics of the sampled protocol: the rank of a held-out item among some others."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tastebridge.exceptions import InvalidDataError

Floats = NDArray[np.float64]


def sampled_ranks(positive: ArrayLike, negatives: ArrayLike) -> Floats:
    r"""Return the rank of each positive among its negatives, ties counted half.

    .. math:: r = 1 + \#\{n: s_n > s_p\} + \tfrac12 \#\{n: s_n = s_p\}

    A model with equal scores for all items therefore gets the middle rank, not the first.

    Parameters
    ----------
    positive : array-like of shape (n_rows,)
        Scores of the held-out items; ``-inf`` for an item the model cannot know.
    negatives : array-like of shape (n_rows, n_negatives)
        Scores of the negatives; NaN if a row has fewer.

    Returns
    -------
    float array of shape (n_rows,)
        From 1 to n_negatives + 1.

    Raises
    ------
    InvalidDataError
        If the rows do not match or a positive is NaN.

    References ---------- Krichene, Rendle, "On sampled metrics for item recommendation", KDD 2020: why the
    full ranking comes first.

    Examples
    --------
    >>> sampled_ranks([2.0, 1.0], [[3.0, 1.0], [1.0, 1.0]]).tolist()
    [2.0, 2.0]
    """
    positive, negatives = np.asarray(positive), np.asarray(negatives)
    if positive.ndim != 1 or negatives.ndim != 2 or len(positive) != len(negatives):
        raise InvalidDataError(
            "sampled_ranks needs a positive score for each row of negatives; "
            f"got shapes {positive.shape} and {negatives.shape}."
        )
    if np.isnan(positive).any():
        row = int(np.argmax(np.isnan(positive)))
        raise InvalidDataError(
            f"positive score of row {row} is NaN; give -inf for an item the model cannot know."
        )
    # Comparisons with NaN are False: a missing negative stands above nothing.
    above = (negatives > positive[:, None]).sum(axis=1)
    return 1 + above + (negatives == positive[:, None]).sum(axis=1) / 2


def rank_hit_rate(ranks: Floats, k: int = 10) -> Floats:
    """Return 1 for each rank of at most ``k``.

    Examples
    --------
    >>> rank_hit_rate(np.array([1.0, 10.5])).tolist()
    [1.0, 0.0]
    """
    return (ranks <= k).astype(np.float64)


def rank_ndcg(ranks: Floats, k: int = 10) -> Floats:
    r"""Return :math:`1/\log_2(1+r)` for each rank :math:`r\le k`, else 0: the ideal gain is 1.

    Examples
    --------
    >>> rank_ndcg(np.array([1.0, 3.0, 11.0])).tolist()
    [1.0, 0.5, 0.0]
    """
    return np.where(ranks <= k, 1 / np.log2(1 + ranks), 0.0)


def rank_mrr(ranks: Floats, k: float = np.inf) -> Floats:
    """Return the reciprocal of each rank; 0 beyond ``k`` if one is given.

    Examples
    --------
    >>> rank_mrr(np.array([2.0, 50.0])).tolist()
    [0.5, 0.02]
    """
    return np.where(ranks <= k, 1 / ranks, 0.0)
