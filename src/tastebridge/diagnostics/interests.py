r"""How strongly a person leans to a category, told by what they do in the others.

For every category c alike the interest is a calibrated probability,

.. math:: P(\text{active in } c \mid \text{histories elsewhere}) = g\Big(\sum_{s \ne c}
          \big(w_s^\top z_s + v_s \log(1 + d_s)\big)\Big), \qquad z_s = d_s^{-1/2} \sum_{j \in s} e_j

with the number :math:`d_s` of the person's items in s and the rows :math:`e_j` of the encoder of SVD factors.
What a person did in c itself is not looked at, so the number means the same for those who are there and those
who are not, and for every category. The score is learned by logistic regression on the people of the panel
who have a history elsewhere, and the rising curve g on their out-of-fold scores: the shares of active people
in bins of equal size, made monotone (isotonic regression), with straight lines between. What is kept are
coefficients and the knots of the curve, and no person. It is true of people like those of the panel; somebody
with a history nowhere else gets the share of people who are active in c.
"""

from __future__ import annotations

from collections.abc import Mapping

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


def learn_interests(context: FitContext, seed: int) -> State:
    """Return the interest model of every category, as small arrays.

    Besides what is needed each category has a ``reliability`` (n_bins, 3): mean predicted out of fold (the
    curve too), share observed, and people, of bins of equal size.
    """
    encoders = {name: _encoder(context, name) for name in sorted(context.histories)}
    return {
        name: {"encoder": encoders[name], **_learn(name, context.histories, encoders, seed)}
        for name in encoders
    }


def interest_of(state: Mapping[str, Mapping[str, Array]], histories: Histories) -> Array:
    """Return the interest (n_people, n_categories), categories in the order of ``state``."""
    features = {name: _features(histories, name, part["encoder"]) for name, part in state.items()}
    columns = []
    for name, part in state.items():
        X = _elsewhere(name, features)
        score = (X * part["coef"]).sum(axis=1)
        columns.append(np.where(_known(X), np.interp(score, *part["knots"]), part["rate"]))
    return np.column_stack(columns)


def _encoder(context: FitContext, name: str) -> Array:
    model = context.factors((name,), SVDFactors(min(_RANK, context.limit([name]))))
    return np.asarray(model.encoder_, dtype=np.float64)


def _features(histories: Histories, name: str, encoder: Array) -> Array:
    """Return the factors in a category and the logarithm of the number of items, (n_people, k + 1)."""
    Z = LinearEncoder(encoder).transform(histories[name])
    return np.column_stack([Z, np.log1p(np.diff(histories[name].indptr))])


def _elsewhere(name: str, features: Mapping[str, Array]) -> Array:
    return np.concatenate([part for other, part in features.items() if other != name], axis=1)


def _known(X: Array) -> NDArray[np.bool_]:
    return np.asarray(X.any(axis=1))


def _learn(name: str, histories: Histories, encoders: Mapping[str, Array], seed: int) -> dict[str, Array]:
    """Return the model of one category, from the features of people drawn at random: never of everybody."""
    y = known_to((name,), histories)
    known = np.flatnonzero(known_to(tuple(other for other in encoders if other != name), histories))
    rng = np.random.default_rng(seed)
    rows = known if len(known) <= _PEOPLE else np.sort(rng.choice(known, _PEOPLE, replace=False))
    rate = (y[known].sum() + 0.5) / (len(known) + 1.0)
    few = min(y[rows].sum(), (~y[rows]).sum()) < 2 * FOLDS
    drawn = {other: part[rows] for other, part in histories.items()}
    X = _elsewhere(name, {other: _features(drawn, other, encoders[other]) for other in encoders})
    found = constant(rate, X.shape[1]) if few else calibrate(X, y[rows], seed)
    return {**found._asdict(), "rate": np.array([rate])}
