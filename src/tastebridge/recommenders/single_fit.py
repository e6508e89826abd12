"""The fit of a mapper of one target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tastebridge._foundation.progress import steps
from tastebridge._foundation.warnings import warn, warn_of_data
from tastebridge._numerics.threads import one_blas_thread
from tastebridge.data import Panel
from tastebridge.data.same_items import without_same_items
from tastebridge.diagnostics.relatedness import chance_agreement, item_agreement
from tastebridge.exceptions import InvalidDataError
from tastebridge.fitting.default_routes import largest_rank, routes_over, routes_over_users
from tastebridge.fitting.plan import Plan, numbered_from_zero
from tastebridge.fitting.target_fit import TargetFit, build
from tastebridge.online.state import FittedState
from tastebridge.persist import Saved
from tastebridge.recommenders.base import restored
from tastebridge.recommenders.dates import Dates, chosen_encoder
from tastebridge.recommenders.fit_plan import check_parameters, routes_asked_for, settings_of
from tastebridge.recommenders.given_models import compare, laid_over
from tastebridge.recommenders.learning import Known, learn_state
from tastebridge.routes import FitContext

if TYPE_CHECKING:
    from tastebridge.recommenders.interest_mapper import InterestMapper

_CHANCE = 0.005
"""Probability under chance up to which items numbered alike are taken for the same: one in 200 is wrong."""


def fit_one(
    mapper: InterestMapper, panel: Panel, make_context: Callable[..., FitContext] | None = None
) -> tuple[Panel, FittedState, str]:
    """Return the panel of the target and its sources, the state, and a warning ("" for none).

    Parameters
    ----------
    mapper : InterestMapper
        A mapper of one target.
    panel : Panel
    make_context : callable, optional
        Makes the context of the fit, if most users are not in the panel, as with Spark.
    """
    target, settings = mapper.target, settings_of(mapper)
    sources = check_parameters(mapper, panel, [target])[target]
    panel, sources = _of_own_items(panel.select([*sources, target]), target, sources)
    panel, models = laid_over(mapper, panel, [target])
    given = models.into(target, sources)
    settings = settings if given.target is None else settings.into_one_space()
    plan = Plan.of(mapper.bridge if given.target is None else "users", panel, target, sources)
    late = not (make_context or plan.standing or settings.one_space)
    dates = Dates.of(mapper, panel, [target]) if late else None
    settings = settings._replace(dated=dates is not None)
    encoder, tried = chosen_encoder(mapper, panel, [target], dates)
    histories = encoder.rows(panel, keep=True)
    compare(mapper, models, panel, histories)
    asked = routes_asked_for(mapper, target, histories, panel, plan, given)
    rng = np.random.default_rng(mapper.random_state)
    context = (make_context or FitContext)(
        histories,
        target,
        largest_rank(asked),
        features=panel.item_features,
        same=plan.matches,
        seed=settings.random_state,
    )
    with one_blas_thread(), steps("Fitting", 7 + (dates is not None), mapper.verbose) as step:
        step("factors")
        agreement = _agreement(mapper, context, plan, panel)
        built = build(context, routes_over(plan.over, asked), sources, plan, settings, rng)
        # with few linked users, their routes join routes over features or items later
        over_users = routes_over_users(asked) if plan.over == "other" else ()
        later = dates.later(histories, target, settings.random_state) if dates else None
        known = Known(panel, encoder, agreement=agreement, over_users=over_users, later=later)
        state, message = learn_state(TargetFit(built, sources, plan, settings, rng), known, step)
    message = " ".join(part for part in (message, settings.deadline.message) if part)
    state = replace(state, tables={**state.tables, **tried})
    return panel, state, message


def fit_elsewhere(
    mapper: InterestMapper, panel: Panel, make_context: Callable[..., FitContext]
) -> InterestMapper:
    """Fit a mapper on a sample of users, the others being elsewhere; it keeps none of them."""
    _, state, message = fit_one(mapper, panel, make_context)
    encoder = state.encoder.moved(state.encoder.items, state.encoder.statistics)
    restored(mapper, Saved("InterestMapper", {}, {state.target: replace(state, encoder=encoder)}, None, None))
    if message:
        warn(message)
    return mapper


def _of_own_items(panel: Panel, target: str, sources: list[str]) -> tuple[Panel, list[str]]:
    """Return the panel and the sources without the items that are the target's too."""
    left = without_same_items(panel, target)
    own = [name for name in sources if left[name].matrix.nnz or not panel[name].matrix.nnz]
    if len(own) == len(sources):
        return left, sources
    gone = ", ".join(repr(name) for name in sources if name not in own)
    told = f"all items of {gone} are items of {target!r} too, so that nothing is left to learn from."
    if not own:
        raise InvalidDataError(f"{told} Give each item one category: CleaningPolicy(several_categories=…).")
    warn_of_data(told)
    return left.select([*own, target]), own


def _agreement(mapper: InterestMapper, context: FitContext, plan: Plan, panel: Panel) -> dict[str, float]:
    """Return how closely shared items agree; without shared users, items that do not agree are dropped."""
    found = {}
    for name in plan.matches if plan.standing else ():
        agreed = item_agreement(context, name, mapper.random_state)
        found[name] = np.nan if agreed is None else agreed.mean
        trusted = agreed is not None and agreed.low > 0
        if numbered_from_zero(panel, context.target, name):
            trusted = trusted and chance_agreement(context, name, mapper.random_state) <= _CHANCE
            warn_of_data(_numbered(name, context.target, trusted or mapper.bridge == "items"))
        # equal numbers of different items are no overlap
        if mapper.bridge == "auto" and not trusted:
            del context.same[name]
    return found


def _numbered(source: str, target: str, taken: bool) -> str:
    return (
        f"items of {source!r} and {target!r} are numbered from 0 or little above, so that numbers may be "
        f"equal by chance. They are {'' if taken else 'not '}taken for the same items"
        + (". Give items of different kinds different ids." if taken else ", as their tastes do not agree.")
    )
