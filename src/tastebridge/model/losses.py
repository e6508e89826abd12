"""The losses of a blend over lists of items, with their gradients for L-BFGS."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, minimize
from scipy.special import expit

from tastebridge.exceptions import InvalidDataError

Array = NDArray[np.float64]
_FAR = 30.0
"""The largest absolute coefficient of a fit: a weight of 30 standard deviations, or of 1e-13."""
Bounds = Sequence[tuple[float | None, float | None]]


class Problem:
    """The loss and its gradient, given the features (n_lists, n_features) of each list.

    A ``prior`` of coefficients (n_features, n_routes) adds a penalty of ``strength`` times the squared
    distance to it, and the search starts there.
    """

    def __init__(
        self,
        X: NDArray[np.floating],
        y: Array,
        starts: NDArray[np.int64],
        F: Array,
        loss: str,
        penalty: float,
        focus: float,
        prior: Array | None = None,
        strength: float = 0.0,
        start: Array | None = None,
    ) -> None:
        self.begin = prior if start is None else start
        self.prior, self.strength = prior, 0.0 if prior is None else strength
        self.starts, self.lengths = starts, np.diff(np.append(starts, len(y)))
        self.F, self.penalty, self.focus, self.y = F, penalty, focus, y
        width = self.lengths[0] if (self.lengths == self.lengths[0]).all() else 0
        # lists of one length are mixed by a batched product, in half the memory; others row by row
        self.X = np.asarray(X, dtype=np.float32).reshape(len(starts), width, -1) if width else X
        self.loss = {"listwise": self._listwise, "logistic": self._logistic, "ridge": self._ridge}[loss]
        self.has_intercept = loss != "listwise"
        if loss == "listwise":
            self.y, self.share = _relevance(y, starts, self.lengths)

    def start(self) -> Array:
        """Return the given start, the prior, or equal weights that add up to one."""
        if self.begin is not None:
            return np.append(self.begin.ravel(), 0.0)
        coef = np.zeros((self.F.shape[1], self.X.shape[-1]))
        coef[0] = np.log(np.expm1(1.0 / self.X.shape[-1]))
        return np.append(coef.ravel(), 0.0)

    def solve(self, max_iter: int) -> tuple[Array, float, int]:
        """Return the coefficients, the intercept and the number of steps.

        A very long step can end where the softplus of all coefficients, and the gradient with it, is exactly
        0, so that no weight recovers. The search then starts again within bounds.
        """
        found = self._search(max_iter)
        if np.abs(found.x[:-1]).max(initial=0.0) > _FAR:
            found = self._search(max_iter, [(-_FAR, _FAR)] * (len(found.x) - 1) + [(None, None)])
        return *self.unpack(found.x), int(found.nit)

    def _search(self, max_iter: int, bounds: Bounds | None = None) -> OptimizeResult:
        how = {"maxiter": max_iter, "ftol": 1e-6}
        return minimize(self, self.start(), jac=True, method="L-BFGS-B", bounds=bounds, options=how)

    def unpack(self, theta: Array) -> tuple[Array, float]:
        """Return the coefficients and the intercept."""
        coef = theta[:-1].reshape(self.F.shape[1], self.X.shape[-1])
        return coef, float(theta[-1]) if self.has_intercept else 0.0

    def __call__(self, theta: Array) -> tuple[float, Array]:
        """Return the loss and the gradient."""
        coef, intercept = self.unpack(theta)
        A = self.F @ coef
        value, slope = self.loss(self._mix(np.logaddexp(0.0, A)) + intercept)
        gradient = self.F.T @ (self._gather(slope) * expit(A))
        # row 0 holds the weights at mean gates, which are free; only their change with the gates is not
        gradient[1:] += 2.0 * self.penalty * coef[1:]
        value += self.penalty * float((coef[1:] ** 2).sum())
        if self.prior is not None:
            away = coef - self.prior
            gradient += 2.0 * self.strength * away
            value += self.strength * float((away**2).sum())
        return value, np.append(gradient.ravel(), slope.sum() if self.has_intercept else 0.0)

    def _mix(self, W: Array) -> Array:
        """Return the score of every row under its list's weights (n_lists, n_routes)."""
        if self.X.ndim == 2:
            return np.asarray((self.X * np.repeat(W, self.lengths, axis=0)).sum(axis=1))
        return np.asarray((self.X @ W.astype(np.float32)[:, :, None]).ravel(), dtype=np.float64)

    def _gather(self, slope: Array) -> Array:
        """Return for each list the sum of its rows times their slopes, (n_lists, n_routes)."""
        if self.X.ndim == 2:
            return np.asarray(np.add.reduceat(self.X * slope[:, None], self.starts))
        rows = slope.astype(np.float32).reshape(len(self.starts), 1, -1)
        return np.asarray((rows @ self.X)[:, 0], dtype=np.float64)

    def _listwise(self, s: Array) -> tuple[float, Array]:
        if self.X.ndim == 3:
            return self._listwise_even(s.reshape(self.X.shape[:2]))
        s = s - np.repeat(np.maximum.reduceat(s, self.starts), self.lengths)
        e = np.exp(s)
        total = np.repeat(np.add.reduceat(e, self.starts), self.lengths)
        likelihood = np.add.reduceat(self.y * (s - np.log(total)), self.starts)
        if self.focus == 0.0:
            return -float(likelihood.sum()), self.share * e / total - self.y
        share = self.share[self.starts]
        found = np.exp(self.focus * np.divide(likelihood, share, out=np.zeros_like(share), where=share > 0))
        value = float((share * (1.0 - found)).sum()) / self.focus
        return value, np.repeat(found, self.lengths) * (self.share * e / total - self.y)

    def _listwise_even(self, S: Array) -> tuple[float, Array]:
        """Return the same for lists of one length, one list per row."""
        Y, share = self.y.reshape(S.shape), self.share[self.starts]
        S -= S.max(axis=1, keepdims=True)  # in place: the scores are made anew for every call
        reached = np.einsum("ij,ij->i", Y, S)
        slope = np.exp(S, out=S)
        total = slope.sum(axis=1)
        likelihood = reached - share * np.log(total)
        slope *= (share / total)[:, None]
        slope -= Y
        if self.focus == 0.0:
            return -float(likelihood.sum()), slope.ravel()
        found = np.exp(self.focus * np.divide(likelihood, share, out=np.zeros_like(share), where=share > 0))
        slope *= found[:, None]
        return float((share * (1.0 - found)).sum()) / self.focus, slope.ravel()

    def _logistic(self, s: Array) -> tuple[float, Array]:
        hit = self.y > 0
        return float(np.logaddexp(0.0, np.where(hit, -s, s)).mean()), (expit(s) - hit) / len(s)

    def _ridge(self, s: Array) -> tuple[float, Array]:
        error = s - self.y
        return float((error**2).mean()), 2.0 * error / len(s)


def _relevance(y: Array, starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> tuple[Array, Array]:
    """Return the relevance as a distribution over each list, and each row's share of all lists."""
    positive = np.maximum(y, 0.0)
    total = np.add.reduceat(positive, starts)
    useful = total > 0
    if not useful.any():
        raise InvalidDataError(
            "StackingBlend(loss='listwise') needs a list with an entry of y above 0; there is none. Mark "
            "the items that the user took with 1."
        )
    share = np.repeat(useful / useful.sum(), lengths)
    return share * positive / np.repeat(np.where(useful, total, 1.0), lengths), share
