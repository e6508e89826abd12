r"""Scores of different categories made comparable: the chance that an item is a person's next.

.. math:: P(i \mid u) = P(c \mid u) \cdot
          \frac{e^{\tau s_{ui}}}{\sum_{j \in c,\, j \notin u} e^{\tau s_{uj}}}

for an item i of category c that the person does not have: which category comes next
(:mod:`tastebridge.model.category_model`), times which of its items. The blend is a
softmax over items already; what
is learned besides is its inverse temperature :math:`\tau`, by the likelihood of what people took whose rows
were hidden while the routes were fitted, apart for people without and with a history in the category. All
chances of a person, over all categories the mapper knows, add up to one.

References
----------
C. Guo et al., "On calibration of modern neural networks", ICML (2017).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import minimize_scalar

from tastebridge._numerics.catalogue import Catalogue
from tastebridge._numerics.linalg import row_products
from tastebridge.fitting.folds import Fold
from tastebridge.model import LinearModel, Segment
from tastebridge.routes import Histories

Array = NDArray[np.float64]
_PEOPLE, _BOUND = 400, 3.0
_STEP = 256


def learn_temperatures(folds: Sequence[Fold], segments: Mapping[str, Segment]) -> dict[str, float]:
    """Return the inverse temperature of the softmax for each segment, "cold" and "warm"."""
    return {
        name: _temperature([f for f in folds if f.held.segment == name], segments[name]) for name in segments
    }


def log_totals(
    model: LinearModel, vectors: NDArray[np.float32], histories: Histories, temperature: Array
) -> Array:
    """Return for each person the logarithm of the denominator; -inf for those who have every item.

    A person's is the same, bit by bit, whoever stands beside them.

    Parameters
    ----------
    model : LinearModel
    vectors : ndarray of shape (n_people, n_components)
        Of people with these histories.
    histories : mapping of category to csr_matrix
    temperature : ndarray of shape (n_people,)
    """
    catalogue, had = catalogue_for(model, histories), histories[model.target]
    V, out = catalogue.vectors.T, np.empty(len(vectors))
    for start in range(0, len(vectors), _STEP):
        rows = slice(start, start + _STEP)
        scores = row_products(vectors[rows][:, catalogue.thick], V).astype(np.float64)
        scores[:, catalogue.rare] += catalogue.scarce_scores(vectors[rows])
        scores *= temperature[rows, None]
        out[rows] = _log_total(scores, had[rows], catalogue.position)
    return out


def catalogue_for(model: LinearModel, histories: Histories) -> Catalogue:
    """Return the catalogue of a model that reads these histories."""
    return model.catalogue({name: rows.shape[1] for name, rows in histories.items()})


def temperature_of(temperature: Mapping[str, float], target: str, histories: Histories) -> Array:
    """Return the temperature (n_people,) that holds for each user."""
    warm = np.diff(histories[target].indptr) > 0
    return np.where(warm, temperature["warm"], temperature["cold"])


def _temperature(folds: Sequence[Fold], segment: Segment) -> float:
    """Return the most likely temperature, people alike; 1 where nobody was held out."""
    parts = [_scored(fold, segment, -(-_PEOPLE // len(folds))) for fold in folds]
    if not parts:
        return 1.0

    def loss(log_temperature: float) -> float:
        tau = float(np.exp(log_temperature))
        return float(sum((_log_total(tau * S, seen) - tau * mean).sum() for S, seen, mean in parts))

    found = minimize_scalar(loss, bounds=(-_BOUND, _BOUND), method="bounded", options={"xatol": 0.01})
    return float(np.exp(found.x))


def _scored(fold: Fold, segment: Segment, most: int) -> tuple[Array, sparse.csr_matrix, Array]:
    """Return scores of held people, what they have, and the mean score of what was hidden."""
    people = np.unique(np.linspace(0, len(fold.held.people) - 1, most).astype(np.int64))
    weights = segment.blend.weights(fold.gates[people]) * segment.kept
    scores = fold.scores(people, weights).astype(np.float64)
    hidden = fold.held.hidden[people]
    rows = np.repeat(np.arange(len(people)), np.diff(hidden.indptr))
    total = np.bincount(rows, scores[rows, hidden.indices], minlength=len(people))
    return scores, fold.seen[people], total / np.diff(hidden.indptr)


def _log_total(scores: Array, had: sparse.csr_matrix, position: NDArray[np.int64] | None = None) -> Array:
    """Return log sum exp over the items not had, -inf where none is left; ``scores`` are written over.

    ``position`` is the column of each item, where these do not stand in their own order.
    """
    columns = had.indices if position is None else position[had.indices]
    scores[np.repeat(np.arange(len(scores)), np.diff(had.indptr)), columns] = -np.inf
    most = np.maximum(scores.max(axis=1, keepdims=True), np.finfo(np.float64).min)
    scores -= most
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.exp(scores, out=scores).sum(axis=1)) + most[:, 0])
