r"""Confidence of a list: the calibrated probability that it contains at least one hit.

For the first n items of a list,

.. math:: P(\text{hit in } n) = g_n\big(a_n \operatorname{logit} m_n + b_n^\top q\big), \qquad
          m_n = \frac{\sum_{i \le n} e^{s_i}}{\sum_i e^{s_i}},

with the scores :math:`s` of all items outside the user's history, best first. So :math:`m_n` is the
probability of the list under the blend itself, a softmax over items. The gating features :math:`q` measure
the user's history. The logistic regression and the monotone curve :math:`g_n` are learned for several n, on
users whose target rows were hidden while the routes were fitted. Between these n the probability is
interpolated.

A hit means different things for two kinds of users:

- without a history in the target: at least one of all the items such users take there, over the time span
  of the data;
- with a history there: the one item they take next.

Both hold for users like the users of the fit. Only coefficients and knots are kept, and no user.

Where the folds have twins (:mod:`tastebridge.routes.twins`), everything is learned twice: for lists with
twins, where finding one is a hit, and for lists without them, where it is not.

In the literature "confidence" is often the weight :math:`c_{ui}` of Hu, Koren and Volinsky (2008), which
:class:`~tastebridge.factors.ALSFactors` uses. Here it is a hit probability.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge._numerics.cells import union
from tastebridge._numerics.linalg import row_products
from tastebridge.fitting.folds import Fold, spread_evenly
from tastebridge.metrics.calibration import FOLDS, Calibrated, calibrate, constant
from tastebridge.model import LinearModel, Segment
from tastebridge.routes import Histories
from tastebridge.routes.twins import WITHOUT

Array = NDArray[np.float64]
Scores = NDArray[np.float32]
State = dict[str, list[Calibrated]]
"""For users without ("cold") and with ("warm") a history in the target: one calibration per length.

Those of lists without twins have names that end in :data:`tastebridge.routes.twins.WITHOUT`.
"""

LENGTHS = (1, 5, 10, 20, 50)
"""The calibrated list lengths."""
_STEP, _PEOPLE = 256, 1500
"""Users scored at once, and held-out users of a kind at most: scoring all items of more would only cost."""


def learn_confidence(folds: Sequence[Fold], segments: Mapping[str, Segment], seed: int) -> State:
    """Return the calibrations of each kind of users that was held out, and without twins if there are any."""
    ends, found = ("", WITHOUT) if any(fold.twins is not None for fold in folds) else ("",), {}
    for name, segment in segments.items():
        held = [fold for fold in folds if fold.held.segment == name]
        # all folds of a segment together give _PEOPLE users
        parts = [_held(fold, segment, -(-_PEOPLE // len(held)), len(ends)) for fold in held]
        for end, own in zip(ends, zip(*parts, strict=True), strict=False):
            features, first = (np.concatenate([part[at] for part in own]) for at in range(2))
            if len(first):
                found[f"{name}{end}"] = [
                    _learn(features[:, at], first < n, seed) for at, n in enumerate(LENGTHS)
                ]
    return found


def confidence_of(
    state: Mapping[str, list[Calibrated]],
    model: LinearModel,
    histories: Histories,
    n: int,
    twins: sparse.csr_matrix | None = None,
) -> Array:
    """Return for each user the probability of a hit among the first ``n``; NaN for kinds not calibrated.

    The probability of a user is the same, bit by bit, whatever users are in the other rows. With the
    ``twins`` (n_users, n_items) of their items it is of lists without these.
    """
    apart = twins is not None and any(name.endswith(WITHOUT) for name in state)
    end = WITHOUT if apart else ""
    seen = histories[model.target]
    closed = seen if twins is None else union(seen, twins)
    vectors = model.user_vectors(histories)
    gates = model.gates(histories)
    warm = np.diff(histories[model.target].indptr) > 0
    out = np.full(len(warm), np.nan)
    for start in range(0, len(warm), _STEP):
        rows = slice(start, start + _STEP)
        scores = row_products(vectors[rows], model.item_vectors().T)
        features = _features(scores, closed[rows], gates[rows])
        for name, here in ((f"cold{end}", ~warm[rows]), (f"warm{end}", warm[rows])):
            if name in state:
                out[rows][here] = _probability(state[name], features[here], n)
    return out


def _held(fold: Fold, segment: Segment, most: int, n_views: int) -> list[tuple[Array, NDArray[np.int64]]]:
    """Return the features (n, n_lengths, n_features) of held users and the place of their first hit.

    Of at most ``most`` users with something to find; with two views, also by lists without twins.
    """
    views = [fold, fold.without_twins()][:n_views]
    people = spread_evenly(len(fold.held.people), most)
    weights = segment.blend.weights(fold.gates[people]) * segment.kept
    found: list[tuple[list[Array], list[NDArray[np.int64]]]] = [([], []) for _ in views]
    for start in range(0, len(people), _STEP):
        rows = people[start : start + _STEP]
        scores = fold.scores(rows, weights[start : start + _STEP])
        # the items closed in the first view are closed in the second too
        for (features, first), view in zip(found, views, strict=True):
            features.append(_features(scores, view.seen[rows], view.gates[rows]))
            first.append(_first_hit(scores, view.held.hidden[rows]))
    left = [np.diff(view.held.hidden.indptr)[people] > 0 for view in views]
    return [
        (np.concatenate(features)[some], np.concatenate(first)[some])
        for (features, first), some in zip(found, left, strict=True)
    ]


def _features(scores: Scores, seen: sparse.csr_matrix, gates: Array) -> Array:
    """Return the logit of each list's probability and the gates, (n_users, n_lengths, 1 + n_gates).

    The scores of items in the histories become ``-inf`` in place.
    """
    rows = np.repeat(np.arange(len(scores)), np.diff(seen.indptr))
    scores[rows, seen.indices] = -np.inf
    open_items = scores.shape[1] - np.diff(seen.indptr)
    deepest = min(LENGTHS[-1], scores.shape[1])
    parted = np.partition(scores, scores.shape[1] - deepest, axis=1)
    best = -np.sort(-parted[:, -deepest:].astype(np.float64), axis=1)
    with np.errstate(invalid="ignore"):  # users who have every item
        # cast before the sum: numpy casts in blocks whose borders depend on the other rows
        below = np.exp(parted[:, :-deepest] - best[:, :1].astype(np.float32)).astype(np.float64).sum(axis=1)
        best = np.exp(best - best[:, :1])
    whole = best.sum(axis=1) + below
    logits = []
    for n in LENGTHS:
        top, tail = best[:, :n].sum(axis=1), best[:, n:].sum(axis=1) + below  # a difference would cancel
        ratio = (top + 1e-9 * whole) / (tail + 1e-9 * whole)
        logits.append(np.where(open_items > 0, np.log(ratio), 0.0))
    tiled = np.repeat(gates[:, None, :], len(LENGTHS), axis=1)
    return np.concatenate([np.stack(logits, axis=1)[:, :, None], tiled], axis=2)


def _first_hit(scores: Scores, hidden: sparse.csr_matrix) -> NDArray[np.int64]:
    """Return for each user the number of items ranked before the first hit; ties favour the hit."""
    rows = np.repeat(np.arange(len(scores)), np.diff(hidden.indptr))
    best = np.full(len(scores), -np.inf, dtype=np.float32)
    np.maximum.at(best, rows, scores[rows, hidden.indices])
    return np.asarray((scores > best[:, None]).sum(axis=1), dtype=np.int64)


def _learn(X: Array, hit: NDArray[np.bool_], seed: int) -> Calibrated:
    if min(hit.sum(), (~hit).sum()) < 2 * FOLDS:
        # too few to calibrate: the observed share, with half a hit and half a miss added
        return constant((hit.sum() + 0.5) / (len(hit) + 1.0), X.shape[1])
    return calibrate(X, hit, seed)


def _probability(state: Sequence[Calibrated], features: Array, n: int) -> Array:
    """Return the probability for lists of ``n``: interpolated over log n, non-decreasing in n."""
    at_lengths = [
        np.interp((features[:, at] * part.coef).sum(axis=1), *part.knots) for at, part in enumerate(state)
    ]
    # a longer list cannot be less likely to hold a hit; separate calibrations may say so
    rising = np.maximum.accumulate(np.stack(at_lengths, axis=1), axis=1)
    place = float(np.interp(np.log(n), np.log(LENGTHS), np.arange(len(LENGTHS))))
    below = int(np.floor(place))
    above = min(below + 1, len(LENGTHS) - 1)
    return np.asarray(rising[:, below] + (place - below) * (rising[:, above] - rising[:, below]))
