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

import numpy as np
from sklearn.base import clone

from tastebridge._numerics.threads import together
from tastebridge.fitting.folds import (
    FEWEST_LINKED,
    Lists,
    build_fold,
    fit_routes,
    held_out,
    lists_of,
    number_of_folds,
    scores_of,
    without,
)
from tastebridge.fitting.source_evaluation import gain_of, popular_alone
from tastebridge.model import Segment
from tastebridge.model.blend import StackingBlend
from tastebridge.routes import FitContext, FittedRoute, Route

_DOUBT = 20
"""People whose word counts half."""


def learn_handful(
    context: FitContext,
    kinds: Sequence[Route],
    over_people: Sequence[Route],
    routes: Sequence[FittedRoute],
    segments: Mapping[str, Segment],
    blend: StackingBlend,
    n_lists: int,
    n_negatives: int,
    rng: np.random.Generator,
    n_jobs: int | None,
) -> tuple[list[FittedRoute], dict[str, Segment]]:
    """Return the routes over people, and the segments whose weights cover them after the others.

    Parameters
    ----------
    context : FitContext
        Of everybody; with fewer than five people in both there are no such routes.
    kinds : list of Route
    over_people : list of Route
        The kinds that learn from people in both.
    routes : list of FittedRoute
        What ``kinds`` built in the context.
    segments : mapping of name to Segment
        The weights of ``routes``; only the cold are given others.
    blend : StackingBlend
        How weights are learned.
    n_lists, n_negatives : int
        As of :class:`tastebridge.InterestMapper`.
    rng : Generator
    n_jobs : int or None
    """
    people, target = context.linked_to_any(), context.histories[context.target]
    if len(people) < FEWEST_LINKED or not over_people:
        return [], dict(segments)
    found = list(fit_routes(over_people, context).values())
    names = [route.name for route in (*routes, *found)]
    held = [
        [part for part in parts if part.segment == "cold"]
        for parts in held_out(target, people, number_of_folds(len(people)), n_lists, rng)
    ]
    calls = [
        partial(build_fold, [*kinds, *over_people], context.hiding(without(target, part)), part, names)
        for part in held
    ]
    folds = [fold for part in together(calls, n_jobs) for fold in part]
    lists = lists_of(folds, n_lists, n_negatives, rng)
    more = lists.X[:, len(routes) :]
    spread = more.std(axis=0)
    unit = np.divide(1.0, spread, out=np.zeros(len(found)), where=spread > 0)
    known = _believed(blend, lists, segments["cold"], popular_alone(routes, context.target, ()), rng)
    X = np.column_stack([scores_of(lists, known), more @ unit])
    own, theirs = clone(blend).fit(X, lists.y, lists.groups).weights()
    worth = len(people) / (len(people) + _DOUBT) * theirs / own * unit
    return found, {
        name: one.extended(worth, np.full(len(found), name == "cold"))
        for name, one in {**segments, "cold": known}.items()
    }


def _believed(
    blend: StackingBlend, lists: Lists, taught: Segment, popular: Segment, rng: np.random.Generator
) -> Segment:
    """Return what stand-ins taught, or popularity where that is surely better for the people of the lists."""
    X = np.column_stack([scores_of(lists, popular), scores_of(lists, taught)])
    two = lists._replace(X=X, gates=np.zeros((len(X), 1)))
    gain = gain_of(blend, two, np.array([True, False]), np.array([False, True]), rng)
    return popular if gain.high < 0 else taught
