"""Bootstrap intervals over users: how sure a mean is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tastebridge._foundation.validation import check_count, check_number
from tastebridge.exceptions import InvalidDataError

_CELLS = 1 << 20
_STEP = 1 << 16
"""Users drawn at once: their values stay in the cache."""
_KEPT = 1 << 22
"""Draws that are kept for the next call: 16 MB."""
_DRAW = 20
"""Drawing the weight of a cell takes about as long as drawing so many users."""
_ROUNDING = 1e-12
Floats = NDArray[np.float64]
Draws = NDArray[np.uint32]


@dataclass(frozen=True)
class Interval:
    """A mean with its confidence interval.

    Examples
    --------
    >>> print(Interval(0.1234, 0.1, 0.15))
    0.123 [0.100, 0.150]
    """

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


def bootstrap_mean(
    values: ArrayLike,
    n_resamples: int = 2000,
    level: float = 0.95,
    random_state: int = 0,
    *,
    people: ArrayLike | None = None,
) -> Interval:
    r"""Return the mean of ``values`` with its percentile bootstrap interval.

    A resample of :math:`n` users is a multinomial draw of weights. If few values are distinct, users of equal
    value are one cell of it, and the cost is ``n_resamples`` times the number of cells. Otherwise users are
    drawn one by one. The order of users does not matter.

    The percentile interval of a mean of mostly zeros is too short, and too low rather than too high.
    Simulated NDCG@10 of users of whom few have a hit was covered in 93 to 95 % of cases with 25 to 100 users
    who have one, 93 % with 10, 88 % with 5 and 85 % with 3.

    Parameters
    ----------
    values : array-like of shape (n,)
        One value per user, or per row if ``people`` is given; NaN is left out.
    n_resamples : int
        How many times users are drawn.
    level : float
        Confidence, between 0 and 1.
    random_state : int
        Seed.
    people : array-like of shape (n,), optional
        Whose row each is. The mean is then over rows, and users are drawn with all their rows:
        :math:`\sum_u w_u s_u/\sum_u w_u n_u`.

    Returns
    -------
    Interval
        Bounds are NaN if there are fewer than two users: one says nothing about others.

    Raises
    ------
    InvalidParameterError, InvalidDataError
        If a parameter is out of range, or the arrays are not of one length.

    References
    ----------
    Efron, Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.

    Examples
    --------
    >>> print(bootstrap_mean([0.0, 1.0, 1.0, 0.0, 1.0, float("nan")]))
    0.600 [0.200, 1.000]
    """
    check_count("n_resamples", n_resamples)
    tail = (1 - check_number("level", level, 0.0, 1.0, open_minimum=True)) / 2
    sums, counts = _per_person(values, people)
    mean = sums.sum() / counts.sum() if len(sums) else np.nan
    if len(sums) < 2:
        return Interval(float(mean), np.nan, np.nan)
    means = _resampled_means(sums[None], counts, n_resamples, random_state)
    low, high = np.quantile(means, [tail, 1 - tail])
    return Interval(float(mean), float(low), float(high))


def paired_difference(
    a: ArrayLike,
    b: ArrayLike,
    n_resamples: int = 2000,
    level: float = 0.95,
    random_state: int = 0,
    *,
    people: ArrayLike | None = None,
) -> Interval:
    """Return the mean of ``a - b`` over the same users, with its interval.

    Parameters as for :func:`bootstrap_mean`. Pairing takes out how hard each user is, so it sees
    differences two separate intervals hide. A user with NaN in either is left out.

    Examples
    --------
    >>> print(paired_difference([0.5, 0.9, 0.3], [0.4, 0.8, 0.2]))
    0.100 [0.100, 0.100]
    """
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.shape != second.shape:
        raise InvalidDataError(
            f"a and b must be of the same users; got shapes {first.shape} and {second.shape}."
        )
    return bootstrap_mean(first - second, n_resamples, level, random_state, people=people)


def simultaneous_differences(
    several: ArrayLike,
    base: ArrayLike,
    n_resamples: int = 2000,
    level: float = 0.95,
    random_state: int = 0,
    *,
    people: ArrayLike | None = None,
) -> list[Interval]:
    r"""Return the differences of several means to one, with simultaneous confidence intervals.

    The best of several differences looks good by being the best. The intervals are
    :math:`\bar d_j \pm q s_j`, with the bootstrap's standard error :math:`s_j` of each mean :math:`\bar d_j`.
    q is the quantile of :math:`\max_j |\bar d_j^* - \bar d_j| / s_j` over resamples of users, the same for
    all.

    Parameters
    ----------
    several : array-like of shape (m, n)
        Values of the same rows by each of m ways, none of them NaN.
    base : array-like of shape (n,)
    n_resamples, level, random_state, people
        As for :func:`bootstrap_mean`.

    Returns
    -------
    list of Interval
        One for each of the m; of width 0 where all users agree.

    References
    ----------
    P. Westfall and S. Young, "Resampling-based multiple testing", 1993, on the maximum of statistics.

    Examples
    --------
    >>> several = [[0.5, 0.9, 0.3], [0.4, 0.8, 0.2]]
    >>> print(*simultaneous_differences(several, [0.4, 0.8, 0.2]))
    0.100 [0.100, 0.100] 0.000 [0.000, 0.000]
    """
    check_count("n_resamples", n_resamples)
    check_number("level", level, 0.0, 1.0, open_minimum=True)
    given = np.asarray(several, dtype=np.float64)
    gaps = given - np.asarray(base, dtype=np.float64)
    parts = [_per_person(gap, people) for gap in gaps]
    sums, counts = np.array([part[0] for part in parts]), parts[0][1]
    means = sums.sum(axis=1) / counts.sum()
    if len(counts) < 2:
        return [Interval(float(mean), np.nan, np.nan) for mean in means]
    drawn = _resampled_means(sums, counts, n_resamples, random_state)
    # Where all users agree the deviation is rounding alone, and the interval has width 0.
    errors = drawn.std(axis=0)
    far = np.divide(np.abs(drawn - means), errors, out=np.zeros_like(drawn), where=errors > _ROUNDING)
    reach = np.quantile(far.max(axis=1), level) * errors
    return [Interval(*map(float, one)) for one in zip(means, means - reach, means + reach, strict=True)]


def _per_person(values: ArrayLike, people: ArrayLike | None) -> tuple[Floats, Floats]:
    """Return each user's sum and number of values that are not NaN."""
    array = np.asarray(values, dtype=np.float64)
    owner = np.arange(array.size) if people is None else np.asarray(people)
    if array.ndim != 1 or owner.shape != array.shape:
        raise InvalidDataError(
            f"values must be one-dimensional, one user each; got shapes {array.shape} and {owner.shape}."
        )
    known = ~np.isnan(array)
    _, place = np.unique(owner[known], return_inverse=True)
    return np.bincount(place, array[known]).astype(np.float64), np.bincount(place).astype(np.float64)


def _resampled_means(sums: Floats, counts: Floats, n_resamples: int, seed: int) -> Floats:
    """Return the means (n_resamples, m) of sums (m, n) over counts (n,), with one draw of users for all m.

    Users are drawn by weights of cells where cells are few, else one by one.
    """
    cells, people = np.unique(np.column_stack([*sums, counts]), axis=0, return_counts=True)
    n = len(counts)
    if len(cells) * _DRAW < n:
        return _by_cell(cells, people, n_resamples, np.random.default_rng(seed))
    *columns, sizes = np.repeat(cells.T, people, axis=1)
    # With one value for each user the divisor never varies.
    each = columns if np.ptp(counts) == 0 else [*columns, sizes]
    # clipping changes no number, and is faster than the check for one that is too large
    parts = [
        [column.take(drawn, mode="clip").sum(axis=1) for column in each]
        for drawn in _draws(n, n_resamples, seed)
    ]
    totals = np.concatenate(parts, axis=1)
    m = len(columns)
    # in C order, in which statistics of columns are summed
    return np.ascontiguousarray((totals[:m] / (totals[m] if len(each) > m else counts.sum())).T)


def _by_cell(cells: Floats, people: NDArray[np.int64], n_resamples: int, rng: np.random.Generator) -> Floats:
    """Return the means (n_resamples, m) of cells (n_cells, m + 1), the last column their numbers of rows."""
    n, rows = int(people.sum()), max(1, _CELLS // len(cells))
    means = np.empty((n_resamples, cells.shape[1] - 1))
    for start in range(0, n_resamples, rows):
        part = means[start : start + rows]
        *totals, number = (rng.multinomial(n, people / n, size=len(part)) @ cells).T
        part[:] = np.column_stack(totals) / np.reshape(number, (-1, 1))
    return means


def _draws(n: int, n_resamples: int, seed: int) -> Iterable[Draws]:
    """Return the places (n_some, n) of the users of resamples, some resamples at a time."""
    if n * n_resamples > _KEPT or not isinstance(seed, int):
        return _drawn(n, n_resamples, seed)
    return _kept_draws(n, n_resamples, seed)


@lru_cache(maxsize=2)
def _kept_draws(n: int, n_resamples: int, seed: int) -> tuple[Draws, ...]:
    """Return the draws, kept: a fit compares the same users in many ways, and draws them alike each time."""
    return tuple(_drawn(n, n_resamples, seed))


def _drawn(n: int, n_resamples: int, seed: int) -> Iterator[Draws]:
    rng, rows = np.random.default_rng(seed), max(1, _STEP // n)
    for start in range(0, n_resamples, rows):
        yield rng.integers(n, size=(min(rows, n_resamples - start), n), dtype=np.uint32)
