r"""The category model: in which category a user's next event falls, by the user's numbers of items in each.

.. math:: P(c \mid u) = \operatorname{softmax}_c\big(W x_u + b\big), \qquad
          \ell_{uc} = \log \frac{n_{uc} + a\,\pi_c}{n_u + a}

with the numbers :math:`n_{uc}` of items of the user in every category, the shares :math:`\pi` of the
categories in all events and a prior of :math:`a = 6` events. The features are the :math:`\ell_{uc}` alone, or
in addition

- :math:`p_{uc} = n_{uc} / n_u` and :math:`\log(1 + n_{uc})` of every category, and :math:`\log(1 + n_u)`;
- with at most 8 categories the products :math:`p_{uc}\, p_{ud}` of every two.

The logarithms are enough if users are spread around one mean (a Dirichlet). If there are several kinds of
users, such as faithful to one category and curious about all, no weighted sum of logarithms separates them.
There the further features halved the error against planted probabilities. The likelihood of held-out users
decides between the two. W and b are learned by logistic regression. Its events are left out of the numbers of
their own user, so that the probability holds for a future event.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from tastebridge._numerics.linalg import row_products
from tastebridge._numerics.threads import one_blas_thread
from tastebridge.routes import Histories

Array = NDArray[np.float64]
_PRIOR, _FLOOR = 6.0, 0.01
_USERS, _EVENTS = 5000, 5
"""The largest number of users to learn from, and of events per user."""
_PAIRS = 8
"""The largest number of categories for which products of two shares are features."""
_MANY = 32
"""The largest number of categories for which further features are tried; beyond, a fit would take minutes."""
_STRENGTH = 0.3
"""The inverse penalty of the further features, which are standardised."""
_SUMMED = 1 << 12
"""The largest number of coefficients for which a product is summed column by column."""


class CategoryModel(NamedTuple):
    """The parameters of :func:`category_probabilities`, over categories and without users.

    Attributes
    ----------
    shares : ndarray of shape (n_categories,)
        The share of each category in all events.
    coef : ndarray of shape (n_categories, n_features)
        The number of features is the number of categories, or :func:`n_features`.
    intercept : ndarray of shape (n_categories,)
        For categories without training events the lowest float, in place of minus infinity.
    """

    shares: Array
    coef: Array
    intercept: Array


def n_features(n_categories: int) -> int:
    """Return the number of features with all further ones.

    Examples
    --------
    >>> n_features(2), n_features(10)
    (10, 31)
    """
    pairs = n_categories * (n_categories + 1) // 2 if n_categories <= _PAIRS else 0
    return 3 * n_categories + 1 + pairs


def learn_category_model(histories: Histories, seed: int) -> CategoryModel:
    """Return the category model, with categories in the order of the histories."""
    counts = _counts(histories)
    n = counts.shape[1]
    shares = counts.sum(axis=0) / counts.sum()
    rng = np.random.default_rng(seed)
    users = np.flatnonzero(counts.sum(axis=1) >= 2)  # one event is left out, and one must remain
    users = np.sort(rng.permutation(users)[:_USERS])
    rows, chosen = _events(counts, users, rng)
    if len(np.unique(chosen)) < 2:
        return CategoryModel(shares, np.zeros((n, n)), np.log(np.maximum(shares, 1e-12)))
    left = counts[rows]
    left[np.arange(len(rows)), chosen] -= 1
    if n > _MANY:
        return _fitted(left, chosen, shares, more=False)
    judged = np.isin(rows, users[::5])  # a fifth of the users, with all of their events
    tried = [_fitted(left[~judged], chosen[~judged], shares, more) for more in (False, True)]
    losses = [_losses(model, left[judged], chosen[judged]) for model in tried]
    gain = losses[0] - losses[1]
    # events of one user agree: as many are independent as there are users
    error = gain.std() / np.sqrt(max(len(np.unique(rows[judged])), 1))
    # the further features must win by more than one standard error
    return _fitted(left, chosen, shares, more=bool(gain.mean() > error))


def category_probabilities(model: CategoryModel, histories: Histories) -> Array:
    """Return the probability (n_users, n_categories) of each category; the shares are mixed in by 1 %.

    A row depends on its own user alone, bit by bit.
    """
    return _probabilities(model, _counts(histories))


def _probabilities(model: CategoryModel, counts: Array) -> Array:
    features = _features(counts, model.shares, more=model.coef.shape[1] > len(model.shares))
    scores = _product(features, model.coef) + model.intercept
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    whole = np.zeros(len(odds))
    for column in odds.T:  # not sum(axis=1), whose order of additions may depend on the shape
        whole += column
    return np.asarray((1 - _FLOOR) * odds / whole[:, None] + _FLOOR * model.shares)


def _product(X: Array, coef: Array) -> Array:
    """Return ``X @ coef.T`` with rows that are independent bit by bit: by columns, or in whole tiles."""
    if coef.size <= _SUMMED:
        out = np.zeros((len(X), len(coef)))
        for column, weights in zip(X.T, coef.T, strict=True):
            out += column[:, None] * weights
        return out
    return row_products(X, coef.T)


def _counts(histories: Histories) -> Array:
    return np.column_stack([np.diff(rows.indptr) for rows in histories.values()]).astype(np.float64)


def _features(counts: Array, shares: Array, more: bool) -> Array:
    total = np.zeros(len(counts))
    for column in counts.T:  # for the same bits in any number of rows
        total += column
    total = total[:, None]
    logs = np.log((counts + _PRIOR * np.maximum(shares, 1e-6)) / (total + _PRIOR))
    if not more:
        return np.asarray(logs)
    p = counts / np.maximum(total, 1.0)
    parts = [logs, p, np.log1p(counts), np.log1p(total)]
    if len(shares) <= _PAIRS:
        first, second = np.triu_indices(len(shares))
        parts.append(p[:, first] * p[:, second])
    return np.concatenate(parts, axis=1)


def _fitted(left: Array, chosen: NDArray[np.int64], shares: Array, more: bool) -> CategoryModel:
    """Return the model of the events ``chosen`` by users whose other events are ``left``."""
    n = len(shares)
    X = _features(left, shares, more)
    mean, deviation = np.zeros(X.shape[1]), np.ones(X.shape[1])
    if more and len(X):
        mean, spread = X.mean(axis=0), X.std(axis=0)
        deviation = np.where(spread > 1e-9, spread, 1.0)
    coef, intercept = np.zeros((n, X.shape[1])), np.full(n, np.finfo(np.float32).min, dtype=np.float64)
    if len(np.unique(chosen)) < 2:  # only in a part of the events
        intercept[chosen[:1]] = 0.0
        return CategoryModel(shares, coef, intercept)
    regression = LogisticRegression(max_iter=500, C=_STRENGTH if more else 1.0)
    with one_blas_thread():
        model = regression.fit((X - mean) / deviation, chosen)
    weights = model.coef_ / deviation
    constants = model.intercept_ - weights @ mean
    two = len(model.classes_) == 2  # then only the second of them has coefficients
    coef[model.classes_[-len(weights) :]] = weights
    intercept[model.classes_] = np.append(0.0, constants) if two else constants
    return CategoryModel(shares, coef, intercept)


def _losses(model: CategoryModel, left: Array, chosen: NDArray[np.int64]) -> Array:
    """Return the negative log-likelihood of every event."""
    return np.asarray(-np.log(_probabilities(model, left)[np.arange(len(chosen)), chosen]))


def _events(
    counts: Array, users: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the users and categories of at most five events each, drawn without replacement."""
    rows, chosen = [], []
    for user in users:
        events = np.repeat(np.arange(counts.shape[1]), counts[user].astype(np.int64))
        drawn = rng.permutation(events)[:_EVENTS]
        rows.append(np.full(len(drawn), user))
        chosen.append(drawn)
    return np.concatenate([*rows, np.zeros(0, np.int64)]), np.concatenate([*chosen, np.zeros(0, np.int64)])
