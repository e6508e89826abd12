"""Folds of users."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tastebridge._foundation.nouns import with_article
from tastebridge._foundation.validation import check_count
from tastebridge.exceptions import InvalidDataError, InvalidParameterError

Numbers = NDArray[np.int64]


def k_fold_users(
    users: ArrayLike, n_folds: int = 5, random_state: int = 0, *, counts: ArrayLike | None = None
) -> list[Numbers]:
    """Split users into folds of equal size, stratified by the lengths of their histories if given.

    Parameters
    ----------
    users : int array-like of shape (n_users,)
        Numbers of linked users, in any order.
    n_folds : int
        At least 2.
    random_state : int
        Seed.
    counts : array-like of shape (n_users,), optional
        The length of each history: of every ``n_folds`` users with similar lengths, each fold gets one.

    Returns
    -------
    list of int arrays
        ``n_folds`` of them, each ascending; together every user once.

    Raises
    ------
    InvalidDataError
        If there are fewer users than folds, a user occurs twice, or users are no whole numbers.
    InvalidParameterError
        If ``counts`` is not one number per user.

    Examples
    --------
    >>> [fold.tolist() for fold in k_fold_users([4, 1, 8, 5], n_folds=2, counts=[9, 1, 9, 1])]
    [[1, 8], [4, 5]]
    """
    numbers = _numbers(users)
    check_count("n_folds", n_folds, minimum=2)
    if len(numbers) < n_folds or len(np.unique(numbers)) < len(numbers):
        raise InvalidDataError(
            f"k_fold_users needs at least n_folds={n_folds} users, each once; got {len(numbers)}, "
            f"of which {len(np.unique(numbers))} differ. Lower n_folds."
        )
    lengths = np.zeros(len(numbers)) if counts is None else _lengths(counts, len(numbers))
    rng = np.random.default_rng(random_state)
    chance = np.empty(len(numbers))
    # Each user gets the same number in whatever order users are given.
    chance[np.argsort(numbers)] = rng.random(len(numbers))
    dealt = numbers[np.lexsort((chance, -lengths))]
    fold = np.arange(-(-len(numbers) // n_folds) * n_folds).reshape(-1, n_folds) % n_folds
    # One fold of each in every block of n_folds users, so that the longest do not all go to the first
    # fold.
    fold = rng.permuted(fold, axis=1).ravel()[: len(numbers)]
    return [np.sort(dealt[fold == number]) for number in range(n_folds)]


def _numbers(users: ArrayLike) -> Numbers:
    """Return the numbers of users; ids as text, fractions and panels are refused."""
    # numpy would ask a panel for its users one by one
    given = None if isinstance(users, str) or hasattr(users, "interactions") else np.asarray(users)
    if given is None or given.ndim != 1 or (len(given) and given.dtype.kind not in "iu"):
        came = with_article(users) if given is None else f"{given.dtype} of shape {given.shape}"
        raise InvalidDataError(
            f"k_fold_users takes a list of numbers of users; got {came}. Pass panel.users.numbers(ids), such "
            "as of panel.users_with('books', 'films')."
        )
    return given.astype(np.int64)


def _lengths(counts: ArrayLike, n: int) -> NDArray[np.float64]:
    """Return the lengths of histories, one per user."""
    given = np.asarray(counts)
    if given.shape != (n,) or given.dtype.kind not in "iuf" or not np.isfinite(given).all():
        raise InvalidParameterError(
            f"counts must be one finite number for each of {n} users; got {given.dtype} of shape "
            f"{given.shape}. Give the number of events of each, in the order of users."
        )
    return given.astype(np.float64)
