r"""Interest of a user in a category, predicted from the user's history in the other categories.

For every category c the interest is a calibrated probability,

.. math:: P(\text{active in } c \mid \text{histories elsewhere}) = g\Big(\sum_{s \ne c}
          \big(w_s^\top z_s + v_s \log(1 + d_s)\big)\Big), \qquad z_s = d_s^{-1/2} \sum_{j \in s} e_j

with the number :math:`d_s` of the user's items in s and the rows :math:`e_j` of the encoder of SVD factors.
The history in c itself is not used. So the number means the same for users with and without events in c, and
for every category. The score is learned by logistic regression on the users of the panel with a history
elsewhere. The monotone curve g is learned on their out-of-fold scores. It joins the shares of active users in
bins of equal size, made monotone by isotonic regression, by straight lines. Only coefficients and the knots
of the curve are kept, and no user. The probability holds for users like the users of the panel. A user
without a history elsewhere gets the share of users who are active in c.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tastebridge.factors import SVDFactors
from tastebridge.metrics.calibration import FOLDS, calibrate, constant
from tastebridge.routes import FitContext, Histories, known_to
from tastebridge.routes.links import LinearEncoder

Array = NDArray[np.float64]
State = dict[str, dict[str, Array]]
"""For each category: its ``encoder`` (n_items, k), ``coef`` (n_features,), ``knots`` (2, n) and ``rate``."""

_RANK, _PEOPLE = 16, 10_000
"""Rank of the encoders, and users a regression learns from at most."""


def learn_interests(context: FitContext, seed: int, categories: Sequence[str] | None = None) -> State:
    """Return the interest model of every category, or of some, as small arrays.

    Each category also has a ``reliability`` (n_bins, 3): the mean predicted probability, the observed share,
    and the number of users, of bins of equal size. Score and curve are out of fold.
    """
    wanted = sorted(context.histories if categories is None else categories)
    histories = {name: context.histories[name] for name in wanted}
    encoders = {name: _encoder(context, name) for name in wanted}
    return {name: {"encoder": encoders[name], **_learn(name, histories, encoders, seed)} for name in encoders}


def interest_of(state: Mapping[str, Mapping[str, Array]], histories: Histories) -> Array:
    """Return the interest (n_users, n_categories), categories in the order of ``state``."""
    features = {name: _features(histories, name, part["encoder"]) for name, part in state.items()}
    columns = []
    for name, part in state.items():
        X = _elsewhere(name, features)
        score = (X * part["coef"]).sum(axis=1)
        columns.append(np.where(_known(X), np.interp(score, *part["knots"]), part["rate"]))
    return np.column_stack(columns)


def _encoder(context: FitContext, name: str) -> Array:
    estimator = SVDFactors(min(_RANK, context.limit([name])))
    # of all rows: factors without twins are zero for users who have nothing but twins, and these are active
    apart = name == context.target and context.taught is not context.histories
    model = estimator.fit(context.histories[name]) if apart else context.factors((name,), estimator)
    return np.asarray(model.encoder_, dtype=np.float64)


def _features(histories: Histories, name: str, encoder: Array) -> Array:
    """Return the factors in a category and the logarithm of the number of items, (n_users, k + 1)."""
    Z = LinearEncoder(encoder).transform(histories[name])
    return np.column_stack([Z, np.log1p(np.diff(histories[name].indptr))])


def _elsewhere(name: str, features: Mapping[str, Array]) -> Array:
    return np.concatenate([part for other, part in features.items() if other != name], axis=1)


def _known(X: Array) -> NDArray[np.bool_]:
    return np.asarray(X.any(axis=1))


def _learn(name: str, histories: Histories, encoders: Mapping[str, Array], seed: int) -> dict[str, Array]:
    """Return the model of one category; features are made for a random sample of users only."""
    y = known_to((name,), histories)
    known = np.flatnonzero(known_to(tuple(other for other in encoders if other != name), histories))
    rng = np.random.default_rng(seed)
    rows = known if len(known) <= _PEOPLE else np.sort(rng.choice(known, _PEOPLE, replace=False))
    # half a user of each kind added, so that a rate is never 0 or 1
    rate = (y[known].sum() + 0.5) / (len(known) + 1.0)
    # a fold with one kind of users only cannot be calibrated
    few = min(y[rows].sum(), (~y[rows]).sum()) < 2 * FOLDS
    drawn = {other: part[rows] for other, part in histories.items()}
    X = _elsewhere(name, {other: _features(drawn, other, encoders[other]) for other in encoders})
    found = constant(rate, X.shape[1]) if few else calibrate(X, y[rows], seed)
    return {**found._asdict(), "rate": np.array([rate])}
