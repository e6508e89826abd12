"""Noisy counts drawn towards public ones: what may be done with a release afterwards costs no privacy."""

from __future__ import annotations

import numpy as np

from tastebridge.moments import Array


def shrink_towards(noisy: Array, public: Array, sigma: float) -> Array:
    r"""Return counts (n,) between noisy private ones and public ones of the same sum, none below zero.

    The prior is that a count differs from the public one, scaled to the same sum, by a residual of Laplace
    distribution with scale :math:`\beta`; the most likely count then is the public one plus the noisy
    residual drawn towards zero by :math:`\sigma^2/\beta`. The residuals' variance, less that of the noise, is
    :math:`2\beta^2`. With little noise the private counts stay as they are; where noise drowns them, the
    public ones are left.

    Examples
    --------
    >>> import numpy as np
    >>> from tastebridge.privacy.shrinkage import shrink_towards
    >>> shrink_towards(np.array([9.0, 1.0, 2.0]), np.array([4.0, 4.0, 4.0]), sigma=0.0).tolist()
    [9.0, 1.0, 2.0]
    >>> shrink_towards(np.array([9.0, 1.0, 2.0]), np.array([4.0, 4.0, 4.0]), sigma=100.0).tolist()
    [4.0, 4.0, 4.0]
    """
    expected = public * max(float(noisy.sum()), 0.0) / max(float(public.sum()), np.finfo(np.float64).tiny)
    residual = noisy - expected
    beta = np.sqrt(max(float(residual.var()) - sigma**2, 0.0) / 2.0)
    step = sigma**2 / beta if beta > 0 else (np.inf if sigma else 0.0)
    return np.maximum(expected + np.sign(residual) * np.maximum(np.abs(residual) - step, 0.0), 0.0)
