"""Noisy counts shrunk towards expected ones: post-processing of a release costs no privacy."""

from __future__ import annotations

import numpy as np

from tastebridge.maps.moments import Array

_GROUPS, _FEWEST = 3, 50
"""Groups of counts of like expectation, and how many counts a group has at least."""
_STEPS, _ROUNDS = 24, 40
_STILL = 0.9
"""The share of counts that are as expected, to begin with."""
_FAR, _SMALLEST = 5.0, 1e-6
"""How many sigmas a count moves at most, and the noise, as a share of the largest residual, that is none."""


def shrink_towards(noisy: Array, expected: Array, sigma: float) -> Array:
    r"""Return counts (n,) between noisy private ones and expected ones, none below zero.

    A true count differs from the expected one by a residual g of unknown distribution G. The estimate of G is
    the distribution on a grid of values that makes the noisy residuals x most likely,

    .. math:: \max_G \sum_i \log \sum_k G_k\, e^{-(x_i - g_k)^2 / 2\sigma^2},

    found by EM, for thirds of the counts in the order of their expectation. The count then is the expected
    one plus the posterior mean of its residual. Where few counts are far from their expectation, these stay
    nearly as they are, and the others, which are noise, go back. Where noise drowns all, the expected ones
    are left.

    References
    ----------
    W. Jiang and C.-H. Zhang, "General maximum likelihood empirical Bayes estimation of normal means", Annals
    of Statistics 37 (2009).

    Examples
    --------
    >>> import numpy as np
    >>> from tastebridge.privacy.shrinkage import shrink_towards
    >>> expected = np.ones(1000)
    >>> noisy = expected + np.random.default_rng(0).normal(size=1000)
    >>> noisy[7] = 30.0
    >>> found = shrink_towards(noisy, expected, sigma=1.0)
    >>> round(float(found[7])), bool(np.abs(found - 1.0)[8:].mean() < 0.2 * np.abs(noisy - 1.0)[8:].mean())
    (30, True)
    """
    residual = noisy - expected
    if sigma:
        n_groups = int(np.clip(len(noisy) // _FEWEST, 1, _GROUPS))
        for group in np.array_split(np.argsort(expected, kind="stable"), n_groups):
            residual[group] = _posterior_mean(residual[group], sigma)
    return np.maximum(expected + residual, 0.0)


def _posterior_mean(x: Array, sigma: float) -> Array:
    """Return the posterior means of noisy residuals: each between the residual and 0, and not far from it."""
    largest = float(np.abs(x).max(initial=0.0))
    # Noise too small to matter next to the residuals, or to be divided by: nothing is to be taken back.
    if sigma < max(_SMALLEST * largest, 16 * np.finfo(np.float64).tiny):
        return x
    steps = np.geomspace(sigma / 16, max(largest, sigma), _STEPS)
    grid = np.concatenate([-steps[::-1], [0.0], steps])
    # Relative to the best value of each row: far residuals would underflow for every value of the grid.
    fit = -(((x[:, None] - grid) / sigma) ** 2) / 2
    likelihood = np.exp(fit - fit.max(axis=1, keepdims=True))
    weights = np.where(grid == 0.0, _STILL, (1.0 - _STILL) / (2 * _STEPS))
    for _ in range(_ROUNDS):
        posterior = likelihood * weights
        posterior /= posterior.sum(axis=1, keepdims=True)
        weights = posterior.mean(axis=0)
    far = _FAR * sigma  # the steps of the grid are long where residuals are
    mean = np.clip(posterior @ grid, x - far, x + far)
    # Shrinkage only: other counts may pull a residual back, never beyond its own value or past 0.
    return np.clip(mean, np.minimum(x, 0.0), np.maximum(x, 0.0))
