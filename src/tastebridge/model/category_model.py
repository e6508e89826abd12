r"""In which category a person's next event falls, told by what they did in all of them.

.. math:: P(c \mid u) = \operatorname{softmax}_c\big(W x_u + b\big), \qquad
          x_{uc} = \log \frac{n_{uc} + a\,\pi_c}{n_u + a}

with the numbers :math:`n_{uc}` of a person's items in every category, the shares :math:`\pi` of the
categories in all events and a prior of :math:`a = 6` events. W and b are learned by logistic regression on
events left out of their own person's numbers, so that the probability holds for an event to come.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from tastebridge.routes import Histories

Array = NDArray[np.float64]
_PRIOR, _FLOOR = 6.0, 0.01
_PEOPLE, _EVENTS = 5000, 5
"""People learned from, and events of each, at most."""


class CategoryModel(NamedTuple):
    """What :func:`category_probabilities` needs: of n_categories and no person.

    Attributes
    ----------
    shares : ndarray of shape (n_categories,)
        Of all events.
    coef : ndarray of shape (n_categories, n_categories)
    intercept : ndarray of shape (n_categories,)
        Minus infinity is written as the lowest float, for categories nothing was learned of.
    """

    shares: Array
    coef: Array
    intercept: Array


def learn_category_model(histories: Histories, seed: int) -> CategoryModel:
    """Return the choice among the categories, in the order of the histories."""
    counts = _counts(histories)
    n = counts.shape[1]
    shares = counts.sum(axis=0) / counts.sum()
    rng = np.random.default_rng(seed)
    people = np.flatnonzero(counts.sum(axis=1) >= 2)
    people = np.sort(rng.permutation(people)[:_PEOPLE])
    rows, chosen = _events(counts, people, rng)
    if len(np.unique(chosen)) < 2:
        return CategoryModel(shares, np.zeros((n, n)), np.log(np.maximum(shares, 1e-12)))
    left = counts[rows]
    left[np.arange(len(rows)), chosen] -= 1
    model = LogisticRegression(max_iter=500).fit(_features(left, shares), chosen)
    coef, intercept = np.zeros((n, n)), np.full(n, np.finfo(np.float32).min, dtype=np.float64)
    two = len(model.classes_) == 2  # then only the second of them has coefficients
    coef[model.classes_[-len(model.coef_) :]] = model.coef_
    intercept[model.classes_] = np.append(0.0, model.intercept_) if two else model.intercept_
    return CategoryModel(shares, coef, intercept)


def category_probabilities(model: CategoryModel, histories: Histories) -> Array:
    """Return the probability (n_people, n_categories) of each category; the shares are mixed in by 1 %."""
    scores = _features(_counts(histories), model.shares) @ model.coef.T + model.intercept
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray((1 - _FLOOR) * odds / odds.sum(axis=1, keepdims=True) + _FLOOR * model.shares)


def _counts(histories: Histories) -> Array:
    return np.column_stack([np.diff(rows.indptr) for rows in histories.values()]).astype(np.float64)


def _features(counts: Array, shares: Array) -> Array:
    total = counts.sum(axis=1, keepdims=True)
    return np.asarray(np.log((counts + _PRIOR * np.maximum(shares, 1e-6)) / (total + _PRIOR)))


def _events(
    counts: Array, people: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the people and categories of at most five events each, drawn without replacement."""
    rows, chosen = [], []
    for person in people:
        own = np.repeat(np.arange(counts.shape[1]), counts[person].astype(np.int64))
        drawn = rng.permutation(own)[:_EVENTS]
        rows.append(np.full(len(drawn), person))
        chosen.append(drawn)
    return np.concatenate([*rows, np.zeros(0, np.int64)]), np.concatenate([*chosen, np.zeros(0, np.int64)])
