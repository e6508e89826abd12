"""One fit for several targets: every factor model is fitted once on all users and once per fold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from tastebridge._numerics.threads import together
from tastebridge.fitting.built import Built
from tastebridge.fitting.fold_assignment import LEAST, MOST, held_for_all, hidden_histories
from tastebridge.fitting.folds import FEWEST_LINKED, Fold, Held, fit_routes, folds_of
from tastebridge.fitting.plan import Plan
from tastebridge.fitting.settings import FitSettings
from tastebridge.fitting.source_evaluation import with_own_routes
from tastebridge.routes import FitContext, Route


class Aim(NamedTuple):
    """One target: its sources, its plan and its routes."""

    sources: list[str]
    plan: Plan
    routes: list[Route]


def build_all(
    hub: FitContext, aims: Mapping[str, Aim], settings: FitSettings, rng: np.random.Generator
) -> dict[str, Built]:
    """Return the routes and folds of every target, with factors of single and of all categories shared.

    A fold hides other users in every target (:mod:`tastebridge.fitting.fold_assignment`), so that its factors
    serve all targets. Every factor model is fitted 1 + n_folds times, however many targets there are.

    Parameters
    ----------
    hub : FitContext
        The histories of all users, with the largest rank that any route asks of SVD factors.
    aims : mapping of target to Aim
    settings : FitSettings
        ``n_folds=None`` for enough folds to judge 200 users of the median target. At most ``n_lists`` users
        of a segment are held out in a fold and target.
    rng : Generator
    """
    contexts = {name: _view(hub, name, aim, settings) for name, aim in aims.items()}
    linked = {
        name: users
        for name, context in contexts.items()
        if len(users := context.linked_to_any()) >= FEWEST_LINKED
    }
    n_folds = settings.n_folds or number_of_folds([len(users) for users in linked.values()])
    held = held_for_all(hub.histories, linked, n_folds, settings.n_lists, rng) if linked else []
    whole = together(
        [partial(fit_routes, aims[name].routes, contexts[name]) for name in contexts], settings.n_jobs
    )
    fitted = dict(zip(contexts, whole, strict=True))
    found: dict[str, list[Fold]] = {name: [] for name in aims}
    for fold in held:  # one after the other: all targets of a fold share its context, and then it goes
        hidden = FitContext(hidden_histories(hub.histories, fold), hub.target, hub.rank, hub, hub.features)
        # the hub is of no single target, so it has no twins; each of its views has those of its own
        calls = [
            partial(_judged, _view(hidden, name, aims[name], settings), aims[name], part, list(fitted[name]))
            for name, part in fold.items()
        ]
        for name, one in zip(fold, together(calls, settings.n_jobs), strict=True):
            found[name] += one
    built = {}
    for name, context in contexts.items():
        hidden_here = [fold[name] for fold in held if name in fold]
        routes = list(fitted[name].values())
        built[name] = Built(context, aims[name].routes, hidden_here, routes, found[name])
    return built


def number_of_folds(n_linked: Sequence[int], enough: int = 200) -> int:
    """Return the number of folds needed to evaluate ``enough`` users of the median target."""
    parts = int(np.clip(len(n_linked), LEAST, MOST))
    usual = max(int(np.median(n_linked)), 1) if len(n_linked) else 1
    return int(np.clip(-(-enough * parts // usual), 1, parts))


def _view(hub: FitContext, target: str, aim: Aim, settings: FitSettings) -> FitContext:
    """Return a context for one target that has its factors from the hub."""
    kept = {name: rows for name, rows in hub.histories.items() if name == target or name in aim.sources}
    same, seed = aim.plan.matches, settings.random_state
    return FitContext(kept, target, hub.rank, hub, hub.features, same, seed)


def _judged(context: FitContext, aim: Aim, held: list[Held], names: list[str]) -> list[Fold]:
    """Return the folds of one target, with its users as they are and without each source."""
    fitted = fit_routes(aim.routes, context)
    # without its only source a blend has nothing but the target: that is the baseline already
    lacking = with_own_routes(list(fitted.values()), aim.sources) if len(aim.sources) > 1 else ()
    return folds_of(context, held, fitted, names, lacking)
