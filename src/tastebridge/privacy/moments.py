r"""Differentially private moments: clipped rows, exact sums, discrete Gaussian noise."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from tastebridge._foundation.validation import check_choice, check_number
from tastebridge.exceptions import InvalidDataError, InvalidParameterError
from tastebridge.maps.moments import Array, Moments
from tastebridge.privacy.budget import Budget, check_delta, check_epsilon, noise_multiplier_for
from tastebridge.privacy.grid import add_noise, exact_sums, to_grid

PARTS = ("n", "sum_x", "sum_y", "xx", "xy", "yy")
SHARES: Mapping[str, float] = {"n": 0.02, "sum_x": 0.04, "sum_y": 0.04, "xx": 0.35, "xy": 0.45, "yy": 0.1}


class PrivateMoments(BaseEstimator):
    r"""Moments of paired factors under :math:`(\varepsilon, \delta)`-differential privacy.

    With rows clipped to :math:`\|x\| \le C_x, \|y\| \le C_y`, a user adds to each of the six parts
    :math:`1, x/C_x, y/C_y, xx^\top/C_x^2, xy^\top/C_xC_y, yy^\top/C_y^2` something of norm at most 1. Each
    part b gets Gaussian noise of :math:`\sigma/\sqrt{w_b}` in these units, where the shares :math:`w_b` sum
    to 1. Together they cost as much as one Gaussian mechanism of noise multiplier :math:`\sigma`. Of the
    symmetric parts only a triangle is drawn. A part of share 0 is not released; it is taken from
    :meth:`release`'s ``public`` instead.

    Rows are rounded towards zero to a grid and summed as whole numbers. The noise is whole numbers too
    (:mod:`tastebridge.privacy.noise`), from the system's secure source, so that no rounding weakens the
    guarantee. There is no seed: noise that can be drawn again gives no protection. Later use of the result
    costs no privacy, so the covariances are made positive semidefinite here.

    **The guarantee.** Neighbours are data sets that differ by one user, whose row is present or absent.
    For any set of outcomes S, :math:`\Pr[M(D) \in S] \le e^\varepsilon \Pr[M(D') \in S] + \delta`, against
    readers who know everything else, and for any use of the moments. The parameters here, the widths p and q,
    and the models that made the factors are public: choose them without looking at the protected users. Only
    the moments are released.

    **Not covered.** Item factors, whitening, clips or popularity learned from the same users: learn
    them from other users (:class:`tastebridge.PrivateMapper` does). Anything else that is released of
    these users, unless it draws on the same ``budget``. Error messages about bad rows, and the time a
    release takes.

    Parameters
    ----------
    epsilon : float
        Above 0. ``inf`` adds no noise and gives no protection, to measure the cost of noise. It spends a
        whole budget.
    delta : float
        Well below one over the number of users.
    clip : float or (float, float), default=1.0
        :math:`C_x, C_y`, in units of the factors.
    shares : mapping of part to float, optional
        Shares of n, sum_x, sum_y, xx, xy, yy, which are scaled to sum to 1; parts left out get none.
    budget : Budget, optional
        A ledger to draw on, shared by all releases about the same users; None for one of this release alone.

    Raises
    ------
    InvalidParameterError
        If a parameter cannot be used, or a part of share 0 is not public.
    PrivacyBudgetError
        If the budget does not allow the release.
    MissingDependencyError
        If ``dp-accounting`` is not installed.

    References
    ----------
    C. Dwork et al., "Analyze Gauss: optimal bounds for privacy-preserving principal component analysis", STOC
    (2014). Y.-X. Wang, "Revisiting differentially private linear regression", UAI (2018).

    Examples
    --------
    >>> import numpy as np
    >>> from tastebridge.maps import RidgeMap
    >>> from tastebridge.privacy import PrivateMoments
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(20_000, 3))
    >>> Y = X @ [[1.0], [0.0], [2.0]]
    >>> moments = PrivateMoments(epsilon=1.0, delta=1e-6, clip=(3.0, 6.0)).release(X, Y)
    >>> B = RidgeMap(alpha=0.0).fit_moments(moments).coef_
    >>> bool(np.abs(B.ravel() - [1.0, 0.0, 2.0]).max() < 0.3)
    True
    """

    def __init__(
        self,
        epsilon: float,
        delta: float,
        clip: float | tuple[float, float] = 1.0,
        shares: Mapping[str, float] | None = None,
        budget: Budget | None = None,
    ) -> None:
        self.epsilon = epsilon
        self.delta = delta
        self.clip = clip
        self.shares = shares
        self.budget = budget

    def release(self, X: ArrayLike, Y: ArrayLike, public: Moments | None = None) -> Moments:
        """Return the private moments of users' factors ``X`` (n, p) and ``Y`` (n, q).

        Parameters
        ----------
        X, Y : array-like of shape (n, p) and (n, q)
            One row per user, each user once.
        public : Moments, optional
            Moments of other users, which replace the parts without a share, scaled to the released number of
            users.

        Returns
        -------
        Moments
            As any map's ``fit_moments`` takes them.
        """
        check_epsilon(self.epsilon), check_delta(self.delta)
        shares, clips = check_shares(self.shares), check_clips(self.clip)
        X, Y = _rows(X, "X"), _rows(Y, "Y")
        if len(X) != len(Y):
            raise InvalidDataError(
                f"X and Y need one row for each of the same users; got {len(X)} and {len(Y)} rows."
            )
        _check_public(public, shares, (X.shape[1], Y.shape[1]))
        noise = noise_multiplier_for(self.epsilon, self.delta)
        if self.budget is not None:
            self.budget.spend(noise)
        return noisy_moments(X, Y, noise, clips, shares, public)


def noisy_moments(
    X: Array,
    Y: Array,
    noise: float,
    clips: tuple[float, float],
    shares: Mapping[str, float],
    public: Moments | None = None,
) -> Moments:
    """Return moments with noise of multiplier ``noise`` for all parts together; shares sum to 1 at most."""
    sums = exact_sums(to_grid(X, clips[0]), to_grid(Y, clips[1]), shares)
    noisy = {name: add_noise(part, noise, shares[name], name in ("xx", "yy")) for name, part in sums.items()}
    return moments_of(noisy, clips, public)


def check_shares(shares: Mapping[str, float] | None) -> dict[str, float]:
    """Return the share of every part, scaled to sum to 1."""
    given = SHARES if shares is None else shares
    for name in given:
        check_choice("shares", name, PARTS)
    found = {name: check_number(f"shares[{name!r}]", given.get(name, 0.0), 0.0) for name in PARTS}
    total = sum(found.values())
    if not total or not found["n"]:
        raise InvalidParameterError(
            f"shares must give something to n, the number of users, which all maps need; got {dict(given)}."
        )
    return {name: share / total for name, share in found.items()}


def check_clips(clip: float | tuple[float, float]) -> tuple[float, float]:
    """Return the clips of both sides."""
    both = tuple(clip) if isinstance(clip, tuple | list) else (clip, clip)
    if len(both) != 2:
        raise InvalidParameterError(f"clip must be a number or a pair of numbers; got {clip!r}.")
    cx, cy = (check_number("clip", one, 0.0, open_minimum=True) for one in both)
    return cx, cy


def _rows(X: ArrayLike, name: str) -> Array:
    rows = np.asarray(X, dtype=np.float64)
    if rows.ndim != 2 or not rows.shape[1] or not np.isfinite(rows).all():
        raise InvalidDataError(
            f"{name} must be a matrix of finite numbers, one row per user; got shape {rows.shape}"
            + (" with values that are not finite." if rows.ndim == 2 and rows.shape[1] else ".")
        )
    return rows


def _check_public(public: Moments | None, shares: Mapping[str, float], shape: tuple[int, int]) -> None:
    lacking = [name for name, share in shares.items() if not share]
    if lacking and public is None:
        raise InvalidParameterError(
            f"the parts {', '.join(lacking)} have no share, so they are not released. Give them one, or pass "
            "public=, the moments of other users."
        )
    if public is not None and (public.shape != shape or not public.n > 0):
        raise InvalidDataError(
            f"public must hold moments of {shape} factors of some users; it holds {public.shape} of "
            f"{public.n:g} users."
        )


def moments_of(noisy: Mapping[str, Array], clips: tuple[float, float], public: Moments | None) -> Moments:
    """Return the moments in the units of the factors, their covariances positive semidefinite."""
    cx, cy = clips
    units = {"sum_x": cx, "sum_y": cy, "xx": cx * cx, "xy": cx * cy, "yy": cy * cy}
    # Noise may take the number of users below one, by which all means are divided.
    n = max(float(noisy["n"][0]), 1.0)
    parts = {
        name: noisy[name] * unit if name in noisy else getattr(public, name) * (n / getattr(public, "n", 1.0))
        for name, unit in units.items()
    }
    for side in ("x", "y"):
        if side * 2 in noisy:
            # The covariance, not the second moment: noise in the mean must not count as variance of users.
            mean = np.outer(parts[f"sum_{side}"], parts[f"sum_{side}"]) / n
            parts[side * 2] = nearest_psd(parts[side * 2] - mean) + mean
    return Moments(n, **parts)


def nearest_psd(S: Array) -> Array:
    """Return the positive semidefinite matrix nearest to a symmetric one: negative eigenvalues made zero."""
    values, V = np.linalg.eigh((S + S.T) / 2.0)
    return (V * np.maximum(values, 0.0)) @ V.T
