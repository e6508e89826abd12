r"""Comparable scores of different categories: the probability that an item is a user's next one.

.. math:: P(i \mid u) = P(c \mid u) \cdot \frac{e^{\tau s_{ui}} (1 + n_i)^\kappa}
          {\sum_{j \in c,\, j \notin u} e^{\tau s_{uj}} (1 + n_j)^\kappa}

for an item i of category c, with :math:`n_i` users, that the user does not have: the probability of the
category (:mod:`tastebridge.model.category_model`), times the probability of the item within it. The inverse
temperature :math:`\tau` is learned from the likelihood of target rows hidden while the routes were fitted.
Users without and with a history in the category have one each. The power :math:`\kappa` of popularity is 0,
so that scores give the order within a category. It is learned too, or popularity alone counts, if that makes
hidden rows of other users more likely by more than a standard error.

All chances of a user add up to one, over the categories the mapper knows in which an item is left.

References
----------
C. Guo et al., "On calibration of modern neural networks", ICML (2017).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import minimize

from tastebridge._numerics.linalg import row_products
from tastebridge.fitting.folds import Fold, spread_evenly
from tastebridge.model import Segment
from tastebridge.routes import Histories

Array = NDArray[np.float64]
_USERS = 400
_FLATTEST, _SHARPEST = 1e-3, 50.0
"""Bounds of the temperature, in deviations of the scores of a user over the open items."""
_LARGEST_POWER = 3.0
_FEWEST = 20
"""Held users below which popularity is not tried: two halves of them judge nothing."""
_STEP = 256
POPULARITY = " popularity"
"""Behind the name of a segment: the power of popularity there; without an entry it is 0."""


class Scored(Protocol):
    """The items of a target as the denominator needs them."""

    @property
    def target(self) -> str:
        """The category."""

    def item_vectors(self) -> NDArray[np.float32]:
        """Return the vectors (n_items, n_components)."""


def learn_temperatures(
    folds: Sequence[Fold], segments: Mapping[str, Segment], counts: Array | None = None
) -> dict[str, float]:
    """Return the inverse temperature of the softmax for each segment, "cold" and "warm".

    Parameters
    ----------
    folds : sequence of Fold
    segments : mapping of {"cold", "warm"} to Segment
    counts : ndarray of shape (n_items,), optional
        The number of users of each item. With it, popularity may have a part: see :data:`POPULARITY`.
    """
    found: dict[str, float] = {}
    for name, segment in segments.items():
        own = [fold for fold in folds if fold.held.segment == name]
        found[name], power = _softmax(own, segment, counts)
        if power:
            found[name + POPULARITY] = power
    return found


def log_totals(
    model: Scored, vectors: NDArray[np.float32], histories: Histories, temperature: Array
) -> Array:
    """Return for each user the logarithm of the denominator; -inf for those who have every item.

    It is the same, bit by bit, whichever other users are asked for.

    Parameters
    ----------
    model : LinearModel, or anything with its target and item vectors
    vectors : ndarray of shape (n_users, n_components)
        Of users with these histories.
    histories : mapping of category to csr_matrix
    temperature : ndarray of shape (n_users,)
    """
    V, had = model.item_vectors().T, histories[model.target]
    out = np.empty(len(vectors))
    for start in range(0, len(vectors), _STEP):
        rows = slice(start, start + _STEP)
        scores = row_products(vectors[rows], V).astype(np.float64) * temperature[rows, None]
        out[rows] = _log_total(scores, had[rows])
    return out


def temperature_of(temperature: Mapping[str, float], target: str, histories: Histories) -> Array:
    """Return the temperature (n_users,) that holds for each user."""
    warm = np.diff(histories[target].indptr) > 0
    return np.where(warm, temperature["warm"], temperature["cold"])


def power_of(temperature: Mapping[str, float], target: str, histories: Histories) -> Array | None:
    """Return the power (n_users,) of popularity for each user; None if it is not used."""
    powers = [temperature.get(name + POPULARITY, 0.0) for name in ("warm", "cold")]
    return np.where(np.diff(histories[target].indptr) > 0, *powers) if any(powers) else None


class _HeldScores(NamedTuple):
    """Scores of held users, their popularity terms, the items they have, and the means over hidden rows."""

    scores: Array
    popularity: Array
    had: sparse.csr_matrix
    mean_score: Array
    mean_popularity: Array

    def losses(self, tau: float, power: float) -> Array:
        """Return the mean negative log-likelihood of the hidden rows of each user."""
        total = _log_total(tau * self.scores + power * self.popularity, self.had)
        return np.asarray(total - tau * self.mean_score - power * self.mean_popularity)


def _softmax(folds: Sequence[Fold], segment: Segment, counts: Array | None) -> tuple[float, float]:
    """Return temperature and power of popularity, users alike; 1 and 0 where no user was held out."""
    parts = [_held_scores(fold, segment, -(-_USERS // len(folds)), counts) for fold in folds]
    if not parts:
        return 1.0, 0.0
    unit = _deviation(parts)
    whole = [np.ones(len(part.scores), dtype=bool) for part in parts]
    if counts is None or sum(map(len, whole)) < _FEWEST:
        return _fitted(parts, whole, unit, "scores")
    # Popularity has to prove itself on users it was not learned from.
    halves = [np.arange(len(part.scores)) % 2 == 0 for part in parts]
    losses = {kind: _cross_fitted(parts, halves, unit, kind) for kind in ("scores", "both", "popularity")}
    other = min(("both", "popularity"), key=lambda kind: float(losses[kind].mean()))
    gain = losses["scores"] - losses[other]
    better = gain.mean() > gain.std() / np.sqrt(len(gain))
    return _fitted(parts, whole, unit, other if better else "scores")


def _cross_fitted(
    parts: Sequence[_HeldScores], halves: Sequence[NDArray[np.bool_]], unit: float, kind: str
) -> Array:
    """Return the loss of each user under the softmax of the other half of the users."""
    found = []
    for learned in (halves, [~half for half in halves]):
        softmax = _fitted(parts, learned, unit, kind)
        found += [part.losses(*softmax)[~half] for part, half in zip(parts, learned, strict=True)]
    return np.concatenate(found)


def _fitted(
    parts: Sequence[_HeldScores], users: Sequence[NDArray[np.bool_]], unit: float, kind: str
) -> tuple[float, float]:
    """Return the most likely temperature and power of popularity for some of the users."""
    if kind == "popularity":
        return _FLATTEST / unit, 1.0

    def loss(at: Array) -> float:
        tau, power = float(np.exp(at[0])) / unit, float(at[1]) if kind == "both" else 0.0
        return float(sum(part.losses(tau, power)[own].sum() for part, own in zip(parts, users, strict=True)))

    bounds = [(float(np.log(_FLATTEST)), float(np.log(_SHARPEST))), (0.0, _LARGEST_POWER)]
    given = bounds if kind == "both" else bounds[:1]
    # a loss with one minimum in each; started from a flat and a usual temperature, as tails are flat
    starts = [np.array([start, 0.5])[: len(given)] for start in (0.0, -3.0)]
    runs = [minimize(loss, start, method="L-BFGS-B", bounds=given) for start in starts]
    best = min(runs, key=lambda run: float(run.fun)).x
    return float(np.exp(best[0])) / unit, float(best[1]) if kind == "both" else 0.0


def _deviation(parts: Sequence[_HeldScores]) -> float:
    """Return the median standard deviation of the scores of a user; 1 where all items are alike."""
    spread = float(np.median(np.concatenate([part.scores.std(axis=1) for part in parts])))
    return spread if spread > 0 else 1.0


def _held_scores(fold: Fold, segment: Segment, most: int, counts: Array | None) -> _HeldScores:
    """Return the numbers that the likelihood of some held users needs."""
    users = spread_evenly(len(fold.held.people), most)
    weights = segment.blend.weights(fold.gates[users]) * segment.kept
    scores = fold.scores(users, weights).astype(np.float64)
    popularity = np.zeros(scores.shape[1])
    if counts is not None:  # hidden rows must not count towards their own popularity
        left = counts - np.bincount(fold.held.hidden.indices, minlength=len(counts))
        popularity = np.log1p(np.maximum(left, 0.0))
    hidden = fold.held.hidden[users]
    rows = np.repeat(np.arange(len(users)), np.diff(hidden.indptr))
    sums = (
        np.bincount(rows, v, len(users)) for v in (scores[rows, hidden.indices], popularity[hidden.indices])
    )
    means = (total / np.diff(hidden.indptr) for total in sums)
    return _HeldScores(scores, popularity, fold.seen[users], *means)


def _log_total(scores: Array, had: sparse.csr_matrix) -> Array:
    """Return log sum exp over the items not had, -inf where none is left; ``scores`` are written over."""
    scores[np.repeat(np.arange(len(scores)), np.diff(had.indptr)), had.indices] = -np.inf
    most = np.maximum(scores.max(axis=1, keepdims=True), np.finfo(np.float64).min)
    scores -= most
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.exp(scores, out=scores).sum(axis=1)) + most[:, 0])
