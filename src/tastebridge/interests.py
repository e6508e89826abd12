r"""How strongly a person leans to a category, told by what they do in the others.

For every category c alike the interest is a calibrated probability,

.. math:: P(\text{active in } c \mid \text{histories elsewhere}) = \sigma\Big(b + \sum_{s \ne c}
          \big(w_s^\top z_s + v_s \log(1 + d_s)\big)\Big), \qquad z_s = d_s^{-1/2} \sum_{j \in s} e_j

with the number :math:`d_s` of the person's items in s and the rows :math:`e_j` of the encoder of SVD factors.
What a person did in c itself is not looked at, so the number means the same for those who are there and those
who are not, and for every category. It is learned by logistic regression on the people of the panel who have
a history elsewhere, and calibrated on out-of-fold scores (Platt), which for a linear score is a logistic
regression again: what is kept are coefficients, and no person. It is true of people like those of the panel:
somebody with a history nowhere else gets the share of people who are active in c.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from tastebridge.factors import SVDFactors
from tastebridge.routes import Histories, Workshop
from tastebridge.routes.neighbours import LinearEncoder

Array = NDArray[np.float64]
State = dict[str, dict[str, Array]]
"""For each category: its ``encoder`` (n_items, k), and ``coef`` (n_features,), ``intercept`` and ``rate``."""

_RANK, _PEOPLE, _FOLDS, _BINS = 16, 10_000, 3, 10


def learn_interests(workshop: Workshop, seed: int) -> State:
    """Return the interest model of every category, as small arrays.

    Besides the coefficients each category has a ``reliability`` (n_bins, 3): mean predicted out of fold,
    share observed, and people, of bins of equal size.
    """
    encoders = {name: _encoder(workshop, name) for name in sorted(workshop.histories)}
    features = {name: _features(workshop.histories, name, encoders[name]) for name in encoders}
    return {name: {"encoder": encoders[name], **_learn(name, features, seed)} for name in encoders}


def interest_of(state: Mapping[str, Mapping[str, Array]], histories: Histories) -> Array:
    """Return the interest (n_people, n_categories), categories in the order of ``state``."""
    features = {name: _features(histories, name, part["encoder"]) for name, part in state.items()}
    columns = []
    for name, part in state.items():
        X = _elsewhere(name, features)
        score = (X * part["coef"]).sum(axis=1) + part["intercept"]
        columns.append(np.where(_known(X), expit(score), part["rate"]))
    return np.column_stack(columns)


def _encoder(workshop: Workshop, name: str) -> Array:
    model = workshop.factors((name,), SVDFactors(min(_RANK, workshop.limit([name]))))
    return np.asarray(model.encoder_, dtype=np.float64)


def _features(histories: Histories, name: str, encoder: Array) -> Array:
    """Return the factors in a category and the logarithm of the number of items, (n_people, k + 1)."""
    Z = LinearEncoder(encoder).transform(histories[name])
    return np.column_stack([Z, np.log1p(np.diff(histories[name].indptr))])


def _elsewhere(name: str, features: Mapping[str, Array]) -> Array:
    return np.concatenate([part for other, part in features.items() if other != name], axis=1)


def _known(X: Array) -> NDArray[np.bool_]:
    return np.asarray(X.any(axis=1))


def _learn(name: str, features: Mapping[str, Array], seed: int) -> dict[str, Array]:
    X, y = _elsewhere(name, features), features[name][:, -1] > 0
    known = np.flatnonzero(_known(X))
    rng = np.random.default_rng(seed)
    rows = known if len(known) <= _PEOPLE else np.sort(rng.choice(known, _PEOPLE, replace=False))
    rate = (y[known].sum() + 0.5) / (len(known) + 1.0)
    if min(y[rows].sum(), (~y[rows]).sum()) < 2 * _FOLDS:
        coef, intercept, reliability = np.zeros(X.shape[1]), logit(rate), np.zeros((0, 3))
    else:
        coef, intercept, reliability = _calibrated(X[rows], y[rows], seed)
    return {
        "coef": coef,
        "intercept": np.atleast_1d(intercept),
        "rate": np.atleast_1d(rate),
        "reliability": reliability,
    }


def _calibrated(X: Array, y: NDArray[np.bool_], seed: int) -> tuple[Array, float, Array]:
    """Return the coefficients and intercept of the calibrated score, and its reliability."""
    mean, scale = X.mean(axis=0), X.std(axis=0)
    Z = (X - mean) / np.where(scale > 0, scale, 1.0)
    model = LogisticRegression(max_iter=200)
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=seed)
    scores = cross_val_predict(model, Z, y, cv=folds, method="decision_function")
    platt = LogisticRegression(C=1e6).fit(scores[:, None], y)
    slope, shift = float(platt.coef_[0, 0]), float(platt.intercept_[0])
    model.fit(Z, y)
    coef = slope * model.coef_[0] / np.where(scale > 0, scale, 1.0)
    intercept = slope * float(model.intercept_[0]) + shift - float(coef @ mean)
    return coef, intercept, _reliability(expit(slope * scores + shift), y)


def _reliability(predicted: Array, y: NDArray[np.bool_]) -> Array:
    bins = np.array_split(np.argsort(predicted, kind="stable"), min(_BINS, len(y)))
    return np.array([(predicted[rows].mean(), y[rows].mean(), len(rows)) for rows in bins])
