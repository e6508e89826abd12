r"""Discrete Gaussian noise: exact integers from the system's secure source.

.. math:: \Pr[Z = z] \propto e^{-z^2 / 2\sigma^2}, \qquad z \in \mathbb Z

Noise made of floating-point numbers can betray the sum it should hide, by the last bits of the result
(Mironov, 2012). Rounding in a sum of floats can break the assumed sensitivity (Casacuberta et al., 2022).
Here sums and noise are integers and every coin is thrown exactly, by arithmetic without rounding. Its Rényi
divergence is at most the Gaussian's of the same variance, so that accounting for the Gaussian holds. One
leak is left: the time of drawing depends on the numbers drawn.

References
----------
C. Canonne, G. Kamath and T. Steinke, "The discrete Gaussian for differential privacy", NeurIPS (2020),
algorithms 1–3, theorem 14 and proposition 5.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from math import isqrt

import numpy as np
from numpy.typing import NDArray

RandomBelow = Callable[[int], int]
"""A source of uniform integers: below n, at least 0."""


def discrete_gaussian(
    variance: int, size: int, random_below: RandomBelow = secrets.randbelow
) -> NDArray[np.int64]:
    r"""Return ``size`` draws with parameter :math:`\sigma^2` = ``variance``, a whole number above 0.

    Examples
    --------
    >>> from tastebridge.privacy.noise import discrete_gaussian
    >>> draws = discrete_gaussian(10**6, 400)
    >>> bool(700 < draws.std() < 1300)
    True
    """
    return np.array([_one(variance, random_below) for _ in range(size)], dtype=np.int64)


def _one(variance: int, below: RandomBelow) -> int:
    """Return one draw: a discrete Laplace of scale t, accepted with the chance that makes it Gaussian."""
    t = isqrt(variance) + 1
    while True:
        y = _laplace(t, below)
        if _coin_exp((abs(y) * t - variance) ** 2, 2 * variance * t * t, below):
            return y


def _laplace(t: int, below: RandomBelow) -> int:
    r"""Return a draw with :math:`\Pr[z] \propto e^{-|z|/t}`."""
    while True:
        u = below(t)
        if not _coin_exp(u, t, below):
            continue
        v = 0
        while _coin_exp(1, 1, below):
            v += 1
        z, negative = u + t * v, below(2)
        # Both signs of 0 are one number; without this, 0 would come twice as often as it should.
        if z or not negative:
            return -z if negative else z


def _coin_exp(a: int, b: int, below: RandomBelow) -> bool:
    r"""Return True with chance :math:`e^{-a/b}`, for :math:`a \ge 0`, :math:`b > 0`."""
    # Only chances of e^-1 and above have the series below; larger exponents are products of these.
    while a > b:
        if not _coin_exp(1, 1, below):
            return False
        a -= b
    k = 1
    while below(b * k) < a:
        k += 1
    return k % 2 == 1
