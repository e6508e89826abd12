"""The steps from built routes of one target to its fitted state."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from tastebridge._foundation.progress import Step
from tastebridge._numerics.threads import together
from tastebridge.data import Panel
from tastebridge.data.history_encoder import HistoryEncoder
from tastebridge.diagnostics import summary
from tastebridge.diagnostics.confidence import learn_confidence
from tastebridge.diagnostics.interests import learn_interests
from tastebridge.diagnostics.relatedness import learn_directions, relatedness_of, taste
from tastebridge.diagnostics.transfer_table import carried_by, route_table, source_table, warning_of
from tastebridge.diagnostics.twins import twin_findings
from tastebridge.fitting.in_time import Later
from tastebridge.fitting.plan import looked_at
from tastebridge.fitting.target_fit import TargetFit
from tastebridge.model import LinearModel
from tastebridge.model.scorers import LinearScorer
from tastebridge.online.drift import learn_drift
from tastebridge.online.in_time_figures import SHARES, personal_shares, warning_in_time
from tastebridge.online.state import FittedState, Interests
from tastebridge.online.statistics import ModelStatistics
from tastebridge.online.updates import popularity
from tastebridge.routes import FitContext, Route
from tastebridge.routes.twins import WITHOUT


class Known(NamedTuple):
    """The input of a fit that does not depend on the weights of its routes.

    Attributes
    ----------
    panel : Panel
        The panel of the target and its sources.
    encoder : HistoryEncoder
        The encoder of the same categories.
    interests : mapping, optional
        The interest models, if several targets share them; such a target cannot be updated by itself.
    agreement : mapping of source to float
        The correlation of shared items, where no users are shared.
    over_users : list of Route
        Routes over a few shared users, to be added to routes of another bridge.
    later : Later, optional
        What users did later, where events have times.
    """

    panel: Panel
    encoder: HistoryEncoder
    interests: Interests | None = None
    agreement: Mapping[str, float] = {}
    over_users: Sequence[Route] = ()
    later: Later | None = None


def learn_state(fit: TargetFit, known: Known, step: Step) -> tuple[FittedState, str]:
    """Return the state of a target whose routes are built, and a warning ("" for none).

    Parameters
    ----------
    fit : TargetFit
    known : Known
    step : callable
        Called with the name of each step.
    """
    seed = fit.settings.random_state
    _learn_weights(fit, known, step)
    step("interests")
    tables: dict[str, pd.DataFrame] = {}
    near = looked_at(fit.context.histories, fit.target)
    if not fit.settings.deadline.allows("interests by more than one source"):
        near = near[:1]
    interests = known.interests or learn_interests(fit.context, seed, [*near, fit.target])
    # shared by several targets otherwise, and such a target is not updated by itself
    if known.interests is None:
        tables["drift_"] = learn_drift(fit.context, popularity(known.encoder.statistics), seed)
    step("model")
    model, ready = fit.models()
    statistics = ModelStatistics.of(fit.context, model, ready)
    tables["routes_"] = route_table(fit.whole.segments, fit.whole.routes, fit.target)
    tables["transfer_"] = _sources(fit, known)
    message = warning_in_time(fit.personal, fit.target) or warning_of(
        tables["transfer_"], fit.target, fit.plan.standing
    )
    if fit.plan.standing:  # pseudo-overlapping users are no evidence about the users of a source
        fit.evidence.pop("cold", None)
    step("diagnostics")
    confidence, directions, findings = _diagnostics(fit, known.panel, model)
    tables["directions_"] = directions
    if fit.context.twins:
        tables["twins_"] = fit.context.twin_table
    correlations = _correlations(fit, known, findings["relatedness"])
    rows = len(tables["transfer_"])
    tables["transfer_"]["canonical_correlation"] = [*correlations, np.nan][:rows]
    state = FittedState(
        LinearScorer(model),
        known.encoder,
        known.panel.item_names,
        tables,
        findings,
        interests,
        confidence,
        statistics,
        evidence={name: found._replace(halves=None, by_source=None) for name, found in fit.evidence.items()},
    )
    return state, message


def _learn_weights(fit: TargetFit, known: Known, step: Step) -> None:
    """Learn the weights of all routes, step by step."""
    step("blend")
    fit.blend()
    if known.over_users:
        fit.few_overlap(known.over_users)
    clock = fit.settings.deadline
    # one more fit of routes, after 1 + n_folds of them and the blend
    expected = clock.spent / (1 + max(len(fit.built.held), 1))
    if known.later is not None and clock.allows("users in time", expected):
        step("users in time")
        fit.judge_later(known.later)
    step("new items")
    fit.new_items(ahead=known.interests is None)


def _sources(fit: TargetFit, known: Known) -> pd.DataFrame:
    """Return the table of sources, with the value of each and its bridges."""
    linked = {name: len(known.panel.linked(name, fit.target)) for name in fit.sources}
    n_linked = len(fit.context.linked_to_any())
    table = source_table(fit.evidence.get("cold"), linked, fit.plan.standing, n_linked)
    routes, segments = fit.known
    asked = [*fit.sources, ""][: len(table)]
    table["bridge"] = [carried_by(segments["cold"], routes, name, fit.target) for name in asked]
    if known.over_users:
        # too few users for a verdict: a source counts as kept if any route of it has weight
        table["kept"] = table["bridge"] != ""
    return table


def _correlations(fit: TargetFit, known: Known, relatedness: pd.DataFrame) -> list[float]:
    """Return the correlation of each source with the target, by shared users or by shared items."""
    found = relatedness.set_index(["source", "target"])["correlation"]
    return [known.agreement.get(name, found.get((name, fit.target), np.nan)) for name in fit.sources]


def _relatedness(context: FitContext, near: Sequence[str], seed: int) -> pd.DataFrame:
    """Return the table of pairs of the target and some sources; targets of all categories share one."""
    categories = [*near, context.target]
    if len(categories) < len(context.histories):
        return relatedness_of(taste(context, categories), seed)
    return context.shared("relatedness", lambda: relatedness_of(taste(context, categories), seed))


def _accuracy(fit: TargetFit) -> pd.DataFrame:
    """Return the accuracy for users drawn at random, and for users evaluated on later events."""
    parts = [summary.accuracy(fit.evidence), summary.accuracy_in_time(fit.in_time)]
    return pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)


def _diagnostics(
    fit: TargetFit, panel: Panel, model: LinearModel
) -> tuple[Any, pd.DataFrame, dict[str, pd.DataFrame]]:
    """Return the calibrations of confidence, the directions, and the tables of reports."""
    context, seed = fit.context, fit.settings.random_state
    near = looked_at(context.histories, fit.target)
    shown = near if fit.settings.deadline.allows("directions") else []
    # pseudo-overlapping users are no users of a source: no hit probability is learned from them
    drawn = [fold for fold in fit.drawn if not (fit.plan.standing and fold.held.segment == "cold")]
    folds = [*drawn, *fit.late]
    calls: list[Callable[[], Any]] = [
        partial(learn_confidence, folds, fit.learned, seed),
        partial(learn_directions, context, seed, shown),
        partial(summary.beyond_accuracy, model, context.histories, seed, context.twins),
        partial(_relatedness, context, near, seed),
    ]
    confidence, directions, beyond, relatedness = together(calls, fit.settings.n_jobs)
    tables = {
        "overview": summary.overview(panel),
        "cleaning": summary.cleaning(panel),
        "accuracy": _accuracy(fit),
        "by_history": summary.by_history(fit.evidence, panel, fit.target),
        "beyond_accuracy": beyond,
        "relatedness": relatedness,
    }
    if fit.drifts or any(share < 1 for share in fit.personal.values()):
        tables[SHARES] = personal_shares(fit.personal)
    tables |= twin_findings(fit.evidence, folds, confidence, panel, fit.target)
    if f"accuracy{WITHOUT}" in tables and fit.in_time:
        apart = {name: found.without_twins or found for name, found in fit.in_time.items()}
        rows = [tables[f"accuracy{WITHOUT}"], summary.accuracy_in_time(apart)]
        tables[f"accuracy{WITHOUT}"] = pd.concat(rows, ignore_index=True)
    findings = {name: summary.typed(table) for name, table in tables.items()}
    return confidence, summary.typed(directions), findings
