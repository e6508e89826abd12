"""Events of users, as the weighted rows that a model reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge._foundation.warnings import warn_of_data
from tastebridge.data.alignment import with_items
from tastebridge.data.cleaning import CleaningPolicy, with_rule
from tastebridge.data.columns import recognised
from tastebridge.data.interactions import Interactions, canonical
from tastebridge.data.panel import Panel
from tastebridge.data.types import Events, EventWeights, Frame
from tastebridge.data.vocabulary import Vocabulary
from tastebridge.data.weighting import Weighting, WeightingStatistics
from tastebridge.exceptions import InvalidDataError, UnknownIdError

Rows = dict[str, sparse.csr_matrix]
"""For every category the weighted rows of the same users, (n_users, n_items of the category)."""
_MANY = 20
"""Ratings that are hardly all 1 by chance: a single user may well have given the lowest a few times."""


@dataclass(frozen=True, eq=False)
class HistoryEncoder:
    """Turns a panel, or a frame of events, into weighted rows over the items of a model.

    Attributes
    ----------
    items : dict of category to Vocabulary
        The items the model knows; the columns of the rows.
    weighting : Weighting
    statistics : dict of category to WeightingStatistics
        The statistics of the weighting, learned at the fit.
    event_weights : mapping of event type to weight, optional
        The worth of each type of event in a frame.
    policy : CleaningPolicy
        How a frame is cleaned.
    """

    items: dict[str, Vocabulary]
    weighting: Weighting
    statistics: dict[str, WeightingStatistics]
    event_weights: EventWeights | None = None
    policy: CleaningPolicy = field(default_factory=CleaningPolicy)
    _kept: dict[str, tuple[Interactions, sparse.csr_matrix]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(
        cls,
        panel: Panel,
        weighting: Weighting,
        event_weights: EventWeights | None = None,
        policy: CleaningPolicy | None = None,
    ) -> Self:
        """Return the encoder of the items of a panel, whose events give the statistics of the weighting."""
        now = panel.last_time
        return cls(
            {name: panel[name].items for name in panel.categories},
            weighting,
            {name: weighting.statistics(panel[name], now) for name in panel.categories},
            event_weights,
            policy or CleaningPolicy(),
        )

    def only(self, categories: Iterable[str]) -> HistoryEncoder:
        """Return the encoder of some of the categories, in the order of this one; rows kept are shared."""
        names = [name for name in self.items if name in set(categories)]
        return replace(
            self,
            items={name: self.items[name] for name in names},
            statistics={name: self.statistics[name] for name in names},
        )

    def moved(
        self, items: Mapping[str, Vocabulary], statistics: Mapping[str, WeightingStatistics]
    ) -> HistoryEncoder:
        """Return the encoder of the items after an update, with an empty cache."""
        return replace(self, items=dict(items), statistics=dict(statistics), _kept={})

    def read(self, events: Events) -> Panel:
        """Return a panel; a frame of events becomes one.

        Raises
        ------
        InvalidDataError
            If the model reads ratings, and the frame has no column of them.
        """
        if self.weighting.reads_ratings and not isinstance(events, Panel):
            _check_rated(events)
        kept = with_rule(self.policy, "several_categories", "keep")  # the model knows each item's category
        return read_events(events, self.event_weights, kept)

    def rows(self, panel: Panel, keep: bool = False) -> Rows:
        """Return the weighted rows of all users of a panel.

        Parameters
        ----------
        panel : Panel
        keep : bool, default=False
            Whether to keep the rows in memory: for the panel of a fit, which is asked for again and again.
        """
        if self.weighting.reads_ratings and not keep:
            _warn_of_ones(panel)
        return {name: self._rows_in(panel, name, keep) for name in self.items}

    def rows_of(self, panel: Panel, users: NDArray[np.int64]) -> Rows:
        """Return the weighted rows of some users of the panel of the fit; empty ones for the number -1."""
        # -1 would be the last row; rows of unknown users are emptied below.
        at = np.maximum(users, 0)
        rows = {name: part[at] for name, part in self.rows(panel, keep=True).items()}
        if (users >= 0).all():
            return rows
        return {name: _emptied(part, users < 0) for name, part in rows.items()}

    def rows_of_items(self, category: str, items: NDArray[np.int64]) -> Rows:
        """Return the weighted rows of users with one event each, now: an item of a category."""
        n, known = len(items), self.statistics[category]
        shapes = {name: (n, len(part)) for name, part in self.items.items()}
        rows = {name: sparse.csr_matrix(shape, dtype=np.float32) for name, shape in shapes.items()}
        matrix = canonical((np.ones(n, np.float32), items, np.arange(n + 1)), shapes[category])
        times = None if known.now is None else np.full(n, known.now)
        part = Interactions(category, Vocabulary(np.arange(n)), self.items[category], matrix, times)
        return {**rows, category: self.weigh(part, known)}

    def fold_in(self, history: Events, missing: str = "skip", quiet: bool = False) -> tuple[Panel, Rows]:
        """Return the panel of a history given now, and its weighted rows.

        Parameters
        ----------
        history : Panel or frame
        missing : {"skip", "error"}, default="skip"
            The treatment of events of items the model does not know: pass over with a warning, or refuse.
        quiet : bool, default=False
            Whether to pass them over without a warning.

        Raises
        ------
        UnknownIdError
            With ``missing="error"``, if there are any.
        """
        panel = self.read(history)
        rows = self.rows(panel)
        counts = {} if quiet else self.unknown(panel, rows)
        if counts:
            message = unknown_events(counts)
            if missing == "error":
                raise UnknownIdError(f"{message}. Leave them out, or pass missing='skip'.")
            warn_of_data(f"{message}; they are ignored.")
        return panel, rows

    def unknown(self, panel: Panel, rows: Mapping[str, sparse.csr_matrix]) -> dict[str, int]:
        """Return how many events of each category the model does not know.

        A model of the target alone reads nothing else: events of other categories do not count there.
        """
        counts = {}
        for name in panel.categories:
            if name in self.items:
                counts[name] = panel[name].matrix.nnz - rows[name].nnz
            elif len(self.items) > 1:
                counts[name] = panel[name].matrix.nnz
        return {name: count for name, count in counts.items() if count}

    def weigh(self, part: Interactions, known: WeightingStatistics) -> sparse.csr_matrix:
        """Return the weighted matrix of a category over the items its statistics cover.

        Where centring leaves a weight below zero it becomes 0: the item stays known as had.
        """
        weighted = self.weighting.apply(part, statistics=known)
        if self.weighting.center:
            weighted = weighted.copy()
            np.maximum(weighted.data, 0.0, out=weighted.data)
        return weighted

    def _rows_in(self, panel: Panel, name: str, keep: bool) -> sparse.csr_matrix:
        if name not in panel.categories:
            nothing, indptr = np.zeros(0, np.float32), np.zeros(len(panel) + 1, np.int32)
            return canonical((nothing, np.zeros(0, np.int32), indptr), (len(panel), len(self.items[name])))
        part = panel[name]
        # By identity: another panel has other rows of the same category.
        if name in self._kept and self._kept[name][0] is part:
            return self._kept[name][1]
        weighted = self.weigh(with_items(part, self.items[name])[0], self.statistics[name])
        if keep:
            self._kept[name] = part, weighted
        return weighted


def _emptied(rows: sparse.csr_matrix, which: NDArray[np.bool_]) -> sparse.csr_matrix:
    """Return the rows, emptied where a mask says so; zeros that others store stay: the item is had."""
    lengths = np.diff(rows.indptr)
    kept = np.repeat(~which, lengths)
    indptr = np.append(0, np.cumsum(np.where(which, 0, lengths)))
    return canonical((rows.data[kept], rows.indices[kept], indptr), rows.shape)


def _check_rated(frame: Frame) -> None:
    """Refuse a frame without ratings: an event would count as a rating of 1, often the lowest there is."""
    known = [name for name in _names_of(frame) if isinstance(name, str)]
    if known and recognised("weight", known) is None:
        raise InvalidDataError(
            f"the model reads ratings, and these events have none: the columns are {', '.join(known)}. Add a "
            "column rating, or recommend by an InterestMapper, which reads events."
        )


def _names_of(frame: Frame) -> list[object]:
    """Return the names of the columns of a frame; none of a stream, which would be read by looking."""
    if hasattr(frame, "column_names"):  # of Arrow, whose columns are arrays
        return list(frame.column_names)
    if hasattr(frame, "collect_schema"):  # of polars, whose lazy frames warn otherwise
        return list(frame.collect_schema().names())
    return list(getattr(frame, "columns", []))


def _warn_of_ones(panel: Panel) -> None:
    """Warn if all of many ratings are 1, as of a table without a column of ratings."""
    parts = [part.matrix.data for part in panel.interactions.values()]
    n = sum(len(part) for part in parts)
    if n >= _MANY and all((part == 1).all() for part in parts):
        warn_of_data(
            f"all {n:,} ratings of these histories are 1, as of a table without a column of ratings. Each is "
            "read as a rating of 1: give the ratings."
        )


def read_events(events: Events, event_weights: EventWeights | None, policy: CleaningPolicy) -> Panel:
    """Return a panel; a frame of events becomes one."""
    if isinstance(events, Panel):
        return events
    return Panel.from_frame(events, event_weights=event_weights, policy=policy)


def unknown_events(counts: Mapping[str, int]) -> str:
    """Return a sentence on the events that a model does not know, by category."""
    listed = ", ".join(f"{count} of {name!r}" for name, count in counts.items())
    return f"the history has events of items the model does not know: {listed}"
