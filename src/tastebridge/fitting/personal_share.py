r"""The personal share: the weight of a blend relative to recent popularity, for current users.

If popularity drifts, recent popularity is the better estimate of an item's value. A blend also models the
taste of a user, but its weights are learned on users drawn at random. Users who enter the target later are
often less similar to the users of the fit. With the score s of the blend and the logarithm m of an item's
share, the score is

.. math:: \gamma s_{ui} + \phi_u\, \kappa \Bigl((1 - \gamma)\, m_i + \sum_h w_h\, \delta_{hi}\Bigr)

where :math:`\kappa` is the weight that popularity has in s already: the slope of the mean score of an item on
m. For any :math:`\gamma`, recent popularity thus replaces the part of s that all users share, on its own
scale. The *personal share* :math:`\gamma` is 1, 1/2, 1/4 and so on down to 1/32, where the blend does little
more than break ties of recent popularity.

Before any evidence, the share is about a quarter: its binary logarithm is normally distributed around -2,
with a standard deviation of 1.5. Later users count by the likelihood of their hidden items among all items.
Users drawn at random are weaker evidence, because their other events date from the same period as the hidden
ones. All current users among them together count as ten later users (a power prior). The chosen share is the
one nearest to the posterior mean. With few later users the result is close to recent popularity, and with
more evidence it can move away from it.

The temperature of the softmax is free, because only the order matters.

References
----------
J. G. Ibrahim and M.-H. Chen, "Power prior distributions for regression models", Statistical Science 15
(2000).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tastebridge.fitting.folds import Fold, spread_evenly
from tastebridge.fitting.later_figures import popularity_of, weights_of_halves
from tastebridge.model import Array, Segment
from tastebridge.model.evidence import Halves

PERSONAL = (1.0, 1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32)
"""The shares that are tried, with equal steps of their logarithm."""
TIES = 2.0**-10
"""The share by which only ties of popularity are broken: current users get what is popular."""
_MEAN, _DEVIATION = -2.0, 1.5
"""Of the binary logarithm of the share before any evidence."""
_DRAWN = 10.0
"""Later users that all users drawn at random count as, at most."""
_TEMPERATURES = (0.5, 0.7, 1.0, 1.4, 2.0)
_USERS, _STEP = 400, 256
"""Users of each kind on whom a share is judged, at most, and users scored at once."""
_LEAST_SLOPE = 0.1
_DIGITS = 6
"""Decimals of a likelihood, so that the rounding of a processor decides nothing."""


class Choice:
    """The personal share of one segment.

    Parameters
    ----------
    drawn, late : list of Fold
        The folds of users drawn at random, and those in time, with the routes of recent popularity last.
    first : ndarray
        The users drawn into the first half.
    options : mapping of share to pair of Halves
        The blends for users drawn at random, and for users in time.
    """

    def __init__(
        self,
        drawn: Sequence[Fold],
        late: Sequence[Fold],
        first: NDArray[np.int64],
        options: Mapping[float, tuple[Halves, Halves]],
    ) -> None:
        self._shares = list(options)
        halves = list(options.values())
        self._late = np.array([likelihoods(late, in_time, first) for _, in_time in halves])
        alike = np.array([likelihoods(drawn, at_random, first) for at_random, _ in halves])
        # the order of the items of all others is the same at any share
        current = np.concatenate([fold.vectors[-1][_judged(fold, drawn), 0] > 0 for fold in drawn])
        n = int(current.sum())
        self._drawn = alike[:, current].sum(axis=1) * min(1.0, _DRAWN / max(n, 1))
        self._place = np.concatenate([_judged(fold, late) for fold in late]) if late else np.zeros(0)

    def share(self, turns: Sequence[int] = (0, 1)) -> float:
        """Return the share next to the mean of the posterior distribution.

        With ``turns`` of (0,) or (1,), every other later user counts, from the first or the second.
        """
        later = self._late[:, np.isin(self._place % 2, turns)].sum(axis=1)
        steps = np.log2(self._shares)
        evidence = later + self._drawn - 0.5 * ((steps - _MEAN) / _DEVIATION) ** 2
        p = np.exp(evidence - evidence.max())
        mean = float((p * steps).sum() / p.sum())
        return self._shares[int(np.abs(steps - mean).argmin())]


def mixed(segment: Segment, share: float, slope: float, recent: Array) -> Segment:
    """Return a segment with a personal share, and the routes of recent and of current popularity added.

    Parameters
    ----------
    segment : Segment
    share : float
        The personal share, above 0.
    slope : float
        As of :func:`slope_of_popularity`.
    recent : ndarray of shape (n_half_lives,)
        The weights of recent popularity next to popularity of weight 1.
    """
    added = slope * np.append(recent, 1.0 - share)
    kept = np.append(np.full(len(recent), bool(recent.any())), share < 1)
    return segment.scaled(share).extended(added, kept)


def slope_of_popularity(folds: Sequence[Fold], segment: Segment) -> float:
    """Return the slope of an item's mean score on the logarithm of its share, weighted by its users.

    Of the users of the first fold; 1 without any fold, where the blend is popularity. It is at least 0.1, so
    that recent popularity counts even where a blend orders items against popularity.
    """
    if not folds:
        return 1.0
    fold = folds[0]
    weights = segment.blend.weights(fold.gates) * segment.kept
    scores = np.zeros(fold.seen.shape[1])
    for at in np.flatnonzero(weights.any(axis=0)):
        # the mean over users first: the mean score needs no matrix of all scores
        z = (fold.vectors[at] * weights[:, [at]]).mean(axis=0)
        V = fold.items[fold.spaces[at]]
        scores += np.asarray(V[:, : len(z)] @ z).ravel()
    m = popularity_of(fold)
    p = np.exp(m) / np.exp(m).sum()
    away = m - float((p * m).sum())
    spread = float((p * away**2).sum())
    slope = float((p * away * scores).sum()) / spread if spread > 0 else 1.0
    return max(round(slope, _DIGITS), _LEAST_SLOPE)


def likelihoods(folds: Sequence[Fold], halves: Halves, first: NDArray[np.int64]) -> Array:
    """Return the log-likelihood of users' hidden items among all items, at the best temperature."""
    found = []
    for fold in folds:
        some = _judged(fold, folds)
        weights = weights_of_halves(fold, halves, first)
        for start in range(0, len(some), _STEP):
            rows = some[start : start + _STEP]
            found.append(_likelihoods(fold.scores(rows, weights[rows]), fold, rows))
    if not found:
        return np.zeros(0)
    # one temperature for all users: the weights of a blend are alike for all, too
    values = np.concatenate(found, axis=1)
    return np.asarray(np.round(values[values.mean(axis=1).argmax()], _DIGITS))


def _judged(fold: Fold, folds: Sequence[Fold]) -> NDArray[np.int64]:
    """Return the positions of the users of a fold on whom a share is evaluated."""
    return spread_evenly(len(fold.held.people), -(-_USERS // len(folds)))


def _likelihoods(scores: NDArray[np.float32], fold: Fold, rows: NDArray[np.int64]) -> Array:
    """Return the log-likelihoods (n_temperatures, n_users), with equal weights for a user's hidden items."""
    scores -= scores.max(axis=1, keepdims=True)
    hidden, seen = fold.held.hidden[rows].tocoo(), fold.seen[rows].tocoo()
    scores[seen.row, seen.col] = -np.inf
    # a user with many hidden items counts as one, by the mean of their likelihoods
    counts = np.maximum(np.bincount(hidden.row, minlength=len(rows)), 1)
    out = np.empty((len(_TEMPERATURES), len(rows)))
    for at, t in enumerate(_TEMPERATURES):
        total = _log_sums(np.float32(t) * scores)
        taken = np.bincount(hidden.row, scores[hidden.row, hidden.col].astype(np.float64), len(rows))
        out[at] = t * taken / counts - total
    return out


def _log_sums(scores: NDArray[np.float32]) -> Array:
    """Return the logarithms of the sums over rows of the exponentials of scores, which are 0 at most."""
    sums = np.exp(scores).sum(axis=1, dtype=np.float64)
    # where the best items are seen ones, all the others may underflow
    low = np.flatnonzero(sums == 0)
    out = np.log(sums, where=sums > 0, out=np.zeros_like(sums))
    # in float64, and by the best of what is left: a sum of 0 would make a likelihood infinite
    best = scores[low].max(axis=1, keepdims=True).astype(np.float64)
    out[low] = best[:, 0] + np.log(np.exp(scores[low] - best).sum(axis=1))
    return out
