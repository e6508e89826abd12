r"""Recent popularity for current users, in place of popularity over all time.

Users who enter a category now tend to choose recently popular items. For users whose last event is old,
popularity over all time is better, because their hidden items are old too. So the route counts for users
whose last event in any category is recent, and fades out for others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge._foundation.validation import check_number
from tastebridge.data.ages import ages_of
from tastebridge.routes.context import FitContext
from tastebridge.routes.fitted import Array, Encoder, FittedRoute, Histories
from tastebridge.routes.kinds import RouteKind
from tastebridge.routes.popularity import PopularityRoute
from tastebridge.routes.route import Route
from tastebridge.routes.statistics import Moves, Parts, RouteStatistics, check_left

SHARES = (1 / 2, 1 / 8, 1 / 30)
"""The half-lives of the routes that a mapper tries, as shares of the time span of the data."""
CURRENT = "popularity, for current users"
_USERS = "current users"
"""The name of the encoder."""
CURRENT_AGES = (1 / 4, 1 / 8)
"""Ages up to which the last event makes a user current; from twice this age on the user is not.

A mapper takes the second where users drawn at random are better served so:
:mod:`tastebridge.fitting.later_users`.
"""
_UNIT = 2**20
"""Decayed events are counted in millionths: sums of whole numbers are exact in any order."""


class RecentPopularityRoute(Route):
    r"""The change of an item's share of events, for current users.

    .. math:: s_{ui} = \phi_u \Bigl(\log \frac{n_i + c}{\overline{n + c}}
                                    - \log \frac{m_i + c}{\overline{m + c}}\Bigr), \qquad
              n_i = \sum_{v: i \in v} 2^{-a_{vi} / h}

    with the age :math:`a_{vi}` of the event of user and item and the half-life :math:`h`, both as shares of
    the time span of the data, and the number :math:`m_i` of users of an item. Added to popularity, it yields
    recent popularity. :math:`\phi_u` is 1 if the last event of the user is at most a quarter of the span old,
    0 if it is older than a half, and linear in between. It is 1 without any event.

    The ages are read from the weights of the histories (:mod:`tastebridge.data.ages`), so the route is only
    useful if the weights encode ages.

    Parameters
    ----------
    share : float, default=0.125
        The half-life h, above 0.
    prior : float, default=0.5
        Events c added to each item, above 0.
    """

    def __init__(self, share: float = 0.125, prior: float = 0.5) -> None:
        self.share = share
        self.prior = prior

    def build(self, context: FitContext) -> list[FittedRoute]:
        """Return the one route."""
        share = check_number("share", self.share, 0.0, open_minimum=True)
        prior = check_number("prior", self.prior, 0.0, open_minimum=True)
        name = f"recent popularity, half-life {share:.3g} of the span"
        rows = context.histories[context.target]
        account = RecentCounts(name, context.target, share, prior, *counts_of(rows, share))
        context.keep(name, account)
        space = context.space(name, account.solved())
        encoder = context.encoder(tuple(context.histories), Current(), _USERS)
        kind = RouteKind.RECENT_POPULARITY
        return [FittedRoute(name, (), encoder, None, None, space, kind=kind, recipe=name)]


class CurrentPopularityRoute(Route):
    r"""The popularity of items once more, for current users only.

    .. math:: s_{ui} = \phi_u \log \frac{m_i + c}{\overline{m + c}}

    With it, popularity can count more for users who are served recent popularity than for others. It is of
    the space of :class:`PopularityRoute`, and changes with it.
    """

    def build(self, context: FitContext) -> list[FittedRoute]:
        """Return the one route."""
        (popular,) = PopularityRoute().build(context)
        encoder = context.encoder(tuple(context.histories), Current(), _USERS)
        kind = RouteKind.RECENT_POPULARITY
        return [FittedRoute(CURRENT, (), encoder, None, None, popular.space, kind=kind, recipe=CURRENT)]


class Current:
    """The encoder of how current users are, from 0 to 1; 1 without any event.

    Parameters
    ----------
    age : float, default=0.25
        Age of the last event, as a share of the time span of the data, up to which users are current.
    """

    def __init__(self, age: float = CURRENT_AGES[0]) -> None:
        self.age = age

    def transform(self, X: sparse.csr_matrix) -> Array:
        """Return a column, by the weight of each user's youngest event."""
        youngest = np.zeros(X.shape[0])
        np.maximum.at(youngest, np.repeat(np.arange(X.shape[0]), np.diff(X.indptr)), X.data)
        ages = ages_of(np.where(youngest > 0, youngest, 1.0))
        return np.clip(2.0 - ages / self.age, 0.0, 1.0)[:, None]


def for_current(routes: Sequence[FittedRoute], context: FitContext, age: float) -> list[FittedRoute]:
    """Return routes of recent popularity for users whose last event has at most this age."""
    key = _USERS if age == CURRENT_AGES[0] else f"{_USERS}, {age:.3g} of the span"
    encoder = context.encoder(tuple(context.histories), Current(age), key)
    return [replace(route, encoder=encoder) for route in routes]


def counts_of(rows: sparse.csr_matrix, share: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the decayed events of each item, in units of 2^-20, and its users."""
    decayed = np.rint(_UNIT * np.exp2(-ages_of(rows.data) / share)).astype(np.int64)
    recent = np.zeros(rows.shape[1], dtype=np.int64)
    np.add.at(recent, rows.indices, decayed)
    return recent, np.bincount(rows.indices, minlength=rows.shape[1]).astype(np.int64)


def change_of_share(recent: NDArray[np.int64], counts: NDArray[np.int64], prior: float = 0.5) -> Array:
    """Return the change of the logarithm of each item's share, (n_items,), from the counts of an item."""
    young, every = recent / _UNIT + prior, counts + prior
    return np.asarray(np.log(young / young.mean()) - np.log(every / every.mean()))


@dataclass(frozen=True, eq=False)
class RecentCounts(RouteStatistics):
    """The counts of a :class:`RecentPopularityRoute`.

    Attributes
    ----------
    route : str
        Name of the fitted route, and of its space.
    target : str
    share : float
        The half-life as a share of the time span of the data.
    prior : float
        Added to each count.
    recent : ndarray of shape (n_items,)
        Decayed events of each target item, in units of 2^-20.
    counts : ndarray of shape (n_items,)
        Users of each target item.
    """

    route: str
    target: str
    share: float
    prior: float
    recent: NDArray[np.int64]
    counts: NDArray[np.int64]

    @property
    def serves(self) -> frozenset[str]:
        """The one route."""
        return frozenset([self.route])

    def plus(self, histories: Histories, encoders: Mapping[str, Encoder], sign: int) -> Self:
        """Add or take out the events of some users."""
        recent, counts = counts_of(histories[self.target], self.share)
        recent, counts = self.recent + sign * recent, self.counts + sign * counts
        check_left(min(recent.min(initial=0), counts.min(initial=0)))
        return replace(self, recent=recent, counts=counts)

    def widened(self, moves: Moves) -> Self:
        """Return the counts over more items."""
        if self.target not in moves:
            return self
        places = moves[self.target]
        return replace(self, recent=places.spread(self.recent), counts=places.spread(self.counts))

    def solve(self, parts: Parts) -> None:
        """Put the change of popularity into its space."""
        if self.route in parts.spaces:
            parts.spaces[self.route] = self.solved().astype(np.float32)

    def solved(self) -> Array:
        """Return the change of the logarithm of each item's share, (n_items, 1)."""
        return change_of_share(self.recent, self.counts, self.prior)[:, None]
