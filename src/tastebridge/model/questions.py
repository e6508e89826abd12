r"""The items of the target whose answers improve a user's list most: arrays in, arrays out, no ids.

Let :math:`p_i = \min(0.9, N e^{s_i} / \sum_j e^{s_j})` be the chance that the user likes item i: the blend's
own distribution of the next item, for the N items that a user of the target has on average. After the answer
"liked" about item j the scores are :math:`s^{+}` (:mod:`tastebridge.model.taste`), and the chances
:math:`p^{+}`. The list of ten is then made by :math:`s^{+}` instead of :math:`s`. The question is worth the
expected gain of discounted hits,

.. math:: g_j = p_j \sum_{r=1}^{10} \frac{p^{+}_{(r)} - p^{+}_{[r]}}{\log_2(1 + r)},

where (r) is the item at rank r by :math:`s^{+}`, and [r] by :math:`s`. Item j itself is in neither list. A
useful question needs a fair chance of a positive answer that changes the list. Questions are chosen from the
40 likeliest items among those at least as popular as the median item, because users must know the item.

If several questions are chosen at once, each one assumes that the earlier ones were answered as expected.
The scores stay, and the posterior covariance of the taste shrinks along their directions, so questions
differ.

References
----------
A. M. Rashid et al., "Getting to know you: learning new user preferences in recommender systems", IUI (2002),
for popularity times information. N. Golbandi, Y. Koren and R. Lempel, "Adaptive bootstrapping of recommender
systems using decision trees", WSDM (2011), for adaptive questions. O. Anava et al., "Budget-constrained item
cold-start handling in collaborative filtering recommenders via optimal design", WWW (2015), for greedy choice
under a Gaussian posterior. K. Christakopoulou, F. Radlinski and K. Hofmann, "Towards conversational
recommender systems", KDD (2016).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tastebridge._numerics.linalg import row_products
from tastebridge.model import taste
from tastebridge.model.linear import Array
from tastebridge.model.taste import TastePrior, gram

_CANDIDATES, _ITEMS = 40, 600
"""Items a question is chosen from, and the best items its gain is measured on."""
_LIST = 10
_SUREST = 0.9


class Situation(NamedTuple):
    """The state of the questions to one user.

    Attributes
    ----------
    scores : ndarray of shape (n_items,)
        By the history and the answers so far.
    closed : ndarray of shape (n_items,)
        Items that are in no list and no question, such as items the user has.
    asked : ndarray of shape (n_items,)
        Items that were asked about already; unless closed too, they can be in a list.
    known : ndarray of shape (n_items,)
        Items that users know.
    answered : ndarray of int
        Items whose direction was observed.
    n_liked : float
        The number of items a user of the target has on average.
    scale : float
        The scale of the user's deviations: :func:`tastebridge.model.taste.scale_of`.
    taste : ndarray of shape (k,)
        The mean of the taste, given the answers so far: :meth:`tastebridge.model.taste.TastePrior.mean`.
    """

    scores: Array
    closed: NDArray[np.bool_]
    asked: NDArray[np.bool_]
    known: NDArray[np.bool_]
    answered: NDArray[np.int64]
    n_liked: float
    scale: float
    taste: Array


class Question(NamedTuple):
    """An item to ask about, the chance that the user likes it, and the expected gain."""

    item: int
    chance: float
    gain: float


def best_questions(prior: TastePrior, situation: Situation, n: int) -> list[Question]:
    """Return up to ``n`` questions, the most useful first; fewer where fewer items are left."""
    scores, closed = situation.scores, situation.closed
    open_items = np.flatnonzero(~closed)
    # by number where scores are equal: one order for all
    items = open_items[np.argsort(-scores[open_items], kind="stable")][:_ITEMS]
    places = np.flatnonzero((situation.known & ~situation.asked)[items])[: max(_CANDIDATES, n)]
    chances = np.minimum(_SUREST, situation.n_liked * _softmax(scores[items][:, None])[:, 0])
    found: list[Question] = []
    observed = situation.answered
    for _ in range(min(n, len(places))):
        # products with the items are the costly part, and the covariance has changed since the last question
        gains = chances[places] * _gains(prior, observed, situation, items, places)
        best = int(np.argmax(gains))
        place = int(places[best])
        found.append(Question(int(items[place]), float(chances[place]), float(gains[best])))
        observed, places = np.append(observed, items[place]), np.delete(places, best)
    return found


def _gains(
    prior: TastePrior,
    observed: NDArray[np.int64],
    situation: Situation,
    items: NDArray[np.int64],
    places: NDArray[np.int64],
) -> Array:
    """Return the gain (n_places,) if the user likes the item at each place of ``items``, best first."""
    if len(items) == 1:
        # the only item left: there is no list that its answer could change
        return np.zeros(1)
    W, known = prior.directions(items[places]), prior.directions(observed)
    covariances = _projected(W, known)
    variance = (covariances * W).sum(axis=1)
    # "liked" observes 1; the part of it that earlier answers made expected moves nothing any more
    surprise = 1.0 - row_products(W, situation.taste[:, None])[:, 0]
    steps = situation.scale * surprise / (variance + taste.NOISE)
    shifts = row_products(prior.vectors(items), covariances.T) * steps
    after = situation.scores[items][:, None] + shifts
    asked = (places, np.arange(len(places)))
    after[asked] = -np.inf
    chances = np.minimum(_SUREST, situation.n_liked * _softmax(after))
    length = min(_LIST, len(items) - 1)
    discounts = 1.0 / np.log2(np.arange(length) + 2.0)
    # the list as it is, without the item itself
    ranks = np.arange(length)[:, None] + (np.arange(length)[:, None] >= places)
    before = np.take_along_axis(chances, ranks, axis=0)
    top = np.partition(chances, len(items) - length, axis=0)[len(items) - length :]
    best = -np.sort(-top, axis=0)
    return np.asarray((discounts[:, None] * (best - before)).sum(axis=0))


def _projected(W: Array, known: Array) -> Array:
    r"""Return the rows of W (n, k) times the posterior covariance of the taste, given observed directions."""
    if not len(known):
        return W
    inverse: Array = np.asarray(np.linalg.inv(gram(known, known) + taste.NOISE * np.eye(len(known))))
    seen: Array = gram(gram(W, known), inverse)
    return np.asarray(W - row_products(seen, known))


def _softmax(scores: Array) -> Array:
    """Return the softmax of each column."""
    shares = np.exp(scores - scores.max(axis=0, initial=-np.inf))
    return np.asarray(shares / shares.sum(axis=0))
