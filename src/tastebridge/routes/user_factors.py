"""The factors of users by one model, each computed when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from tastebridge.routes.fitted import Array

Numbers = NDArray[np.int64]


class UserFactors:
    """The factors (n_users, k) of users, kept once computed.

    A fold needs the factors of its held-out users, and a map those of the linked users. The factors of a user
    do not depend on other users, so the rest is left out.

    Parameters
    ----------
    n_users : int
    compute : callable
        Returns the factors (n, k) of some users, by their ascending numbers (n,); n may be 0.

    Examples
    --------
    >>> factors = UserFactors(4, lambda users: print(users) or np.outer(users, [1.0, 10.0]))
    >>> factors.of(np.array([2, 1])).tolist()
    [1 2]
    [[2.0, 20.0], [1.0, 10.0]]
    >>> factors.of(np.array([2, 3])).tolist()
    [3]
    [[2.0, 20.0], [3.0, 30.0]]
    """

    def __init__(self, n_users: int, compute: Callable[[Numbers], Array]) -> None:
        self._compute = compute
        self._known = np.zeros(n_users, dtype=bool)
        self._factors: Array | None = None
        self._lock = Lock()

    def of(self, users: Numbers) -> Array:
        """Return the factors (n, k) of some users, by their numbers (n,)."""
        with self._lock:
            asked = np.zeros(len(self._known), dtype=bool)
            asked[users] = True
            new = np.flatnonzero(asked & ~self._known)
            if len(new):
                found = self._compute(new)
                if self._factors is None:
                    self._factors = np.empty((len(self._known), found.shape[1]), dtype=found.dtype)
                self._factors[new] = found
                self._known[new] = True
            return self._compute(new) if self._factors is None else self._factors[users]
