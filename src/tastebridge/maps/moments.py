"""The additive moments of paired factors: sufficient statistics of every linear map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tastebridge.exceptions import InvalidDataError

Array = NDArray[np.float64]


class CenteredMoments(NamedTuple):
    """Means and centred second moments: ``Sxy = (X - mean_x)' (Y - mean_y)``, as sums, not averages."""

    mean_x: Array
    mean_y: Array
    Sxx: Array
    Sxy: Array
    Syy: Array


@dataclass(frozen=True, eq=False)
class Moments:
    r"""The sums :math:`n, \sum x, \sum y, X^\top X, X^\top Y, Y^\top Y` over users with both factors.

    Every user adds :math:`(1, x, y, xx^\top, xy^\top, yy^\top)`. So ``+`` joins two sets of users, and ``-``
    removes users, both exact up to float64 rounding. These sums are the sufficient statistics of least
    squares, ridge, CCA and Procrustes.

    Attributes
    ----------
    n : float
        Number of users, or the sum of their weights.
    sum_x, sum_y : ndarray of shape (p,), (q,)
        Sums of the source factors and of the target factors.
    xx, xy, yy : ndarray of shape (p, p), (p, q), (q, q)
        Second moments about zero.

    Examples
    --------
    >>> import numpy as np
    >>> from tastebridge.maps.moments import Moments
    >>> X, Y = np.arange(6.0).reshape(3, 2), np.ones((3, 1))
    >>> whole = Moments.from_arrays(X, Y)
    >>> parts = Moments.from_arrays(X[:1], Y[:1]) + Moments.from_arrays(X[1:], Y[1:])
    >>> bool(np.allclose(whole.xx, parts.xx)), (whole - parts).n
    (True, 0.0)
    """

    n: float
    sum_x: Array
    sum_y: Array
    xx: Array
    xy: Array
    yy: Array

    @classmethod
    def zeros(cls, p: int, q: int) -> Moments:
        """Return the moments of no user, for ``p`` source and ``q`` target factors."""
        return cls(0.0, np.zeros(p), np.zeros(q), np.zeros((p, p)), np.zeros((p, q)), np.zeros((q, q)))

    @classmethod
    def from_arrays(cls, X: ArrayLike, Y: ArrayLike, sample_weight: ArrayLike | None = None) -> Moments:
        """Sum over users: ``X`` (n, p) and ``Y`` (n, q), one row per user; weights (n,) count users.

        Raises
        ------
        InvalidDataError
            If the rows of ``X``, ``Y`` and ``sample_weight`` do not pair up, or a weight is negative.
        """
        X, Y = np.asarray(X, dtype=np.float64), np.asarray(Y, dtype=np.float64)
        if X.ndim != 2 or Y.ndim != 2 or len(X) != len(Y):
            raise InvalidDataError(
                f"Moments need X and Y as two matrices with one row per user; got shapes {X.shape} and "
                f"{Y.shape}. Pass the rows of the same users in the same order."
            )
        if sample_weight is None:
            return cls(float(len(X)), X.sum(axis=0), Y.sum(axis=0), X.T @ X, X.T @ Y, Y.T @ Y)
        w = _weights(sample_weight, len(X))
        WX, WY = X * w[:, None], Y * w[:, None]
        return cls(float(w.sum()), WX.sum(axis=0), WY.sum(axis=0), WX.T @ X, WX.T @ Y, WY.T @ Y)

    def __add__(self, other: Moments) -> Moments:
        """Return the moments of both sets of users together."""
        self._check_like(other)
        return Moments(*(mine + theirs for mine, theirs in zip(self._parts(), other._parts(), strict=True)))

    def __sub__(self, other: Moments) -> Moments:
        """Return the moments without the users of ``other``, who must be among these."""
        self._check_like(other)
        if other.n > self.n * (1.0 + 1e-9):  # weights are floats, and their sum rounds
            raise InvalidDataError(
                f"Moments of {other.n:g} users cannot be subtracted from moments of {self.n:g} users: the "
                "count would be negative. Subtract only users who were added before."
            )
        return Moments(*(mine - theirs for mine, theirs in zip(self._parts(), other._parts(), strict=True)))

    @property
    def shape(self) -> tuple[int, int]:
        """The number of source factors and of target factors, ``(p, q)``."""
        return self.xy.shape[0], self.xy.shape[1]

    def centered(self) -> CenteredMoments:
        r"""Return the means and centred moments, :math:`S_{xy} = X^\top Y - n \bar x \bar y^\top`."""
        if self.n <= 0:
            raise InvalidDataError("These moments hold no users, so they have no mean. Add users first.")
        mx, my = self.sum_x / self.n, self.sum_y / self.n
        Sxx, Syy = self.xx - np.outer(self.sum_x, mx), self.yy - np.outer(self.sum_y, my)
        return CenteredMoments(mx, my, Sxx, self.xy - np.outer(self.sum_x, my), Syy)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the six sums by name, for storage; :meth:`from_stored` is the way back."""
        return {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_stored(cls, arrays: Mapping[str, NDArray[Any]]) -> Moments:
        """Return the moments whose :meth:`to_arrays` is ``arrays``, checking that the shapes fit."""
        names = [field.name for field in fields(cls)]
        missing = [name for name in names if name not in arrays]
        if missing:
            raise InvalidDataError(f"Stored moments need the arrays {names}; {missing} are missing.")
        parts = [np.asarray(arrays[name], dtype=np.float64) for name in names]
        # the lengths of the two sums decide the shapes of all others
        shapes = [part.shape for part in parts]
        p, q = parts[1].size, parts[2].size
        if shapes != [(), (p,), (q,), (p, p), (p, q), (q, q)]:
            raise InvalidDataError(f"Stored moments {names} do not fit together; their shapes are {shapes}.")
        return cls(float(parts[0]), *parts[1:])

    def _parts(self) -> tuple[Any, ...]:
        return tuple(getattr(self, field.name) for field in fields(self))

    def _check_like(self, other: Moments) -> None:
        if self.shape != other.shape:
            raise InvalidDataError(
                f"Moments of {self.shape} and {other.shape} (source, target) factors cannot be combined. "
                "Use the same fitted factor models for both."
            )


def _weights(sample_weight: ArrayLike, n: int) -> Array:
    w = np.asarray(sample_weight, dtype=np.float64)
    if w.shape != (n,) or not np.isfinite(w).all() or (w < 0).any():
        raise InvalidDataError(
            f"sample_weight must hold {n} finite weights of at least 0, one per user; got shape {w.shape}. "
            "Pass one weight for each row of X."
        )
    return w
