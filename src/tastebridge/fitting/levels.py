r"""One scale for the scores of all users: the log-odds that an item is the user's next one.

The weights of each segment are learned to order items for one user. Their sum has an arbitrary scale, so
users of two segments cannot be compared by it. With the out-of-fold score s of the user's items,

.. math:: \operatorname{logit} P(\text{next} = i \mid u) = a\,s_{ui} + c

is learned for each segment by logistic regression on its training lists. Every held-out item has the weight
one, divided by the number of the user's lists. The sampled others are weighted to represent all items of the
target. The slope a is multiplied into the weights. The constant c is the *level* of the segment, which is
part of its users' vectors. Neither changes the order of the items of one user.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from tastebridge.fitting.training_lists import Lists, scores_of
from tastebridge.model import Array, Segment

_LEAST, _MOST = 0.1, 10.0
"""Bounds of the slope per standard deviation of the scores: above 0 to keep the order, and finite."""
_STEPS = 50
_LEAST_MASS = 1e-6
"""Weight of an outcome that never came, as in a target of a single item: its odds stay finite."""


class Scaled(NamedTuple):
    """A segment whose scores are log-odds up to a constant, and this constant."""

    segment: Segment
    level: float


def scaled(segment: Segment, lists: Lists, n_items: int) -> Scaled:
    """Return a segment on the scale of log-odds.

    Parameters
    ----------
    segment : Segment
        Its routes are the columns of the lists.
    lists : Lists
        Each has one held-out item and sampled others.
    n_items : int
        Items of the target.
    """
    scores = scores_of(lists, segment)
    width = lists.width
    _, place, counts = np.unique(lists.users, return_inverse=True, return_counts=True)
    # each of the width - 1 sampled items stands for its share of all n_items - 1 others
    weights = np.where(lists.y > 0, 1.0, (n_items - 1) / (width - 1))
    weights = weights / np.repeat(counts[place], width)
    slope, level = logistic(scores, lists.y > 0, weights)
    return Scaled(segment.scaled(slope), level)


def level_of_popularity(n_items: int) -> float:
    """Return the level of popularity: its scores are logarithms of shares, log-odds up to a constant."""
    return -float(np.log(n_items))  # the shares of a PopularityRoute have the mean 1, not the sum 1


def logistic(scores: Array, y: NDArray[np.bool_], weights: Array) -> tuple[float, float]:
    """Return the slope, at least a tenth per standard deviation, and the offset of a logistic regression.

    Solved by Newton's method on standardised scores. A weak prior on the slope, worth one user, keeps it
    finite.
    """
    mean, spread = float(scores.mean()), float(scores.std())
    taken, others = float((weights * y).sum()), float((weights * ~y).sum())
    odds = np.log(max(taken, _LEAST_MASS) / max(others, _LEAST_MASS))
    if not spread > 1e-9 * max(abs(mean), 1e-300):  # equal up to rounding: there is no slope to learn
        return 1.0, float(odds) - mean
    z = (scores - mean) / spread
    slope, offset = 1.0, float(odds)
    for _ in range(_STEPS):
        p = expit(slope * z + offset)
        rest, curve = weights * (p - y), weights * p * (1.0 - p)
        gradient = np.array([rest @ z + slope, rest.sum()])
        # 1.0 is the prior; 1e-9 keeps the matrix regular once all p are 0 or 1
        hessian = np.array([[curve @ z**2 + 1.0, curve @ z], [curve @ z, curve.sum() + 1e-9]])
        # where the curve is flat, a full Newton step leaps past the solution
        step = np.clip(np.linalg.solve(hessian, gradient), -1.0, 1.0)
        before = slope
        slope = float(np.clip(slope - step[0], _LEAST, _MOST))
        offset -= float(step[1])
        if max(abs(slope - before), abs(step[1])) < 1e-8:  # the slope as it moved, after its bounds
            break
    return slope / spread, offset - slope * mean / spread
