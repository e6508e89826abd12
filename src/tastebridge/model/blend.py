"""The blend: stacking regression over route scores, with weights that may depend on the user."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_array, validate_data

from tastebridge._foundation.validation import check_choice, check_count, check_fitted, check_number
from tastebridge._numerics.linalg import row_products
from tastebridge._numerics.scaling import deviations, deviations_alone, seen_range, varies
from tastebridge.exceptions import InvalidDataError
from tastebridge.model.losses import Problem

Array = NDArray[np.float64]
_PRIOR_LISTS = 3.0
"""The number of lists a prior counts as; 1 to 10 are as good."""
_SMALLEST = 1e-12  # a weight of 0 has no finite coefficient


class StackingBlend(RegressorMixin, BaseEstimator):
    r"""Non-negative weights of routes, learned from out-of-fold scores and gated by meta-features of users.

    .. math:: s = \sum_r w_r(g)\, x_r / \sigma_r, \qquad w_r(g) = \log(1 + e^{a_r + b_r^\top g})

    where :math:`x_r` is the score of route r and :math:`\sigma_r` its standard deviation. The gates g are
    meta-features of the user, clipped to the range of the lists and standardised. For one user the score is
    linear in the routes. The parameters minimise one of these losses over lists of one user's items, plus
    :math:`\lambda \lVert b \rVert^2`:

    - ``"listwise"``: :math:`(1 - p^q) / q` where q is ``focus``, and p is the geometric mean
      :math:`p = \exp(\sum_i y_i \log \mathrm{softmax}(s)_i / \sum_i y_i)` of the softmax over relevant items.
      For q towards 0 it is the cross-entropy (ListNet). A higher q gives less weight to items that no route
      ranks near the top (generalised cross-entropy);
    - ``"logistic"``: the pointwise logistic loss of :math:`s + c`, :math:`y > 0` against the rest;
    - ``"ridge"``: the squared error of :math:`s + c`.

    Solved by L-BFGS from equal weights.

    Parameters
    ----------
    loss : {"listwise", "logistic", "ridge"}, default="listwise"
    focus : float, default=0.5
        The power q of the listwise loss, from 0 to 1.
    gate_penalty : float, default=0.01
        The penalty :math:`\lambda`, at least 0.
    max_iter : int, default=100
        The largest number of L-BFGS steps.

    Attributes
    ----------
    scale_ : ndarray of shape (n_routes,)
        :math:`\sigma`; 1 for a route that is constant, or that varies less than a millionth of the route
        that varies most. Such scores are rounding, as of a full-rank filter, which is 0 outside the history.
    coef_ : ndarray of shape (1 + n_gates, n_routes)
        Rows a and b.
    gate_mean_, gate_scale_ : ndarray of shape (n_gates,)
    gate_low_, gate_high_ : ndarray of shape (n_gates,)
        The range of each gate over the lists, without the fiftieth at either end. Gates are clipped to it, as
        no list shows the right weights beyond. A gate that is the same in all lists does not change the
        weights. Infinite for weights that were not learned, and in models saved by version 0.1.
    intercept_ : float
        c; 0 for the listwise loss, which does not depend on it.
    n_features_in_, n_iter_ : int

    Raises
    ------
    InvalidParameterError
        If a parameter is out of range.
    InvalidDataError
        If no list has an entry to find, or groups or gates do not pair up with the rows.

    References
    ----------
    D. H. Wolpert, "Stacked generalization", Neural Networks 5 (1992). L. Breiman, "Stacked regressions",
    Machine Learning 24 (1996). Z. Cao et al., "Learning to rank: from pairwise approach to listwise
    approach", ICML (2007). Z. Zhang and M. Sabuncu, "Generalized cross entropy loss for training deep neural
    networks with noisy labels", NeurIPS (2018).

    Examples
    --------
    >>> import numpy as np
    >>> from tastebridge.model.blend import StackingBlend
    >>> rng = np.random.default_rng(0)
    >>> X, lists = rng.normal(size=(600, 2)), np.repeat(np.arange(60), 10)
    >>> y = np.zeros(600)
    >>> y[[10 * i + int(X[10 * i : 10 * i + 10, 0].argmax()) for i in range(60)]] = 1.0
    >>> weights = StackingBlend().fit(X, y, groups=lists).weights()
    >>> bool(weights[0] > 10 * weights[1])
    True
    """

    scale_: Array
    coef_: Array
    gate_mean_: Array
    gate_scale_: Array
    gate_low_: Array
    gate_high_: Array
    intercept_: float

    def __init__(
        self,
        loss: str = "listwise",
        focus: float = 0.5,
        gate_penalty: float = 0.01,
        max_iter: int = 100,
    ) -> None:
        self.loss = loss
        self.focus = focus
        self.gate_penalty = gate_penalty
        self.max_iter = max_iter

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        groups: ArrayLike | None = None,
        gates: ArrayLike | None = None,
        prior: Array | None = None,
        start: Array | None = None,
    ) -> Self:
        """Learn the weights.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_routes)
            Route scores of items, a list's rows one after the other.
        y : array-like of shape (n_rows,)
            Relevance.
        groups : array-like of shape (n_rows,), optional
            The list of each row; by default all rows are one list.
        gates : array-like of shape (n_rows, n_gates), optional
            Meta-features of the user, the same in all rows of a list.
        prior : ndarray of shape (1 + n_gates, n_routes), optional
            The ``coef_`` of a similar blend. The weights stay near it, and nearer with fewer lists.
        start : ndarray of shape (1 + n_gates, n_routes), optional
            The coefficients the search starts from, such as those of a blend on nearly the same lists; by
            default those of equal weights, or the prior.
        """
        self.check()
        rows, targets = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        X, y = np.asarray(rows, dtype=np.float64), np.asarray(targets, dtype=np.float64)
        starts = _starts(groups, len(y))
        features = self._read_gates(_gates(gates, len(y)), starts)
        self.scale_ = _scale(deviations(X))
        return self._learn(X / self.scale_, y, starts, features, prior, start)

    def fit_lists(
        self, X: NDArray[np.floating], gates: Array, prior: Array | None = None, start: Array | None = None
    ) -> Self:
        """Learn the weights from lists of one length, the first entry of each the one to find.

        The same as :meth:`fit`, bit by bit, without checks and without copies of all scores in float64.

        Parameters
        ----------
        X : float32 array of shape (n_lists, length, n_routes)
        gates : ndarray of shape (n_lists, n_gates)
        prior, start : ndarray of shape (1 + n_gates, n_routes), optional
            As for :meth:`fit`.
        """
        self.check()
        n_lists, length, self.n_features_in_ = X.shape
        starts = np.arange(n_lists) * length
        y = np.zeros(n_lists * length)
        y[starts] = 1.0
        features = self._read_gates(np.repeat(gates, length, axis=0), starts)
        # column by column, in float64 and rounded once: what is at hand stays in the cache
        columns = X.reshape(-1, X.shape[2])
        self.scale_ = _scale(deviations_alone(columns))
        scaled = np.empty(columns.shape, dtype=np.float32, order="F")
        for at, scale in enumerate(self.scale_):
            np.divide(columns[:, at], scale, out=scaled[:, at], dtype=np.float64, casting="same_kind")
        return self._learn(scaled, y, starts, features, prior, start)

    def _read_gates(self, G: Array, starts: NDArray[np.int64]) -> Array:
        """Learn the range, mean and scale of gates (n_rows, n_gates); return the features of each list."""
        # by list, not by row: a long list is still one user
        self.gate_low_, self.gate_high_ = seen_range(G[starts])
        G = np.clip(G, self.gate_low_, self.gate_high_)
        spread = deviations(G)
        self.gate_mean_, self.gate_scale_ = G.mean(axis=0), np.where(spread > 0, spread, 1.0)
        # a constant gate is exactly 0, and not its rounding
        return np.column_stack([np.ones(len(starts)), self._standard(G[starts]) * (spread > 0)])

    def _learn(
        self,
        X: NDArray[np.floating],
        y: Array,
        starts: NDArray[np.int64],
        features: Array,
        prior: Array | None,
        start: Array | None,
    ) -> Self:
        """Learn the coefficients from scaled scores (n_rows, n_routes) and the features of each list."""
        problem = Problem(
            X,
            y,
            starts,
            features,
            self.loss,
            self.gate_penalty,
            self.focus,
            prior,
            _PRIOR_LISTS / len(starts),  # the loss is a mean over lists
            start,
        )
        self.coef_, self.intercept_, self.n_iter_ = problem.solve(self.max_iter)
        return self

    def check(self) -> None:
        """Refuse parameters that cannot be used."""
        check_choice("loss", self.loss, ("listwise", "logistic", "ridge"))
        check_number("focus", self.focus, 0.0, 1.0)
        check_number("gate_penalty", self.gate_penalty, 0.0)
        check_count("max_iter", self.max_iter)

    @classmethod
    def equal(cls, n_routes: int, n_gates: int) -> StackingBlend:
        """Return a blend that gives every route weight 1, as if fitted."""
        blend = cls()
        blend.scale_, blend.coef_ = np.ones(n_routes), np.zeros((1 + n_gates, n_routes))
        blend.coef_[0] = np.log(np.expm1(1.0))  # the softplus of this is 1
        blend.gate_mean_, blend.gate_scale_ = np.zeros(n_gates), np.ones(n_gates)
        blend.gate_low_, blend.gate_high_ = np.full(n_gates, -np.inf), np.full(n_gates, np.inf)
        blend.intercept_, blend.n_features_in_, blend.n_iter_ = 0.0, n_routes, 0
        return blend

    def only(self, routes: NDArray[np.bool_]) -> StackingBlend:
        """Return this fitted blend with some of its routes only."""
        blend = StackingBlend(**self.get_params())
        # learned attributes are shared and then replaced: nothing writes into their arrays
        blend.__dict__.update(self.__dict__)
        blend.scale_, blend.coef_ = self.scale_[routes], self.coef_[:, routes]
        blend.n_features_in_ = int(routes.sum())
        return blend

    def among(self, routes: NDArray[np.bool_]) -> StackingBlend:
        """Return this fitted blend with further, unused routes in between; ``only`` undoes it."""
        blend = StackingBlend(**self.get_params())
        blend.__dict__.update(self.__dict__)
        blend.scale_, blend.coef_ = np.ones(len(routes)), np.zeros((len(self.coef_), len(routes)))
        blend.scale_[routes], blend.coef_[:, routes] = self.scale_, self.coef_
        blend.n_features_in_ = len(routes)
        return blend

    def scaled(self, factor: float) -> StackingBlend:
        """Return this fitted blend with all weights multiplied by a number above 0."""
        blend = self.only(np.ones(self.n_features_in_, dtype=bool))
        blend.scale_ = self.scale_ / factor  # weights are divided by the scale, at any gates
        return blend

    def extended(self, weights: Array) -> StackingBlend:
        """Return this fitted blend with more routes, whose weights (n_more,) are the same for all users."""
        blend = self.only(np.ones(self.n_features_in_, dtype=bool))
        w = np.maximum(weights, _SMALLEST)
        more = np.zeros((len(self.coef_), len(w)))
        more[0] = w + np.log(-np.expm1(-w))  # the inverse of the softplus, without overflow for a large w
        blend.scale_ = np.append(self.scale_, np.ones(len(w)))
        blend.coef_ = np.concatenate([self.coef_, more], axis=1)
        blend.n_features_in_ += len(w)
        return blend

    def weights(self, gates: ArrayLike | None = None) -> Array:
        """Return the weights of raw route scores: (n, n_routes), or (n_routes,) at mean gates.

        A row of gates has the same weights, bit by bit, whatever other rows there are.
        """
        check_fitted(self, "coef_")
        if gates is None:
            return np.asarray(np.logaddexp(0.0, self.coef_[0]) / self.scale_, dtype=np.float64)
        G = self._standard(self.seen(np.asarray(gates, dtype=np.float64)))
        W = np.logaddexp(0.0, self.coef_[0] + row_products(G, self.coef_[1:])) / self.scale_
        return np.asarray(W, dtype=np.float64)

    def seen(self, gates: Array) -> Array:
        """Return gates (n, n_gates) clipped to the range of the lists the weights were learned from."""
        return np.clip(gates, self.gate_low_, self.gate_high_)

    def _standard(self, G: Array) -> Array:
        return np.asarray((G - self.gate_mean_) / self.gate_scale_)

    def predict(self, X: ArrayLike, gates: ArrayLike | None = None) -> Array:
        """Return the blended score of every row."""
        check_fitted(self, "coef_")
        X = np.asarray(validate_data(self, X, dtype=np.float64, reset=False), dtype=np.float64)
        return np.asarray((X * self.weights(gates)).sum(axis=1) + self.intercept_, dtype=np.float64)

    def __sklearn_tags__(self) -> Tags:
        """Return the tags of an estimator that ranks, and that is a poor regressor of arbitrary numbers."""
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        return tags


def _starts(groups: ArrayLike | None, n_rows: int) -> NDArray[np.int64]:
    """Return the first row of each list."""
    if groups is None:
        return np.zeros(1, dtype=np.int64)
    labels = np.asarray(groups)
    if labels.shape != (n_rows,):
        raise InvalidDataError(
            f"groups need one label per row, {n_rows}; got shape {labels.shape}. Pass the list of each row."
        )
    return np.append(0, np.flatnonzero(labels[1:] != labels[:-1]) + 1)


def _gates(gates: ArrayLike | None, n_rows: int) -> Array:
    if gates is None:
        return np.zeros((n_rows, 0))
    G = np.asarray(check_array(gates, dtype=np.float64, input_name="gates"))
    if len(G) != n_rows:
        raise InvalidDataError(f"gates need one row for each of {n_rows} rows of X; got {len(G)}.")
    return G


def _scale(spread: Array) -> Array:
    """Return the deviations to divide by; 1 for a route that is constant, or only rounding."""
    return np.where(varies(spread), spread, 1.0)
