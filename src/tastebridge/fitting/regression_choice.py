r"""The choice of the weight of an item regression, by NDCG@10 of warm users with every item ranked.

The *share* is the spread of the regression's scores relative to the blend's. The default is an eighth.
Another share, of the same or another regression, replaces it if it is better out of fold by more than one
standard error. If warm users are significantly worse served with the regression, the share becomes a
sixteenth, and finally 0.

Twins of a user's items are left out of the lists, as they are by default in recommendations. A hidden row
with a twin is found by any regression, and would speak for a share that other rows do not want.

A fold has fewer users than the model, and therefore fewer pairs with the minimum number of users. Its item
regression is weaker, so the gain is underestimated out of fold. On Amazon phone with the source sport, an
eighth gains 0.34 points on ``valid``, but nothing out of fold. So an eighth does not need to show a gain,
only no loss.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tastebridge.fitting.folds import Fold, spread_evenly
from tastebridge.fitting.later_figures import weights_of_halves
from tastebridge.metrics.intervals import paired_difference
from tastebridge.model import Array
from tastebridge.model.evidence import Halves

SHARES = (1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0)
"""The shares of the spread of the blend's scores that are tried, the first one in doubt.

On Amazon sport and phone an eighth is the best on ``valid``. On dense data more is: of four pairs of genres
of MovieLens, shares up to 4 gain 3.5 points of NDCG@10, and 1.3 without twins, over shares up to a half.
"""
_LESS = 1 / 16
_MOST = 3000
"""Users whose rankings are made, at most."""
_STEP, _CUTOFF = 512, 10


class Chosen(NamedTuple):
    """The number of a regression among those tried, and the weight of its route."""

    rule: int
    weight: float


def choose(tried: Sequence[Sequence[Fold]], halves: Halves, first: NDArray[np.int64]) -> Chosen | None:
    """Return the best regression and the weight of its route; None if any weight is a loss.

    Parameters
    ----------
    tried : list of list of Fold
        For each regression the folds of warm users, its route the last one.
    halves : Halves
        The blends of the other routes.
    first : ndarray
        The users of the first half.
    """
    if not tried:
        return None
    options = [(0, SHARES[0]), (0, _LESS)]
    options += [
        (rule, share) for rule in range(len(tried)) for share in SHARES if (rule, share) != options[0]
    ]
    units = [0.0] * len(tried)
    parts = []
    for folds in zip(*tried, strict=True):
        weights, fold = weights_of_halves(folds[0], halves, first), folds[0].without_twins()
        for rows in _chunks(fold, -(-_MOST // len(tried[0]))):
            lists = _scores(folds, rows, weights[rows], options, units)
            parts.append(np.stack([_found(scores, fold, rows) for scores in lists]))
    values = np.concatenate(parts, axis=1)
    for at in (_best(values[1:]), 0, 1):
        rule, share = options[at]
        if units[rule] and paired_difference(values[1 + at], values[0]).high >= 0:
            return Chosen(rule, share * units[rule])
    return None


def _best(values: Array) -> int:
    """Return the row of the highest mean among those more than a standard error above the first; else 0."""
    gains = values - values[0]
    means, errors = gains.mean(axis=1), gains.std(axis=1) / np.sqrt(values.shape[1])
    return int(np.argmax(np.where(means > errors, means, 0.0)))


def _chunks(fold: Fold, most: int) -> Iterator[NDArray[np.int64]]:
    """Yield the places of at most ``most`` users of a fold with a row to find, some at a time."""
    able = np.flatnonzero(np.diff(fold.held.hidden.indptr))
    rows = able[spread_evenly(len(able), most)]
    return (rows[start : start + _STEP] for start in range(0, len(rows), _STEP))


def _scores(
    folds: Sequence[Fold],
    rows: NDArray[np.int64],
    weights: Array,
    options: Sequence[tuple[int, float]],
    units: list[float],
) -> Iterator[NDArray[np.float32]]:
    """Yield the scores of some users by the blend, and by each option; units are set where they are 0."""
    blend = folds[0].scores(rows, np.column_stack([weights, np.zeros(len(rows))]))
    yield blend
    alone = np.zeros((len(rows), weights.shape[1] + 1))
    alone[:, -1] = 1.0
    own = [fold.scores(rows, alone) for fold in folds]
    for rule, scores in enumerate(own):
        # one unit for all users, from the first of them
        units[rule] = units[rule] or _ratio(blend, scores)
    for rule, share in options:
        yield blend + np.float32(share * units[rule]) * own[rule]


def _ratio(blend: NDArray[np.float32], own: NDArray[np.float32]) -> float:
    """Return the mean spread of the blend's scores over that of the route; 0 where it has no spread."""
    spread = float(own.std(axis=1, dtype=np.float64).mean())
    return float(blend.std(axis=1, dtype=np.float64).mean()) / spread if spread else 0.0


def _found(scores: NDArray[np.float32], fold: Fold, rows: NDArray[np.int64]) -> Array:
    """Return NDCG@10 of users with one hidden item each, every other item they do not have ranked."""
    hidden = fold.held.hidden[rows].indices
    own = scores[np.arange(len(rows)), hidden][:, None]
    seen = fold.seen[rows].tocoo()
    ahead = (scores > own) | ((scores == own) & (np.arange(scores.shape[1]) < hidden[:, None]))
    ahead[seen.row, seen.col] = False
    rank = ahead.sum(axis=1)
    return np.where(rank < _CUTOFF, 1.0 / np.log2(rank + 2.0), 0.0)
