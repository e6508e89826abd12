"""Updating and forgetting: functions from one fitted state to the next, which never change the old one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from tastebridge._foundation.warnings import warn_of_data
from tastebridge._numerics.threads import one_blas_thread
from tastebridge.data import CleaningReport, Panel, Vocabulary
from tastebridge.data.alignment import with_items
from tastebridge.data.changes import Change, Repeats, change_of, joined, left
from tastebridge.data.described import with_described
from tastebridge.data.types import Events, Features, Ids
from tastebridge.data.weighting import WeightingStatistics
from tastebridge.exceptions import InvalidDataError, InvalidParameterError, UnknownIdError
from tastebridge.online.drift import Array, ItemPart, drifted
from tastebridge.online.new_items import FeaturesByName, of_known_items, of_new_items
from tastebridge.online.state import FittedState, Interests
from tastebridge.online.statistics import ModelStatistics
from tastebridge.routes.twins import NO_TWINS, Twins


class Fresh(NamedTuple):
    """The input of an update: see :meth:`tastebridge.InterestMapper.update` for each field."""

    events: Events | None = None
    features: Features | None = None
    before: Events | None = None
    repeats: Repeats = "sum"
    missing: str = "skip"


def updated(
    state: FittedState, panel: Panel | None, fresh: Fresh, random_state: int
) -> tuple[FittedState, Panel | None]:
    """Return the state and the panel after fresh events and new items.

    Parameters
    ----------
    state : FittedState
        Left as it is.
    panel : Panel or None
        The users of the fit, if the model holds them.
    fresh : Fresh
    random_state : int
        Seed of the drift measure.

    Raises
    ------
    InvalidDataError
        If the state has no statistics, or the data contradict the model.
    InvalidParameterError
        If there are neither events nor features, or ``before`` is given though the users are known.
    """
    statistics = state.updatable()
    came = _fresh_panel(state, panel, fresh)
    had, timed = _had(state, panel, fresh.before, came)
    described = _described(state, came)
    change = change_of(had, came, state.encoder.items, timed, fresh.repeats)
    arriving = of_new_items(described, change.items, change.moves)
    weighting = _extended(state, change, statistics)
    before, after = (
        {name: state.encoder.weigh(part[name], weighting[name]) for name in change.items}
        for part in (change.before, change.after)
    )
    with one_blas_thread():
        statistics, model = statistics.updated(
            state.scorer.model, before, after, change.moves, arriving, _twins(state, change)
        )
    now = None if panel is None else joined(panel, change, came.item_names, arriving)
    state = replace(
        state,
        scorer=replace(state.scorer, model=model),  # type: ignore[type-var]
        encoder=state.encoder.moved(change.items, weighting),
        statistics=statistics,
        tables=_moved_tables(state, change, weighting, random_state),
        interests=_moved_interests(state.interests or {}, change),
    )
    return _with_users(state, panel, now), now


def without_users(state: FittedState, panel: Panel | None, gone: Panel) -> tuple[FittedState, Panel | None]:
    """Return the state and the panel without the users of ``gone``, which holds their whole histories."""
    before = state.encoder.rows(gone)
    # forgetting is an update to empty rows
    nothing = {name: sparse.csr_matrix(rows.shape, dtype=np.float32) for name, rows in before.items()}
    with one_blas_thread():
        statistics, model = state.updatable().updated(
            state.scorer.model, before, nothing, {}, twins=state.twins
        )
    rest = None if panel is None else remaining(panel, gone)
    state = replace(state, scorer=replace(state.scorer, model=model), statistics=statistics)  # type: ignore[type-var]
    return _with_users(state, panel, rest), rest


def remaining(panel: Panel, gone: Panel) -> Panel:
    """Return the panel without some of its users."""
    return left(panel, panel.users.numbers(gone.users.ids))


def with_known_items(panel: Panel) -> Panel:
    """Return the panel without items that no user has and no features describe.

    The ids of such items came from users who left.
    """
    parts = {}
    for name, part in panel.interactions.items():
        known = np.zeros(len(part.items), dtype=bool)
        known[part.matrix.indices] = True
        for features in panel.item_features.get(name, {}).values():
            known |= features.described
        if known.any():
            items = part.items if known.all() else Vocabulary(part.items.ids[known], part.items.name)
            parts[name] = with_items(part, items)[0]
    described = {
        name: {kind: found.over(parts[name].items) for kind, found in kinds.items()}
        for name, kinds in panel.item_features.items()
        if name in parts
    }
    names = panel.item_names
    if names is not None:
        names = {
            name: some[some.index.isin(parts[name].items.ids)]
            for name, some in names.items()
            if name in parts
        }
    return replace(panel, interactions=parts, item_features=described, item_names=names)


def leaving(
    state: FittedState, panel: Panel | None, user_ids: Ids, before: Events | None, missing: str
) -> Panel:
    """Return the users to forget, with the whole histories the model learned from.

    Raises
    ------
    InvalidDataError
        If no user would be left, or the model was loaded without users and ``before`` is None.
    UnknownIdError
        With ``missing="error"``, if a user is not known.
    """
    if panel is None:
        if before is None:
            raise InvalidDataError(
                "this model was loaded without users. Give the events of the users to forget that it learned "
                "from, before=…"
            )
        known = _learned_from(state, before)
    else:
        _refuse_before(before)
        known = panel
    numbers = known.users.numbers(user_ids, missing="error" if missing == "error" else "skip")
    if len(np.unique(numbers)) == len(panel or ()):
        raise InvalidDataError("no user would be left in the model. Forget fewer users.")
    return known[np.unique(numbers)]


def popularity(statistics: Mapping[str, WeightingStatistics]) -> dict[str, Array]:
    """Return the share of users who took each item, from the inverse frequencies of the weighting."""
    return {name: np.exp(-known.idf) for name, known in statistics.items()}  # idf is log(N / n_i)


def _with_users(state: FittedState, before: Panel | None, now: Panel | None) -> FittedState:
    """Return the state with user numbers and item names of the panel after the change."""
    if before is None or now is None:
        return state
    state = replace(state, item_names=now.item_names)
    if now.users is before.users:
        return state
    evidence = {name: found.over(now.users, before.users) for name, found in state.evidence.items()}
    return replace(state, evidence=evidence)


def _extended(
    state: FittedState, change: Change, statistics: ModelStatistics
) -> dict[str, WeightingStatistics]:
    """Return the statistics of the weighting, extended to new items."""
    return {
        name: known.extended(change.after[name].matrix, change.moves[name], statistics.people[name])
        if name in change.moves
        else known
        for name, known in state.encoder.statistics.items()
    }


def _moved_interests(interests: Interests, change: Change) -> dict[str, Mapping[str, Array]]:
    """Return the interest models over all current items; new items have zero factors there."""
    return {
        name: {**part, "encoder": change.moves[name].spread(part["encoder"])}
        if name in change.moves
        else part
        for name, part in interests.items()
    }


def _moved_tables(
    state: FittedState, change: Change, weighting: Mapping[str, WeightingStatistics], random_state: int
) -> dict[str, pd.DataFrame]:
    """Return the tables with items at their new numbers, and the drift of the fresh events."""
    tables = dict(state.tables)
    if change.moves:
        table = tables["directions_"].copy()
        for name, places in change.moves.items():
            rows = (table["category"] == name).to_numpy()
            table.loc[rows, "item"] = places.moved[table.loc[rows, "item"].to_numpy(dtype=np.int64)]
        tables["directions_"] = table
        if "twins_" in tables:
            tables["twins_"] = _moved_twins(tables["twins_"], state.target, change)
    if "drift_" in tables:
        tables["drift_"] = _drift(tables["drift_"], state, change, popularity(weighting), random_state)
    return tables


def _twins(state: FittedState, change: Change) -> Twins:
    """Return the twins of the target's items, over the items there are now."""
    if "twins_" not in state.tables:
        return NO_TWINS
    sizes = {name: len(items) for name, items in change.items.items()}
    return Twins.of_table(_moved_twins(state.tables["twins_"], state.target, change), sizes, state.target)


def _moved_twins(table: pd.DataFrame, target: str, change: Change) -> pd.DataFrame:
    """Return the table of twins with items at their new numbers."""
    table = table.copy()
    if target in change.moves:
        table["item"] = change.moves[target].moved[table["item"].to_numpy(dtype=np.int64)]
    for name in set(table["source"]) & set(change.moves):
        rows = (table["source"] == name).to_numpy()
        numbers = table.loc[rows, "source_item"].to_numpy(dtype=np.int64)
        table.loc[rows, "source_item"] = change.moves[name].moved[numbers]
    return table


def _drift(
    table: pd.DataFrame, state: FittedState, change: Change, shares: Mapping[str, Array], random_state: int
) -> pd.DataFrame:
    """Return the drift table after testing the item factors on the fresh events."""
    interests = _moved_interests(state.interests or {}, change)
    for name in change.items:
        came, had = change.came[name].matrix, change.before[name].matrix
        # an item that a user already had is a repeat and says nothing about drift
        fresh = sparse.csr_matrix(came - came.multiply(had.astype(bool)))
        fresh.eliminate_zeros()
        items = ItemPart(interests[name]["encoder"], shares[name])
        table = drifted(table, name, items, change.after[name].matrix, fresh, random_state)
    return table


def _known_categories(state: FittedState, panel: Panel, missing: str) -> Panel:
    """Return the panel of the known categories, with the users who have events there."""
    items = state.encoder.items
    unknown = [name for name in panel.categories if name not in items]
    if unknown and missing == "error":
        raise UnknownIdError(
            f"the model does not know the categories {unknown}. Leave their events out, or pass "
            "missing='skip'."
        )
    panel = panel.select([name for name in panel.categories if name in items])
    active = sum((np.diff(part.matrix.indptr) for part in panel.interactions.values()), np.zeros(len(panel)))
    return panel if active.all() else panel[active > 0]


def _fresh_panel(state: FittedState, panel: Panel | None, fresh: Fresh) -> Panel:
    """Return the panel of the events and features that came, in categories the model knows."""
    if fresh.events is None and fresh.features is None:
        raise InvalidParameterError("there is nothing to update with. Pass events, features or both.")
    if fresh.events is None:
        ids = np.zeros(0, dtype=np.int64) if panel is None else panel.users.ids[:0]
        came = Panel(Vocabulary(ids, "user_id"), {}, CleaningReport(0, 0, ()))
    else:
        came = _known_categories(state, state.encoder.read(fresh.events), fresh.missing)
    return came if fresh.features is None else with_described(came, fresh.features, state.encoder.items)


def _described(state: FittedState, fresh: Panel) -> FeaturesByName:
    """Return the features of new items to use, and warn of features that are ignored."""
    statistics, items = state.updatable(), state.encoder.items
    given, arrivals = fresh.item_features, statistics.arrivals
    if arrivals is not None:
        arrivals.check(given)
        encoders = {**statistics.encoders, **state.scorer.model.encoders}
        _warn_of(arrivals.differing(*of_known_items(given, items), encoders), _OTHER)
        if arrivals.predicts(state.target):
            return given
        # profiles of a source still use features of its new items; only the target's are ignored
        given = {name: kinds for name, kinds in given.items() if name == state.target}
    counts = {}
    for name, kinds in given.items():
        new = items[name].numbers(fresh[name].items.ids, missing="negative") < 0
        described = np.any([part.described for part in kinds.values()], axis=0)
        counts[name] = int(np.count_nonzero(described & new))
    _warn_of(counts, _UNUSED)
    return {} if arrivals is None else fresh.item_features


def _had(state: FittedState, panel: Panel | None, before: Events | None, fresh: Panel) -> tuple[Panel, bool]:
    """Return the panel of the histories before the update, and whether times are kept."""
    if panel is not None:
        _refuse_before(before)
        return panel, panel.has_times
    timed = state.encoder.weighting.half_life is not None  # without decay times change nothing
    if before is None:
        return Panel(fresh.users, {}, fresh.cleaning), timed
    return _learned_from(state, before), timed


def _refuse_before(before: Events | None) -> None:
    if before is not None:
        raise InvalidParameterError("the model holds its users and their histories. Leave before=None.")


def _learned_from(state: FittedState, before: Events) -> Panel:
    """Return the panel of ``before``, the events the model learned from according to the caller."""
    panel = _known_categories(state, state.encoder.read(before), "skip")
    for name, part in panel.interactions.items():
        unknown = int((state.encoder.items[name].numbers(part.items.ids, missing="negative") < 0).sum())
        if unknown:
            raise InvalidDataError(
                f"before has {unknown} items of {name!r} the model does not know, so it cannot have "
                "learned from them. Give in before only the events the model learned from."
            )
    return panel


_OTHER = (
    "the features given for items the model knows, {counts}, differ from the features of the fit: the model "
    "keeps its own until the next fit."
)
_UNUSED = (
    "the features given for new items, {counts}, are ignored until the next fit: the model was fitted "
    "without features it could learn from. Until then, new items are ranked by the users who choose them. "
    "Fit "
    "with features of at least ten items that have events."
)


def _warn_of(counts: Mapping[str, int], message: str) -> None:
    """Warn of the number of items by category, if there are any."""
    if listed := ", ".join(f"{count} of {name!r}" for name, count in counts.items() if count):
        warn_of_data(message.format(counts=listed))
