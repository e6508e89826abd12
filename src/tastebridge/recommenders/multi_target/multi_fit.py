"""The fit of a mapper of several targets: one pass, in which they share factors and folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from tastebridge._foundation.progress import Step, steps
from tastebridge._foundation.warnings import warn_of_data
from tastebridge._numerics.threads import together
from tastebridge.data import Panel, Vocabulary
from tastebridge.data.history_encoder import HistoryEncoder
from tastebridge.data.same_items import with_one_target_each
from tastebridge.diagnostics.interests import learn_interests
from tastebridge.exceptions import InvalidDataError
from tastebridge.factors import PretrainedFactors
from tastebridge.fitting.built import Built
from tastebridge.fitting.default_routes import largest_rank, routes_over
from tastebridge.fitting.plan import Plan
from tastebridge.fitting.pooled_prior import Priors, pooled_priors
from tastebridge.fitting.settings import FitSettings
from tastebridge.fitting.shared_fit import Aim, build_all
from tastebridge.fitting.target_fit import TargetFit
from tastebridge.model.category_model import learn_category_model
from tastebridge.online.state import ONE_OF_SEVERAL, FittedState, Interests, MultiTarget
from tastebridge.recommenders.dates import Dates, chosen_encoder
from tastebridge.recommenders.fit_plan import check_parameters, routes_asked_for, settings_of
from tastebridge.recommenders.given_checks import spaces_of
from tastebridge.recommenders.given_models import GivenModels, LaidModels, compare, laid_over
from tastebridge.recommenders.learning import Known, learn_state
from tastebridge.recommenders.multi_target.temperature import learn_temperatures
from tastebridge.routes import FitContext

if TYPE_CHECKING:
    from tastebridge.recommenders.interest_mapper import InterestMapper

_LISTS_SHARED = 4
"""A target of several learns from a quarter of the lists that one by itself does."""


class Fitted(NamedTuple):
    """The result of a fit of several targets: states, shared parts, users, and warnings."""

    panel: Panel
    targets: dict[str, FittedState]
    joint: MultiTarget
    messages: list[str]


def fit_several(mapper: InterestMapper, panel: Panel, targets: Sequence[str]) -> Fitted:
    """Fit every target in one pass, and learn the category model that makes their scores comparable."""
    settings = settings_of(mapper)
    sources = check_parameters(mapper, panel, targets)
    wanted = {*targets, *(name for names in sources.values() for name in names)}
    panel = panel.select([name for name in panel.categories if name in wanted])
    panel, sources = _of_own_items(panel, sources, spaces_of(mapper, targets))
    panel, given = laid_over(mapper, panel, targets)
    # a given space has no room for recent popularity
    dated = [name for name in targets if name not in given.targets]
    dates = Dates.of(mapper, panel, dated) if dated else None
    encoder, tried = chosen_encoder(mapper, panel, targets, dates)
    histories = encoder.rows(panel, keep=True)
    compare(mapper, given, panel, histories)
    aims = {
        name: _aim(mapper, name, sources[name], encoder, panel, given.into(name, sources[name]))
        for name in targets
    }
    rng = np.random.default_rng(mapper.random_state)
    rank = max(largest_rank(aim.routes) for aim in aims.values())
    hub = FitContext(histories, targets[0], rank, features=panel.item_features)
    with steps("Fitting", 4 + len(targets), mapper.verbose) as step:
        step("factors")
        built = build_all(hub, aims, settings, rng)
        step("weights of others")
        priors = _priors(built, sources, settings, given, rng)
        step("interests")
        interests = learn_interests(hub, mapper.random_state)
        # One thread each, since the targets run side by side.
        small = settings._replace(n_jobs=1, regression_pairs=settings.regression_pairs / len(targets))
        past = dates.past(hub) if dates else None
        shared = _Shared(panel, encoder, interests, small, dates, past, given, len(targets))
        calls = [
            partial(_learn_one, shared, aims[name], built[name]._replace(priors=priors[name]), own, step)
            for name, own in zip(targets, rng.spawn(len(targets)), strict=True)
        ]
        learned = dict(zip(targets, together(calls, settings.n_jobs), strict=True))
        step("category model")
        category_model = learn_category_model(histories, mapper.random_state)
    states = {name: one.state for name, one in learned.items()}
    tables = {name: _concatenated(states, name) for name in ("transfer_", "routes_")} | tried
    temperatures = {name: one.temperatures for name, one in learned.items()}
    joint = MultiTarget(encoder, panel.item_names, interests, category_model, temperatures, tables)
    said = [*(one.message for one in learned.values()), settings.deadline.message]
    messages = [message for message in said if message]
    return Fitted(panel, states, joint, messages)


def _of_own_items(
    panel: Panel, sources: dict[str, list[str]], spaces: Mapping[str, PretrainedFactors]
) -> tuple[Panel, dict[str, list[str]]]:
    """Return the panel with each item in one target only, and the sources of each target with pairs left.

    Targets of ``spaces`` have the items of their models.
    """
    left, moved = with_one_target_each(panel, list(sources), spaces)
    for name, model in spaces.items():
        _check_items(name, panel[name].items, left, model)
    empty = [name for name in panel.categories if panel[name].matrix.nnz and not left[name].matrix.nnz]
    lost = [name for name in empty if name in sources]
    if lost:
        raise InvalidDataError(
            f"all items of {lost[0]!r} are items of other targets too, so that it has none of its own. Leave "
            "it out of target, or give each item one category: CleaningPolicy(several_categories=…)."
        )
    if moved or empty:
        warn_of_data(
            f"{moved:,} items are in several categories. Each is one item: of several targets it counts in "
            "the one with the fewest items, and sources are read without it."
        )
    gone = set(empty)
    kept = {target: [name for name in names if name not in gone] for target, names in sources.items()}
    return left.select([name for name in left.categories if name not in gone]), kept


def _check_items(target: str, items: Vocabulary, left: Panel, model: PretrainedFactors) -> None:
    """Refuse a target model that has items of another target."""
    elsewhere = items.ids[left[target].items.numbers_of(items) < 0]
    both = elsewhere[np.isin(elsewhere, np.asarray(model.items))]
    if len(both):
        raise InvalidDataError(
            f"target_model[{target!r}] has vectors of {len(both):,} items that are items of another target "
            f"too, such as {both[0]!r}. An item is in one target: leave these out of one of the models."
        )


class _Shared(NamedTuple):
    """The parts that all targets of a fit share."""

    panel: Panel
    encoder: HistoryEncoder
    interests: Interests
    settings: FitSettings
    dates: Dates | None
    past: FitContext | None
    given: LaidModels
    n_targets: int


class _Learned(NamedTuple):
    """The result for one target."""

    state: FittedState
    temperatures: dict[str, float]
    message: str


def _learn_one(shared: _Shared, aim: Aim, built: Built, rng: np.random.Generator, step: Step) -> _Learned:
    """Learn one target from its built routes, and the temperature of its softmax."""
    target = built.context.target
    step(target)
    encoder = shared.encoder.only([*aim.sources, target])
    every = len(encoder.items) == len(shared.encoder.items)
    panel = shared.panel if every else shared.panel.select(list(encoder.items))
    settings, later = shared.settings._replace(n_lists=_fewer(shared, target)), None
    if target in shared.given.targets:
        settings = settings.into_one_space()
    elif shared.dates:
        seed = settings.random_state
        later = shared.dates.later(built.context.histories, target, seed, shared.past)
    known = Known(panel, encoder, shared.interests if every else None, later=later)
    fit = TargetFit(built, aim.sources, aim.plan, settings, rng)
    state, message = learn_state(fit, known, lambda name: None)
    state = replace(state, statistics=None, no_statistics=ONE_OF_SEVERAL)
    return _Learned(state, learn_temperatures(fit.drawn, fit.learned, built.context.popularity), message)


def _aim(
    mapper: InterestMapper,
    target: str,
    sources: list[str],
    encoder: HistoryEncoder,
    panel: Panel,
    given: GivenModels,
) -> Aim:
    """Return how one target is reached."""
    encoder = encoder.only([*sources, target])
    panel = panel if len(encoder.items) == len(panel.categories) else panel.select(list(encoder.items))
    plan = Plan.of(mapper.bridge if given.target is None else "users", panel, target, sources)
    if plan.standing:
        raise InvalidDataError(
            f"too few users are both in {target!r} and in another category, so it cannot be one of several "
            "targets. Fit it by itself, or leave it out of target."
        )
    routes = routes_asked_for(mapper, target, encoder.rows(panel, keep=True), panel, plan, given)
    return Aim(sources, plan, routes_over(plan.over, routes))


def _priors(
    built: Mapping[str, Built],
    sources: Mapping[str, Sequence[str]],
    settings: FitSettings,
    given: LaidModels,
    rng: np.random.Generator,
) -> dict[str, Priors]:
    """Return the priors of all targets, learned on targets with as many kinds of routes.

    Into a given space there are few kinds, and each counts more than one of many would.
    """
    found: dict[str, Priors] = {}
    for names in (given.targets, [name for name in built if name not in given.targets]):
        alike = {name: built[name] for name in built if name in names}
        found |= pooled_priors(alike, sources, settings, rng) if alike else {}
    return found


def _fewer(shared: _Shared, target: str) -> int:
    """Return the number of lists of a target, which also learns from the lists of other targets."""
    spaces, n_lists = shared.given.targets, shared.settings.n_lists
    alike = len(spaces) if target in spaces else shared.n_targets - len(spaces)
    return n_lists if spaces and alike == 1 else max(10, n_lists // _LISTS_SHARED)


def _concatenated(states: Mapping[str, FittedState], name: str) -> pd.DataFrame:
    """Return a table of all targets, with a column target."""
    parts = [state.tables[name] for state in states.values()]
    targets = np.repeat(list(states), [len(part) for part in parts]).astype(object)
    table = pd.concat(parts, ignore_index=True)
    table.insert(0, "target", targets)
    return table
