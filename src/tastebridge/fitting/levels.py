r"""One scale for the scores of all users: the log-odds that an item is the user's next one.

The weights of each segment are learned to order items for one user. Their sum is on a scale of its own, so
that users of two segments cannot be compared by it. With the out-of-fold score s of the user's items,

.. math:: \operatorname{logit} P(\text{next} = i \mid u) = a\,s_{ui} + c

is learned for each segment by logistic regression on its training lists: every held-out item counts one, and
all items of a user together count one user; the sampled others stand for all items of the target. Scores are
multiplied by the slope a, which goes into the weights, and c is the *level* of the segment, which goes into
the vectors of its users. Neither changes the order of the items of one user.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from tastebridge.fitting.training_lists import Lists, scores_of
from tastebridge.model import Array, Segment

_LEAST, _MOST = 0.1, 10.0
"""Bounds of the slope per standard deviation of the scores: no order is lost, none taken for certain."""
_STEPS = 50
_LEAST_MASS = 1e-6
"""Weight of an outcome that never came, as in a target of a single item: its odds stay finite."""


class Scaled(NamedTuple):
    """A segment whose scores differ by log-odds, and what to add to them to make log-odds of them."""

    segment: Segment
    level: float


def scaled(segment: Segment, lists: Lists, n_items: int) -> Scaled:
    """Return a segment on the scale of log-odds.

    Parameters
    ----------
    segment : Segment
        Its routes are the columns of the lists.
    lists : Lists
        A held-out item and sampled others each.
    n_items : int
        Items of the target.
    """
    scores = scores_of(lists, segment)
    width = len(lists.y) // len(lists.people)
    _, place, counts = np.unique(lists.people, return_inverse=True, return_counts=True)
    weights = np.where(lists.y > 0, 1.0, (n_items - 1) / (width - 1))
    weights = weights / np.repeat(counts[place], width)
    slope, level = logistic(scores, lists.y > 0, weights)
    return Scaled(segment.scaled(slope), level)


def level_of_popularity(n_items: int) -> float:
    """Return the level of the logarithms of shares of popularity, which are log-odds but for a constant."""
    return -float(np.log(n_items))


def logistic(scores: Array, y: NDArray[np.bool_], weights: Array) -> tuple[float, float]:
    """Return the slope, at least a tenth per standard deviation, and the offset of a logistic regression.

    By Newton's method on standardised scores; a weak prior on the slope, worth one user, keeps it finite.
    """
    mean, spread = float(scores.mean()), float(scores.std())
    taken, others = float((weights * y).sum()), float((weights * ~y).sum())
    odds = np.log(max(taken, _LEAST_MASS) / max(others, _LEAST_MASS))
    if not spread > 1e-9 * max(abs(mean), 1e-300):  # all alike: the order says nothing
        return 1.0, float(odds) - mean
    z = (scores - mean) / spread
    slope, offset = 1.0, float(odds)
    for _ in range(_STEPS):
        p = expit(slope * z + offset)
        rest, curve = weights * (p - y), weights * p * (1.0 - p)
        gradient = np.array([rest @ z + slope, rest.sum()])
        hessian = np.array([[curve @ z**2 + 1.0, curve @ z], [curve @ z, curve.sum() + 1e-9]])
        step = np.clip(np.linalg.solve(hessian, gradient), -1.0, 1.0)
        before = slope
        slope = float(np.clip(slope - step[0], _LEAST, _MOST))
        offset -= float(step[1])
        if max(abs(slope - before), abs(step[1])) < 1e-8:
            break
    return slope / spread, offset - slope * mean / spread
