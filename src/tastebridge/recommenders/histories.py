"""What a fitted recommender knows of people: those of its fit, and how to read the history of others."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, clone

from tastebridge._foundation.validation import check_fitted
from tastebridge.data import Interactions, Panel, Vocabulary, Weighting
from tastebridge.data.alignment import with_items
from tastebridge.data.weighting import WeightingStatistics
from tastebridge.exceptions import InvalidDataError, TastebridgeWarning, UnknownIdError
from tastebridge.model import LinearModel


class HistoryReader(BaseEstimator):
    """Base of :class:`Recommender`: people and their histories as the rows a model takes.

    Attributes
    ----------
    model_ : LinearModel
    items_ : dict of category to Vocabulary
    statistics_ : dict of category to WeightingStatistics
    panel_ : Panel or None
        The people of the fit.
    """

    target: str
    event_weights: Mapping[Any, float] | None = None
    weighting: Weighting | None
    weighting_: Weighting
    model_: LinearModel
    items_: dict[str, Vocabulary]
    statistics_: dict[str, WeightingStatistics]
    panel_: Panel | None
    item_names_: Any

    def _remember(self, panel: Panel, weighting: Weighting | None = None) -> dict[str, sparse.csr_matrix]:
        """Keep the people, the items and what weighting needs; return the weighted histories.

        ``weighting`` takes the place of the parameter of this name.
        """
        for name in [name for name in vars(self) if name == "_cache" or name.endswith("_")]:
            delattr(self, name)  # a fit forgets the last one, even if it fails
        given = self.weighting if weighting is None else weighting
        self.weighting_ = Weighting("binary") if given is None else clone(given)
        now = panel.last_time
        self.panel_, self.item_names_ = panel, panel.item_names
        self.items_ = {name: panel[name].items for name in panel.categories}
        self.statistics_ = {name: self.weighting_.statistics(panel[name], now) for name in panel.categories}
        return {name: self._weighted(panel, name) for name in panel.categories}

    def _share(self, other: HistoryReader, categories: Iterable[str]) -> None:
        """Keep of another what it remembers of some categories, in the place of :meth:`_remember`."""
        names = [name for name in other.items_ if name in set(categories)]
        whole = other.panel_
        self.weighting_, self.item_names_ = other.weighting_, other.item_names_
        self.panel_ = whole if whole is None or len(names) == len(whole.categories) else whole.select(names)
        self.items_ = {name: other.items_[name] for name in names}
        self.statistics_ = {name: other.statistics_[name] for name in names}
        self.__dict__["_cache"] = other.__dict__.setdefault("_cache", {})

    def _target(self) -> str:
        return self.model_.target

    def _known(self) -> Panel:
        """Return the people of the fit."""
        check_fitted(self, "model_")
        if self.panel_ is None:
            raise InvalidDataError(
                f"this {type(self).__name__} was loaded without people. Use recommend_from(history), or save "
                "it with save(path, with_users=True)."
            )
        return self.panel_

    def _people(self, user_ids: Any, missing: str) -> tuple[NDArray[np.int64], np.ndarray]:
        """Return numbers (-1 for unknown people, if they may stay) and ids."""
        users = self._known().users
        if user_ids is None:
            return np.arange(len(users)), users.ids
        policy: Any = "error" if missing == "error" else "negative"
        numbers = users.numbers(user_ids, missing=policy)
        ids = nw.from_native(user_ids, series_only=True, pass_through=True)
        ids = ids.to_numpy() if isinstance(ids, nw.Series) else np.asarray(ids, dtype=users.ids.dtype)
        if missing == "skip":
            numbers, ids = numbers[numbers >= 0], ids[numbers >= 0]
        values, counts = np.unique(ids, return_counts=True)
        if (counts > 1).any():
            first = int(np.argmax(counts > 1))
            raise InvalidDataError(
                f"user_ids must name each person once; {values[[first]].tolist()[0]!r} comes "
                f"{counts[first]} times."
            )
        return numbers, ids

    def _histories_of(self, people: NDArray[np.int64]) -> dict[str, sparse.csr_matrix]:
        """Return the weighted rows of people of the fit; empty ones for the number -1."""
        known = self._known()
        safe = np.maximum(people, 0)
        rows = {name: self._weighted(known, name)[safe] for name in self.items_}
        if (people >= 0).all():
            return rows
        keep = sparse.diags((people >= 0).astype(np.float32))
        empty = {name: sparse.csr_matrix(keep @ part) for name, part in rows.items()}
        for part in empty.values():
            part.eliminate_zeros()
        return empty

    def _weighted(self, panel: Panel, name: str) -> sparse.csr_matrix:
        """Return the weighted matrix of a category of a panel over the items of the model."""
        if name not in panel.categories:
            return sparse.csr_matrix((len(panel), len(self.items_[name])), dtype=np.float32)
        if panel is self.panel_:
            cache = self.__dict__.setdefault("_cache", {})
            if name not in cache:
                cache[name] = self._apply(panel, name)
            return cache[name]
        return self._apply(panel, name)

    def _apply(self, panel: Panel, name: str) -> sparse.csr_matrix:
        """Weight a category; what centring leaves below zero counts as nothing, and stays known as had."""
        return self._weigh(with_items(panel[name], self.items_[name])[0], self.statistics_[name])

    def _weigh(self, part: Interactions, known: WeightingStatistics) -> sparse.csr_matrix:
        """Return the weighted matrix of a category over the items its statistics are of."""
        weighted = self.weighting_.apply(part, statistics=known)
        if self.weighting_.center:
            weighted = weighted.copy()
            np.maximum(weighted.data, 0.0, out=weighted.data)
        return weighted

    def _read(self, events: Any) -> Panel:
        """Return a panel, made of a frame of events where it is none."""
        return (
            events
            if isinstance(events, Panel)
            else Panel.from_frame(events, event_weights=self.event_weights)
        )

    def _fold_in(
        self, history: Any, missing: str, quiet: bool = False
    ) -> tuple[Panel, dict[str, sparse.csr_matrix]]:
        """Return the panel of a history and its weighted rows over the items of the model."""
        check_fitted(self, "model_")
        panel = self._read(history)
        histories = {name: self._weighted(panel, name) for name in self.items_}
        unknown = {} if quiet else self._unknown(panel, histories)
        if unknown:
            told = ", ".join(f"{count} of {name!r}" for name, count in unknown.items())
            message = f"the history has events of items the model does not know: {told}"
            if missing == "error":
                raise UnknownIdError(f"{message}. Leave them out, or pass missing='skip'.")
            warnings.warn(f"{message}; they are passed over.", TastebridgeWarning, stacklevel=3)
        return panel, histories

    def _unknown(self, panel: Panel, histories: Mapping[str, sparse.csr_matrix]) -> dict[str, int]:
        """Return how many events of each category the model does not know: those not in the weighted rows.

        A model of the target alone reads nothing else, so that other categories are no surprise to it.
        """
        counts = {}
        for name in panel.categories:
            if name in self.items_:
                counts[name] = panel[name].matrix.nnz - histories[name].nnz
            elif len(self.items_) > 1:
                counts[name] = panel[name].matrix.nnz
        return {name: count for name, count in counts.items() if count}
