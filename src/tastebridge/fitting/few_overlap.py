r"""Few shared users: one common weight for the routes over users, added to a blend learned on pseudo-overlap.

A few shared users cannot tell the routes over users apart, but they show the value of all of them together.
These routes, each divided by its standard deviation, are summed to one column. The other column is the score
of the blend learned on pseudo-overlapping users (:mod:`tastebridge.fitting.pseudo_overlap`). The weights of
both columns are learned on shared users whose target rows were hidden. The weight of the routes over users is
shrunk by :math:`n / (n + 20)`, where n is the number of shared users.

Shared users also show whether a source is uninformative about the target, which pseudo-overlap cannot.
If the blend is significantly worse than popularity for them, popularity replaces it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from sklearn.base import clone

from tastebridge._numerics.scaling import deviations, varies
from tastebridge._numerics.threads import together
from tastebridge.fitting.built import Built
from tastebridge.fitting.folds import (
    FEWEST_LINKED,
    build_fold,
    fit_routes,
    held_out,
    number_of_folds,
    without,
)
from tastebridge.fitting.settings import FitSettings
from tastebridge.fitting.source_evaluation import gain_of, popular_alone
from tastebridge.fitting.training_lists import Lists, lists_of, relative_to_first, scores_of
from tastebridge.model import Segment
from tastebridge.model.blend import StackingBlend
from tastebridge.routes import FittedRoute, Route

# benchmark pairs of genres with fewer than 50 shared users gained 0.2 to 1.2 points with this value
_DOUBT = 20
"""The number of shared users at which the learned weight counts half."""


class Weighed(NamedTuple):
    """Routes and the weights that blend them, by segment."""

    routes: Sequence[FittedRoute]
    segments: Mapping[str, Segment]


def learn_few_overlap(
    built: Built,
    over_users: Sequence[Route],
    segments: Mapping[str, Segment],
    settings: FitSettings,
    rng: np.random.Generator,
) -> Weighed:
    """Return the routes over users, and the segments with their weights after the other weights.

    Parameters
    ----------
    built : Built
        The other routes. With fewer than five shared users there are no routes over users.
    over_users : list of Route
        The kinds that learn from shared users.
    segments : mapping of name to Segment
        The weights of the routes in ``built``; only the cold segment changes.
    settings : FitSettings
    rng : Generator
    """
    context, kinds, routes = built.context, built.routes, built.fitted
    users, target = context.linked_to_any(), context.histories[context.target]
    if len(users) < FEWEST_LINKED or not over_users:
        return Weighed([], dict(segments))
    found = list(fit_routes(over_users, context).values())
    names = [route.name for route in (*routes, *found)]
    held = [  # warm users have weights from their own rows already
        [part for part in parts if part.segment == "cold"]
        for parts in held_out(target, users, number_of_folds(len(users)), settings.n_lists, rng)
    ]
    calls = [
        partial(build_fold, [*kinds, *over_users], context.hiding(without(target, part)), part, names)
        for part in held
    ]
    folds = [fold for part in together(calls, settings.n_jobs) for fold in part]
    lists = lists_of(folds, settings.n_lists, settings.n_negatives, rng)
    more, spread = lists.X[:, len(routes) :], deviations(lists.X)
    # a route without any spread on these lists gets the weight 0: there is nothing to scale it by
    unit = np.divide(1.0, spread, out=np.zeros(len(spread)), where=varies(spread))[len(routes) :]
    known = _better_of(
        settings.blend, lists, segments["cold"], popular_alone(routes, context.target, ()), rng
    )
    X = np.column_stack([scores_of(lists, known), more @ unit])
    weights = clone(settings.blend).fit(X, lists.y, lists.groups).weights()
    worth = len(users) / (len(users) + _DOUBT) * relative_to_first(weights, X)[0] * unit
    extended = {
        name: one.extended(worth, np.full(len(found), name == "cold"))
        for name, one in {**segments, "cold": known}.items()
    }
    return Weighed(found, extended)


def _better_of(
    blend: StackingBlend, lists: Lists, learned: Segment, popular: Segment, rng: np.random.Generator
) -> Segment:
    """Return the blend, or popularity if that is significantly better for the users of the lists."""
    X = np.column_stack([scores_of(lists, popular), scores_of(lists, learned)])
    two = lists._replace(X=X, gates=np.zeros((len(X), 1)))
    gain = gain_of(blend, two, np.array([True, False]), np.array([False, True]), rng)
    # the whole interval below 0: in doubt the blend stays, as so few users decide here
    return popular if gain.high < 0 else learned
