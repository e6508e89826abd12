r"""A handful of people in both: what routes over people are worth beside what stand-ins have taught.

Too few to tell the routes apart, they can tell what all of these are worth together. So the routes over
people, each divided by its standard deviation, are added up to one column beside the score as stand-ins
weighed it, and two weights are learned on people in both whose target rows were hidden. That of the column
counts :math:`n / (n + 20)` of what they say, n being how many they are.

They also see what stand-ins cannot: that a source tells nothing of the target. Where the score as stand-ins
weighed it is surely below popularity for them, popularity stands in its place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from sklearn.base import clone

from tastebridge._numerics.scaling import deviations
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
from tastebridge.fitting.training_lists import Lists, beside_the_first, lists_of, scores_of
from tastebridge.model import Segment
from tastebridge.model.blend import StackingBlend
from tastebridge.routes import FittedRoute, Route

_DOUBT = 20
"""People whose word counts half."""


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
    """Return the routes over users, and the segments whose weights cover them after the others.

    Parameters
    ----------
    built : Built
        What the other routes built; with fewer than five users in both there are no routes over users.
    over_users : list of Route
        The kinds that learn from users in both.
    segments : mapping of name to Segment
        The weights of the routes that were built; only the cold segment gets others.
    settings : FitSettings
    rng : Generator
    """
    context, kinds, routes = built.context, built.routes, built.fitted
    people, target = context.linked_to_any(), context.histories[context.target]
    if len(people) < FEWEST_LINKED or not over_users:
        return Weighed([], dict(segments))
    found = list(fit_routes(over_users, context).values())
    names = [route.name for route in (*routes, *found)]
    held = [
        [part for part in parts if part.segment == "cold"]
        for parts in held_out(target, people, number_of_folds(len(people)), settings.n_lists, rng)
    ]
    calls = [
        partial(build_fold, [*kinds, *over_users], context.hiding(without(target, part)), part, names)
        for part in held
    ]
    folds = [fold for part in together(calls, settings.n_jobs) for fold in part]
    lists = lists_of(folds, settings.n_lists, settings.n_negatives, rng)
    more = lists.X[:, len(routes) :]
    spread = deviations(more)
    unit = np.divide(1.0, spread, out=np.zeros(len(found)), where=spread > 0)
    known = _believed(settings.blend, lists, segments["cold"], popular_alone(routes, context.target, ()), rng)
    X = np.column_stack([scores_of(lists, known), more @ unit])
    weights = clone(settings.blend).fit(X, lists.y, lists.groups).weights()
    worth = len(people) / (len(people) + _DOUBT) * beside_the_first(weights, X)[0] * unit
    extended = {
        name: one.extended(worth, np.full(len(found), name == "cold"))
        for name, one in {**segments, "cold": known}.items()
    }
    return Weighed(found, extended)


def _believed(
    blend: StackingBlend, lists: Lists, taught: Segment, popular: Segment, rng: np.random.Generator
) -> Segment:
    """Return what stand-ins taught, or popularity where that is surely better for the people of the lists."""
    X = np.column_stack([scores_of(lists, popular), scores_of(lists, taught)])
    two = lists._replace(X=X, gates=np.zeros((len(X), 1)))
    gain = gain_of(blend, two, np.array([True, False]), np.array([False, True]), rng)
    return popular if gain.high < 0 else taught
