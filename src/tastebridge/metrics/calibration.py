"""Scores made probabilities: logistic regression, and a rising curve learned out of fold."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn import config_context
from sklearn.isotonic import isotonic_regression
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

Array = NDArray[np.float64]

FOLDS = 3
_KNOTS, _BINS = 15, 10


class Calibrated(NamedTuple):
    """A calibrated probability: ``np.interp(X @ coef, *knots)``.

    Attributes
    ----------
    coef : ndarray of shape (n_features,)
    knots : ndarray of shape (2, n)
        Scores, and the probabilities there.
    reliability : ndarray of shape (n_bins, 3)
        Mean predicted out of fold (the curve too), share observed, and users, of bins of equal size.
    """

    coef: Array
    knots: Array
    reliability: Array


def calibrate(X: Array, y: NDArray[np.bool_], seed: int) -> Calibrated:
    """Return the calibrated probability of ``y`` (n_users,) given ``X`` (n_users, n_features).

    Logistic regression on standardised features gives the score. A curve turns it into a probability, learned
    on scores of users the regression had not seen. It joins the shares in bins of equal size, made monotone,
    by straight lines. Both ``y`` and its opposite need at least two users a fold.

    References
    ----------
    B. Zadrozny and C. Elkan, "Transforming classifier scores into accurate multiclass probability estimates",
    KDD (2002).
    """
    mean, scale = X.mean(axis=0), X.std(axis=0)
    scale = np.where(scale > 1e-9 * np.abs(X).max(axis=0), scale, 1.0)  # a constant varies by rounding
    Z = (X - mean) / scale
    # as cross_val_predict does, whose own work takes longer than these regressions
    model, scores = LogisticRegression(max_iter=200), np.empty(len(y))
    with config_context(skip_parameter_validation=True):
        for seen, unseen in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(Z, y):
            scores[unseen] = model.fit(Z[seen], y[seen]).decision_function(Z[unseen])
        coef = model.fit(Z, y).coef_[0] / scale
    predicted = np.empty(len(y))
    # The reliability is out of fold for the curve too: each half is judged by the curve of the other.
    even = np.arange(len(y)) % 2 == 0
    for half in (even, ~even):
        predicted[half] = np.interp(scores[half], *_curve(scores[~half], y[~half]))
    # The intercept and the means go into the knots, so that X @ coef alone is the score later.
    knots = _curve(scores - float(model.intercept_[0]) + float(coef @ mean), y)
    return Calibrated(coef, knots, _reliability(predicted, y))


def constant(rate: float, n_features: int) -> Calibrated:
    """Return the same probability for all users, used if there are too few data."""
    return Calibrated(np.zeros(n_features), np.array([[0.0], [rate]]), np.zeros((0, 3)))


def _curve(scores: Array, y: NDArray[np.bool_]) -> Array:
    """Return the knots (2, n): mean scores of bins of equal size, and the monotone share of positives."""
    bins = np.array_split(np.argsort(scores, kind="stable"), min(_KNOTS, max(1, len(y) // 50)))
    means = np.array([scores[rows].mean() for rows in bins])
    # Half a case on either side: no bin claims a probability of 0 or 1.
    shares = np.array([(y[rows].sum() + 0.5) / (len(rows) + 1.0) for rows in bins])
    return np.stack([means, isotonic_regression(shares)])


def _reliability(predicted: Array, y: NDArray[np.bool_]) -> Array:
    bins = np.array_split(np.argsort(predicted, kind="stable"), min(_BINS, len(y)))
    return np.array([(predicted[rows].mean(), y[rows].mean(), len(rows)) for rows in bins])
