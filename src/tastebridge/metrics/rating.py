"""Rating metrics: how far predicted ratings are from the given ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tastebridge.exceptions import InvalidDataError

Floats = NDArray[np.float64]


def rmse(actual: ArrayLike, predicted: ArrayLike) -> float:
    r"""Return the root of the mean squared error over all rows: :math:`\sqrt{\frac1n\sum(\hat y-y)^2}`.

    Examples
    --------
    >>> rmse([1.0, 5.0], [4.0, 1.0])
    3.5355339059327378
    """
    return float(np.sqrt(np.mean(_errors(actual, predicted) ** 2)))


def mae(actual: ArrayLike, predicted: ArrayLike) -> float:
    r"""Return the mean absolute error over all rows: :math:`\frac1n\sum|\hat y-y|`.

    Examples
    --------
    >>> mae([1.0, 5.0], [4.0, 1.0])
    3.5
    """
    return float(np.mean(np.abs(_errors(actual, predicted))))


def user_rmse(actual: ArrayLike, predicted: ArrayLike, users: ArrayLike, n_users: int) -> Floats:
    """Return each user's :func:`rmse`; NaN for a user without rows.

    Parameters
    ----------
    actual, predicted : array-like of shape (n_rows,)
        Ratings given and predicted.
    users : int array-like of shape (n_rows,)
        The user number of each row.
    n_users : int
        The length of the result.

    Examples
    --------
    >>> user_rmse([1.0, 5.0, 2.0], [4.0, 1.0, 2.0], users=[0, 0, 2], n_users=3).round(2).tolist()
    [3.54, nan, 0.0]
    """
    return np.sqrt(_user_means(_errors(actual, predicted) ** 2, users, n_users))


def user_mae(actual: ArrayLike, predicted: ArrayLike, users: ArrayLike, n_users: int) -> Floats:
    """Return each user's :func:`mae`; parameters as for :func:`user_rmse`.

    Examples
    --------
    >>> user_mae([1.0, 5.0, 2.0], [4.0, 1.0, 2.0], users=[0, 0, 2], n_users=3).tolist()
    [3.5, nan, 0.0]
    """
    return _user_means(np.abs(_errors(actual, predicted)), users, n_users)


def _errors(actual: ArrayLike, predicted: ArrayLike) -> Floats:
    given, guessed = np.asarray(actual, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    if given.ndim != 1 or given.shape != guessed.shape or not len(given):
        raise InvalidDataError(
            "actual and predicted must be one-dimensional, of one length above 0; "
            f"got shapes {given.shape} and {guessed.shape}."
        )
    for name, values in (("actual", given), ("predicted", guessed)):
        if not np.isfinite(values).all():
            raise InvalidDataError(
                f"{name} must be finite; row {int(np.argmin(np.isfinite(values)))} is not."
            )
    return guessed - given


def _user_means(values: Floats, users: ArrayLike, n_users: int) -> Floats:
    rows = np.asarray(users)
    if rows.shape != values.shape or rows.min() < 0 or rows.max() >= n_users:
        raise InvalidDataError(
            f"users must hold a number from 0 to {n_users - 1} for each of {len(values)} rows; got {users!r}."
        )
    sums, counts = np.bincount(rows, values, n_users), np.bincount(rows, minlength=n_users)
    # NaN, not 0: a user without rows must not count as predicted without error.
    return np.divide(sums, counts, out=np.full(n_users, np.nan), where=counts > 0)
