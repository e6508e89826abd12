"""What every recommender of the package can do once its model is fitted: frames of ids in and out."""

from __future__ import annotations

import warnings
from abc import ABCMeta, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted

from tastebridge import persist
from tastebridge._topk import pair_scores, top_k
from tastebridge._validation import check_choice, check_count
from tastebridge.data import Panel, Vocabulary, Weighting
from tastebridge.data.alignment import with_items
from tastebridge.data.weighting import WeightingStatistics
from tastebridge.exceptions import InvalidDataError, TastebridgeWarning, UnknownIdError
from tastebridge.explain import Part, parts_of
from tastebridge.filters import Filters, read_filters
from tastebridge.metrics import ndcg
from tastebridge.model import LinearModel, Vectors32
from tastebridge.routes import Histories

_CHUNK = 4096


class Vectors(NamedTuple):
    """Ids and, row by row, their vectors."""

    ids: np.ndarray
    vectors: Vectors32


class Recommender(BaseEstimator, metaclass=ABCMeta):
    """Base of the mapper and the baselines; a subclass implements :meth:`_fit`.

    Attributes
    ----------
    model_ : LinearModel
        Routes, spaces and weights; no person.
    items_ : dict of category to Vocabulary
        The items the model knows.
    statistics_ : dict of category to WeightingStatistics
        What weighting a fresh history needs.
    panel_ : Panel or None
        The people of the fit, in memory; None in a model that was loaded without them.
    item_names_ : mapping of category to Series, or None
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

    @abstractmethod
    def fit(self, panel: Any, y: None = None) -> Self:
        """Learn from a panel or a frame of events; forget what was learned before."""

    def recommend(
        self,
        user_ids: Any = None,
        n: int = 10,
        *,
        allow: Any = None,
        deny: Any = None,
        missing: str = "error",
    ) -> pd.DataFrame:
        """Recommend items of the target to people of the fit.

        Parameters
        ----------
        user_ids : list or column of ids, optional
            For whom, each person once; None for everybody.
        n : int, default=10
            Items a person gets, at most. Where fewer are left they get fewer, and a warning says so.
        allow, deny : list of item ids, or frame of user_id and item_id, optional
            Only these items, or all but these: for everybody, or (a frame) for the person of the row. With
            ``allow`` as a frame a person without a row in it gets nothing.
        missing : {"error", "skip", "popular"}, default="error"
            What to do with people the model does not know: refuse, leave them out of the answer, or
            recommend what is popular. With ``"error"`` unknown items in ``allow`` or ``deny`` are refused
            too, otherwise passed over.

        Returns
        -------
        DataFrame
            user_id, item_id, score, rank (from 1), in the order of ``user_ids``, best first; of equal scores
            the item that comes first in :meth:`item_vectors`. Never an item the person already has.

        Raises
        ------
        UnknownIdError
            With ``missing="error"``, if a person or item is not known.
        InvalidDataError
            If a person is asked for twice, or the model holds no people.
        """
        check_choice("missing", missing, ("error", "skip", "popular"))
        people, ids = self._people(user_ids, missing)
        return self._recommend(self._histories_of(people), ids, n, allow, deny, missing)

    def recommend_from(
        self, history: Any, n: int = 10, *, allow: Any = None, deny: Any = None, missing: str = "skip"
    ) -> pd.DataFrame:
        """Recommend to people by a history given now, whether the model has seen them or not; no refit.

        Parameters
        ----------
        history : Panel or frame
            Their events, as for :meth:`tastebridge.Panel.from_frame`, in sources, target or both.
        n, allow, deny
            As in :meth:`recommend`.
        missing : {"skip", "error"}, default="skip"
            What to do with events of items or categories the model does not know: pass over with a warning,
            or refuse. A person of whom nothing known is left gets what is popular.

        Returns
        -------
        DataFrame
            As of :meth:`recommend`, people in ascending order of their ids.
        """
        check_choice("missing", missing, ("error", "skip"))
        panel, histories = self._fold_in(history, missing)
        return self._recommend(histories, panel.users.ids, n, allow, deny, missing)

    def predict(self, pairs: Any, *, missing: str = "error") -> NDArray[np.float32]:
        """Return the score of every pair of a person of the fit and a target item.

        Scores can be compared within a person and between people; higher is better. They are those of
        :meth:`recommend`, bit by bit.

        Parameters
        ----------
        pairs : frame
            Columns user_id and item_id.
        missing : {"error", "nan"}, default="error"
            What to do with pairs of an unknown person or item.

        Returns
        -------
        ndarray of shape (n_pairs,)
        """
        check_is_fitted(self, "model_")
        check_choice("missing", missing, ("error", "nan"))
        frame = nw.from_native(pairs, eager_only=True)
        for column in ("user_id", "item_id"):
            if column not in frame.columns:
                raise InvalidDataError(f"pairs need the columns user_id and item_id; {column} is missing.")
        policy: Any = "error" if missing == "error" else "negative"
        users = self._known().users.numbers(frame["user_id"].to_numpy(), missing=policy)
        items = self.items_[self._target()].numbers(frame["item_id"].to_numpy(), missing=policy)
        known = (users >= 0) & (items >= 0)
        scores = np.full(len(users), np.nan, dtype=np.float32)
        scores[known] = self._pairs(users[known], items[known])
        return scores

    def user_vectors(self, user_ids: Any = None, *, missing: str = "error") -> Vectors:
        """Return ids and vectors of people of the fit: ``vectors @ item_vectors().vectors.T`` are scores.

        Parameters
        ----------
        user_ids : list or column of ids, optional
            None for everybody.
        missing : {"error", "skip", "popular"}
            As in :meth:`recommend`.

        Returns
        -------
        Vectors
            ``ids`` (n_people,) and ``vectors`` (n_people, n_components) in float32.
        """
        check_choice("missing", missing, ("error", "skip", "popular"))
        people, ids = self._people(user_ids, missing)
        parts = [self.model_.user_vectors(part) for _, part in _chunks(self._histories_of(people), len(ids))]
        parts = parts or [np.zeros((0, self.model_.item_vectors().shape[1]), np.float32)]
        return Vectors(ids, np.concatenate(parts))

    def explain(self, user_id: Any, item_id: Any) -> pd.DataFrame:
        """Say of what the score of a person of the fit and a target item is made.

        Contributions sum to the score of :meth:`predict`. What they mean, and what they do not, is told in
        :mod:`tastebridge.explain`.

        Parameters
        ----------
        user_id, item_id : id
            One person and one item of the target, had already or not.

        Returns
        -------
        DataFrame
            source_category, source_item, route, contribution, largest first: a row for each past item and
            route. Where source_item is None the row stands for no single item: it is the baseline of a map,
            or what is popular (source_category ``"(popularity)"``).

        Raises
        ------
        UnknownIdError
            If the person or item is not known.
        """
        people, _ = self._people([user_id], "error")
        return self._explain(self._histories_of(people), item_id)

    def explain_from(self, history: Any, item_id: Any, *, missing: str = "skip") -> pd.DataFrame:
        """Say of what the score of a target item is made for one person with this history.

        Parameters
        ----------
        history : Panel or frame
            The events of one person, as for :meth:`recommend_from`.
        item_id : id
            An item of the target.
        missing : {"skip", "error"}, default="skip"
            As for :meth:`recommend_from`.

        Returns
        -------
        DataFrame
            As of :meth:`explain`.
        """
        check_choice("missing", missing, ("error", "skip"))
        panel, histories = self._fold_in(history, missing)
        if len(panel) != 1:
            raise InvalidDataError(
                f"explain_from takes the history of one person; this one has {len(panel)}. Call it once each."
            )
        return self._explain(histories, item_id)

    def item_vectors(self) -> Vectors:
        """Return ids and vectors of the target's items, in ascending order of the ids."""
        check_is_fitted(self, "model_")
        return Vectors(self.items_[self._target()].ids, self.model_.item_vectors())

    def score(self, panel: Any, y: None = None) -> float:
        """Return the mean NDCG@10 over people of a panel or frame of held-out events, every item ranked.

        What is to be found are its rows in the target. People of the fit are ranked by the history of the
        fit and the sources given here, other people by the sources given here alone. So both ways of
        splitting work in a grid search: over people (a panel), or over rows (a frame).
        """
        fresh, given = self._fold_in(panel, "skip", quiet=True)
        truth = given[self._target()]
        histories = {**given, self._target(): sparse.csr_matrix(truth.shape, dtype=np.float32)}
        if self.panel_ is not None:
            at = self.panel_.users.numbers(fresh.users.ids, missing="negative")
            known = self._histories_of(at)
            histories = {
                name: known[name] + (rows - _common(rows, known[name])) for name, rows in histories.items()
            }
        wanted = np.flatnonzero(np.diff(truth.indptr))
        best = [
            self._best(part, 10, Filters())[0]
            for _, part in _chunks({name: rows[wanted] for name, rows in histories.items()}, len(wanted))
        ]
        values = ndcg(np.concatenate(best), truth[wanted], 10) if best else np.array([np.nan])
        return float(np.nanmean(values))

    def save(self, path: str | Path, with_users: bool = False) -> None:
        """Write the fitted model to a folder; :func:`tastebridge.load` reads it back, bit by bit.

        Parameters
        ----------
        path : str or Path
            A new or empty folder, or that of a saved model, which is replaced in one step.
        with_users : bool, default=False
            Whether the people of the fit and their histories go along. Without them no person is in the
            files; the loaded model serves :meth:`recommend_from`. ``evidence_``, which is by person, and the
            rows that cleaning dropped are never saved.

        Raises
        ------
        ModelFileError
            If something other than a model is at ``path``, or it cannot be written.
        InvalidParameterError
            If a parameter is neither a plain value nor an estimator of this package.
        """
        check_is_fitted(self, "model_")
        persist.save(self, path, with_users)

    def _remember(self, panel: Panel) -> dict[str, sparse.csr_matrix]:
        """Keep the people, the items and what weighting needs; return the weighted histories."""
        for name in [name for name in vars(self) if name == "_cache" or name.endswith("_")]:
            delattr(self, name)  # a fit forgets the last one, even if it fails
        self.weighting_ = Weighting("binary") if self.weighting is None else clone(self.weighting)
        now = panel.last_time
        self.panel_, self.item_names_ = panel, panel.item_names
        self.items_ = {name: panel[name].items for name in panel.categories}
        self.statistics_ = {name: self.weighting_.statistics(panel[name], now) for name in panel.categories}
        return {name: self._weighted(panel, name) for name in panel.categories}

    def _target(self) -> str:
        return self.model_.target

    def _known(self) -> Panel:
        """Return the people of the fit."""
        check_is_fitted(self, "model_")
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
        aligned, _ = with_items(panel[name], self.items_[name])
        weighted = self.weighting_.apply(aligned, statistics=self.statistics_[name])
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
        check_is_fitted(self, "model_")
        panel = self._read(history)
        unknown = {} if quiet else self._unknown(panel)
        if unknown:
            told = ", ".join(f"{count} of {name!r}" for name, count in unknown.items())
            message = f"the history has events of items the model does not know: {told}"
            if missing == "error":
                raise UnknownIdError(f"{message}. Leave them out, or pass missing='skip'.")
            warnings.warn(f"{message}; they are passed over.", TastebridgeWarning, stacklevel=3)
        return panel, {name: self._weighted(panel, name) for name in self.items_}

    def _unknown(self, panel: Panel) -> dict[str, int]:
        """Return how many events of each category the model does not know.

        A model of the target alone reads nothing else, so that other categories are no surprise to it.
        """
        counts = {}
        for name in panel.categories:
            if name in self.items_:
                counts[name] = with_items(panel[name], self.items_[name])[1]
            elif len(self.items_) > 1:
                counts[name] = panel[name].matrix.nnz
        return {name: count for name, count in counts.items() if count}

    def _recommend(
        self, histories: Histories, ids: np.ndarray, n: int, allow: Any, deny: Any, missing: str
    ) -> pd.DataFrame:
        n = check_count("n", n)
        items = self.items_[self._target()]
        people = Vocabulary.from_ids(ids) if len(ids) else Vocabulary(ids)
        filters = _ordered(read_filters(allow, deny, people, items, missing), people, ids)
        found = [
            self._best(part, min(n, len(items)), Filters(**filters.of(rows)))
            for rows, part in _chunks(histories, len(ids))
        ]
        return _frame(found, ids, items, n)

    def _best(
        self, histories: Histories, n: int, filters: Filters
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Return the numbers (-1 for none) and scores of the best items of people."""
        vectors = self.model_.user_vectors(histories)
        seen = histories[self._target()]
        return top_k(vectors, self.model_.item_vectors(), n, seen=seen, **filters._asdict())

    def _explain(self, histories: Histories, item_id: Any) -> pd.DataFrame:
        item = int(self.items_[self._target()].numbers([item_id])[0])
        parts = sorted(self._parts_of(histories, item), key=lambda part: -part.contribution)
        ids = [None if at < 0 else self.items_[name].ids[at] for name, at, _, _ in parts]
        columns = {
            "source_category": [part.category for part in parts],
            "source_item": pd.Series(ids, dtype=object),
            "route": [part.route for part in parts],
            "contribution": np.array([part.contribution for part in parts], dtype=np.float64),
        }
        return pd.DataFrame(columns)

    def _parts_of(self, histories: Histories, item: int) -> list[Part]:
        """Return the parts of the score of one person and item."""
        return parts_of(self.model_, histories, item)

    def _pairs(self, users: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.float32]:
        people, place = np.unique(users, return_inverse=True)
        vectors, V = self.user_vectors(self._known().users.ids_of(people)).vectors, self.model_.item_vectors()
        out = np.empty(len(users), dtype=np.float32)
        for start in range(0, len(users), 16 * _CHUNK):
            rows = slice(start, start + 16 * _CHUNK)
            out[rows] = pair_scores(vectors[place[rows]], V[items[rows]])
        return out


def _chunks(histories: Histories, n_people: int) -> Iterator[tuple[slice, Histories]]:
    for start in range(0, n_people, _CHUNK):
        rows = slice(start, start + _CHUNK)
        yield rows, {name: part[rows] for name, part in histories.items()}


def _common(matrix: sparse.csr_matrix, other: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return the entries of ``matrix`` that ``other`` stores too."""
    return sparse.csr_matrix(matrix.multiply(other.astype(bool)))


def _ordered(filters: Filters, people: Vocabulary, ids: np.ndarray) -> Filters:
    """Return the filters with the masks of single people in the order of ``ids``."""
    if filters.allow_per_user is None and filters.deny_per_user is None:
        return filters
    order = people.numbers(ids)
    masks = {"allow_per_user": filters.allow_per_user, "deny_per_user": filters.deny_per_user}
    return filters._replace(**{name: None if mask is None else mask[order] for name, mask in masks.items()})


def _frame(
    found: list[tuple[NDArray[np.int32], NDArray[np.float32]]], ids: np.ndarray, items: Vocabulary, n: int
) -> pd.DataFrame:
    """Return the answer as a frame, and warn if somebody gets fewer than asked for."""
    width = min(n, len(items))
    best = np.concatenate([part[0] for part in found]) if found else np.zeros((0, width), dtype=np.int32)
    scores = np.concatenate([part[1] for part in found]) if found else np.zeros((0, width), np.float32)
    given = best >= 0
    short = int((given.sum(axis=1) < n).sum())
    if short:
        warnings.warn(
            f"{short} of {len(ids)} people get fewer than n={n} recommendations: no more items are left for "
            "them.",
            TastebridgeWarning,
            stacklevel=4,
        )
    columns = {
        "user_id": np.repeat(ids, given.sum(axis=1)),
        "item_id": items.ids_of(best[given]),
        "score": scores[given],
        "rank": (np.nonzero(given)[1] + 1).astype(np.int64),
    }
    return pd.DataFrame(columns)
