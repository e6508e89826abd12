"""Fresh events joined to histories: the histories before and after, and the panel that holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from scipy import sparse

from tastebridge.data.alignment import with_items
from tastebridge.data.events import Events
from tastebridge.data.interactions import Interactions, canonical
from tastebridge.data.item_features import ItemFeatures
from tastebridge.data.merging import merge
from tastebridge.data.panel import Panel
from tastebridge.data.reindexing import Places
from tastebridge.data.splicing import Splice
from tastebridge.data.vocabulary import Vocabulary
from tastebridge.exceptions import InvalidDataError

Repeats = Literal["sum", "max", "last"]


@dataclass(frozen=True, eq=False)
class Change:
    """The changes that fresh events make.

    Attributes
    ----------
    items : mapping of category to Vocabulary
        All items there are now.
    moves : mapping of category to Places
        Of the categories with new items: where items stand now.
    before, after : Panel
        The users of the events, each with the whole history before and after, over ``items``. New users
        have nothing before.
    came : Panel
        The events alone.
    """

    items: Mapping[str, Vocabulary]
    moves: Mapping[str, Places]
    before: Panel
    after: Panel
    came: Panel


def change_of(
    had: Panel, fresh: Panel, items: Mapping[str, Vocabulary], timed: bool, repeats: Repeats = "sum"
) -> Change:
    """Return the change due to new events, for users with or without earlier events.

    Parameters
    ----------
    had : Panel
        The panel before; its users without fresh events do not matter.
    fresh : Panel
        The events, in categories of ``items`` only.
    items : mapping of category to Vocabulary
        The items known so far.
    timed : bool
        Whether times are kept.
    repeats : {"sum", "max", "last"}
        The weight of a pair of user and item that was there already, as in
        :class:`tastebridge.CleaningPolicy`. Its time is the latest.

    Raises
    ------
    InvalidDataError
        If times are missing, or ids are of another kind.
    """
    if timed and not fresh.has_times:
        raise InvalidDataError(
            "the events have no times, and those learned from have. Add a column timestamp."
        )
    grown, moves = {}, {}
    for name, known in items.items():
        grown[name] = known
        if name in fresh.categories and (known.numbers(fresh[name].items.ids, missing="negative") < 0).any():
            grown[name], moves[name] = known.extended(fresh[name].items.ids)
    before = {name: rows_of(had, name, fresh.users, grown[name], timed) for name in grown}
    now = {name: rows_of(fresh, name, fresh.users, grown[name], timed) for name in grown}
    after = {name: _merged(before[name], now[name], repeats) for name in grown}
    panels = (Panel(fresh.users, parts, fresh.cleaning) for parts in (before, after, now))
    return Change(grown, moves, *panels)


def rows_of(panel: Panel, name: str, users: Vocabulary, items: Vocabulary, timed: bool) -> Interactions:
    """Return the rows of some users, who may be missing in the panel, over some items."""
    if name not in panel.categories:
        empty = sparse.csr_matrix((len(users), len(items)), dtype=np.float32)
        return Interactions(name, users, items, empty, np.zeros(0) if timed else None)
    part = panel[name]
    at = panel.users.numbers(users.ids, missing="negative")
    # A user who is not in the panel has the number -1: an empty row, from 0 to 0.
    starts, stops = (
        np.where(at < 0, 0, ends[at]) for ends in (part.matrix.indptr[:-1], part.matrix.indptr[1:])
    )
    indptr = np.concatenate([[0], np.cumsum(stops - starts)])
    # The places of all entries of all rows: counted on from the start of each row.
    entries = np.repeat(starts - indptr[:-1], np.diff(indptr)) + np.arange(indptr[-1])
    parts = (part.matrix.data[entries], part.matrix.indices[entries], indptr)
    matrix = canonical(parts, (len(users), part.matrix.shape[1]))
    times = np.asarray(part.times)[entries] if timed else None
    return with_items(Interactions(name, users, part.items, matrix, times), items)[0]


def joined(
    panel: Panel,
    change: Change,
    names: Mapping[str, pd.Series] | None,
    described: Mapping[str, Mapping[str, ItemFeatures]],
) -> Panel:
    """Return a panel with the rows of changed and new users in their places.

    Parameters
    ----------
    panel : Panel
    change : Change
    names : mapping of category to Series, or None
        Of items; those known stay.
    described : mapping of category to mapping of name to ItemFeatures
        Of new items.
    """
    people = change.after.users
    at, known = _found(panel.users, people)
    splice = Splice(at, known, filled=bool(len(at)))
    users = panel.users if known.all() else Vocabulary(splice.ids(panel.users.ids, people.ids), "user_id")
    parts = {}
    for name, part in panel.interactions.items():
        items, n_old = change.items[name], len(part.items)
        moved = change.moves.get(name, Places(np.arange(n_old), n_old))
        parts[name] = splice.interactions(part, change.after[name], users, items, moved)
    features = {
        name: {
            kind: _with_more(given, described.get(name, {}).get(kind), parts[name].items)
            for kind, given in kinds.items()
        }
        for name, kinds in panel.item_features.items()
    }
    return replace(
        panel,
        users=users,
        interactions=parts,
        item_names=_names(panel.item_names, names),
        item_features=features,
    )


def left(panel: Panel, people: np.ndarray) -> Panel:
    """Return a panel without some users (numbers, ascending): it holds neither their rows nor their ids."""
    splice = Splice(people, np.ones(len(people), dtype=bool), filled=False)
    users = Vocabulary(splice.ids(panel.users.ids, panel.users.ids[:0]), "user_id")
    parts = {}
    for name, part in panel.interactions.items():
        same = Places(np.arange(len(part.items)), len(part.items))
        parts[name] = splice.interactions(part, None, users, part.items, same)
    return replace(panel, users=users, interactions=parts)


def _found(users: Vocabulary, people: Vocabulary) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of users, present or to come, and a mask of those present."""
    numbers = users.numbers(people.ids, missing="negative")
    known = numbers >= 0
    places = np.where(known, numbers, 0)
    # A new user goes where the id belongs, so that the ids stay ascending.
    places[~known] = np.searchsorted(users.ids, people.ids[~known])
    return places, known


def _merged(had: Interactions, came: Interactions, repeats: Repeats) -> Interactions:
    """Return the pairs of both, those in both merged as repeated rows of a table are."""
    sizes = had.matrix.nnz, came.matrix.nnz
    if not sizes[1]:
        return had
    users, items, weights = (
        np.concatenate(pair)
        for pair in (
            (had.rows, came.rows),
            (had.matrix.indices, came.matrix.indices),
            (had.matrix.data, came.matrix.data),
        )
    )
    events = Events(
        user_ids=had.users.ids,
        item_ids=had.items.ids,
        category_ids=np.array([had.category], dtype=object),
        users=users.astype(np.int32),
        items=items.astype(np.int32),
        categories=np.zeros(sum(sizes), dtype=np.int32),
        weights=weights.astype(np.float64),
        times=None if had.times is None else np.concatenate([had.times, np.asarray(came.times)]),
    )
    merged, _ = merge(events, repeats)
    counts = np.bincount(merged.users, minlength=len(had.users))
    indptr = np.concatenate([[0], np.cumsum(counts)])
    matrix = canonical((merged.weights.astype(np.float32), merged.items, indptr), had.matrix.shape)
    return Interactions(had.category, had.users, had.items, matrix, merged.times)


def _names(
    known: Mapping[str, pd.Series] | None, more: Mapping[str, pd.Series] | None
) -> Mapping[str, pd.Series] | None:
    """Return the names of items with those that came; the names known stay."""
    if known is None or more is None:
        return known
    return {**known, **{name: _joined_names(known.get(name), part) for name, part in more.items()}}


def _with_more(known: ItemFeatures, more: ItemFeatures | None, items: Vocabulary) -> ItemFeatures:
    return known.over(items) if more is None else known.joined(more, items)


def _joined_names(known: pd.Series | None, more: pd.Series) -> pd.Series:
    return more if known is None else pd.concat([known, more[~more.index.isin(known.index)]])
