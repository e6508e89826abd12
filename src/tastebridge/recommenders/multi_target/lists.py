"""Lists over several categories, and the chances of single pairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tastebridge._foundation.validation import check_category, check_choice, check_count
from tastebridge._foundation.warnings import warn
from tastebridge._numerics.catalogue import Catalogue
from tastebridge._numerics.topk import Masks, chosen_scores, top_k
from tastebridge.data import Panel, Vocabulary
from tastebridge.data.types import Frame
from tastebridge.exceptions import InvalidParameterError
from tastebridge.model import LinearModel
from tastebridge.model.category_model import category_probabilities
from tastebridge.model.chunks import chunks
from tastebridge.model.filters import Filters
from tastebridge.model.scorers import Best
from tastebridge.online.state import FittedState, MultiTarget
from tastebridge.recommenders.answers import ListRequest, closed
from tastebridge.recommenders.frames import ordered, pairs_frame
from tastebridge.recommenders.multi_target.lookup import categories_of, filters_of
from tastebridge.recommenders.multi_target.merging import (
    Found,
    Mixed,
    best_categories_first,
    best_of_all,
    to_frame,
)
from tastebridge.recommenders.multi_target.relisting import MixedReranker
from tastebridge.recommenders.multi_target.temperature import log_totals, power_of, temperature_of
from tastebridge.routes import Histories

Array = NDArray[np.float64]


class Models(NamedTuple):
    """The models that score users in several categories.

    Attributes
    ----------
    targets : mapping of target to FittedState
    joint : MultiTarget
    """

    targets: Mapping[str, FittedState]
    joint: MultiTarget

    @property
    def items(self) -> dict[str, Vocabulary]:
        """The items of each target."""
        return {name: state.items for name, state in self.targets.items()}

    def model(self, target: str) -> LinearModel:
        """Return the routes and weights of a target."""
        model: LinearModel = self.targets[target].scorer.model
        return model

    def read(self, target: str, histories: Histories) -> dict[str, Any]:
        """Return the histories that the model of a target reads."""
        return {name: histories[name] for name in self.targets[target].encoder.items}

    def shares(self, target: str, histories: Histories) -> Array:
        """Return the probability (n_users,) that the target comes next, of the categories with items left."""
        place = list(self.joint.encoder.items).index(target)
        P = category_probabilities(self.joint.category_model, histories)
        # A user who has all items of a category cannot take another there: its probability goes to the rest.
        left = np.column_stack([np.diff(rows.indptr) < rows.shape[1] for rows in histories.values()])
        if left.all():
            return P[:, place]
        P, whole = P * left, np.zeros(len(P))
        for column in P.T:  # added up one by one, so that a row depends on nothing else
            whole += column
        # whoever has items left everywhere keeps the bits of a user asked for alone
        whole[left.all(axis=1)] = 1.0
        return np.divide(P[:, place], whole, out=np.zeros(len(P)), where=whole > 0)


class Order(NamedTuple):
    """How lists over several categories are made: the categories, the length and the order."""

    categories: Sequence[str]
    n: int
    by: str = "score"
    n_categories: int | None = None

    def check(self) -> Order:
        """Refuse an order that makes no list."""
        check_count("n", self.n)
        check_choice("by", self.by, ("score", "category"))
        if self.n_categories is not None:
            check_count("n_categories", self.n_categories)
            if self.by != "category":
                raise InvalidParameterError(
                    "n_categories is how many of a user's categories to show, and by='score' mixes them. "
                    "Pass by='category', or leave n_categories None."
                )
        return self

    @property
    def length(self) -> int:
        """The largest number of rows of a user."""
        shown = len(self.categories) if self.n_categories is None else self.n_categories
        return self.n * (1 if self.by == "score" else min(shown, len(self.categories)))


class _Items(NamedTuple):
    """The vectors of the items of a target, with a column of popularity where it has a part in chances."""

    target: str
    vectors: NDArray[np.float32]

    def item_vectors(self) -> NDArray[np.float32]:
        """Return the vectors (n_items, n_components)."""
        return self.vectors


class _Scored(NamedTuple):
    """The vectors of users and items in one category, and the numbers that turn scores into chances."""

    items: NDArray[np.float32]
    vectors: NDArray[np.float32]
    temperature: Array
    log_chance: Array
    extended: bool

    def chances(self, scores: NDArray[np.float32], rows: slice | NDArray[np.int64] = slice(None)) -> Array:
        """Return the chances of scores, one row per user or, with ``rows``, the user of each score."""
        tau, base = self.temperature[rows], self.log_chance[rows]
        if scores.ndim == 2:
            tau, base = tau[:, None], base[:, None]
        return np.asarray(np.exp(tau * scores.astype(np.float64) + base))


def recommend_mixed(
    models: Models,
    order: Order,
    histories: Histories,
    ids: np.ndarray,
    request: ListRequest,
) -> pd.DataFrame:
    """Return user_id, item_id, category, score and rank for users with these histories."""
    _, allow, deny, missing, twins, rules = request.check()
    people = Vocabulary.from_ids(ids) if len(ids) else Vocabulary(ids)
    known = {name: models.targets[name].items for name in order.categories}
    filters = {
        name: ordered(part, people, ids)
        for name, part in filters_of(allow, deny, people, known, missing).items()
    }
    states = {name: models.targets[name] for name in order.categories}
    relist = MixedReranker.of(states, rules, order.n, order.by)
    parts = []
    for rows, part in chunks(histories, len(ids)):
        closing = {
            name: closed(models.targets[name], part, one.of(rows), twins) for name, one in filters.items()
        }
        mixed = (
            _mixed(models, order, part, closing)
            if relist is None
            else _relisted(models, relist, part, closing, ids[rows])
        )
        parts.append(to_frame(mixed, ids[rows], known))
    frame = pd.concat(parts, ignore_index=True) if parts else _nothing(ids, known)
    short = len(ids) - int((frame.groupby("user_id").size() >= order.length).sum())
    if short:
        warn(
            f"{short} of {len(ids)} users get fewer than {order.length} recommendations: no more items are "
            f"left for them{' within the caps of per_group' if rules is not None and rules.caps else ''}."
        )
    return frame


class Pairs(NamedTuple):
    """Pairs of users and items of several targets.

    Attributes
    ----------
    users : ndarray
        Ids.
    targets : ndarray of int
        The place of the target of each item; -1 for an unknown item.
    items : ndarray of int
        Their numbers in their targets; -1 for an unknown item.
    """

    users: np.ndarray
    targets: NDArray[np.int64]
    items: NDArray[np.int64]

    @classmethod
    def of(cls, pairs: Frame, known: Mapping[str, Vocabulary], missing: str) -> Self:
        """Return the pairs of a frame; unknown items are an error unless ``missing`` is ``"nan"``."""
        frame = pairs_frame(pairs)
        listed = frame["item_id"].to_list()
        if "category" in frame.columns:
            where = np.array([_place(name, known) for name in frame["category"].to_list()], dtype=np.int64)
        else:
            where = categories_of(listed, known, missing)
        numbers = np.full(len(listed), -1)
        for place, vocabulary in enumerate(known.values()):
            rows = np.flatnonzero(where == place)
            policy: Any = "error" if missing == "error" else "negative"
            numbers[rows] = vocabulary.numbers([listed[row] for row in rows], missing=policy)
        return cls(frame["user_id"].to_numpy(), where, numbers)


def predict_mixed(models: Models, panel: Panel, pairs: Pairs, missing: str) -> NDArray[np.float32]:
    """Return the chance that each item is the next of the user of the fit it is paired with."""
    policy: Any = "error" if missing == "error" else "negative"
    numbers = panel.users.numbers(pairs.users, missing=policy)
    scores = np.full(len(numbers), np.nan, dtype=np.float32)
    for place, name in enumerate(models.targets):
        rows = np.flatnonzero((pairs.targets == place) & (pairs.items >= 0) & (numbers >= 0))
        users, user = np.unique(numbers[rows], return_inverse=True)
        for part, histories in chunks(models.joint.encoder.rows_of(panel, users), len(users)):
            at = np.flatnonzero((user >= part.start) & (user < part.stop))
            own, items = user[at] - part.start, pairs.items[rows[at]]
            scored = _scored(models, name, histories)
            found = chosen_scores(scored.vectors, own, scored.items, items)
            scores[rows[at]] = scored.chances(found, own).astype(np.float32)
    return scores


def _place(name: str, known: Mapping[str, Vocabulary]) -> int:
    return list(known).index(check_category("category", name, known))


def _mixed(models: Models, order: Order, histories: Histories, closing: Mapping[str, Filters]) -> Mixed:
    found = {}
    for name in order.categories:
        scored = _scored(models, name, histories)
        items, scores = _finder(models, name, histories, scored)(closing[name], order.n)
        # Scores of places without an item are -inf, whose chance might be NaN.
        found[name] = Found(items, scored.chances(np.where(items >= 0, scores, 0)))
    if order.by == "score":
        return best_of_all(found, order.n)
    shares = np.column_stack([models.shares(name, histories) for name in order.categories])
    return best_categories_first(found, shares, order.n_categories)


def _relisted(
    models: Models,
    relist: MixedReranker,
    histories: Histories,
    closing: Mapping[str, Filters],
    ids: np.ndarray,
) -> Mixed:
    """Return lists by the rules of a reranker."""
    found, temperatures, own = {}, {}, {}
    for name in relist.parts:
        scored = _scored(models, name, histories)
        find = _finder(models, name, histories, scored)
        items, scores = relist.searched(name, find, closing[name])
        found[name] = Found(items, scored.chances(np.where(items >= 0, scores, 0)))
        temperatures[name], own[name] = scored.temperature, models.read(name, histories)
    shares = np.column_stack([models.shares(name, histories) for name in relist.parts])
    whole = best_of_all(found, sum(part.items.shape[1] for part in found.values()))
    return relist.lists(whole, own, ids, shares, temperatures)


def _finder(
    models: Models, name: str, histories: Histories, scored: _Scored
) -> Callable[[Filters, int], Best]:
    """Return the search for the best items of a target."""
    seen = histories[name]
    catalogue = scored.items if scored.extended else _catalogue(models, name, histories)

    def find(filters: Filters, n: int) -> Best:
        masks = Masks(seen, **filters._asdict())
        return top_k(scored.vectors, catalogue, min(n, seen.shape[1]), masks=masks)

    return find


def _scored(models: Models, target: str, histories: Histories) -> _Scored:
    model, own = models.model(target), models.read(target, histories)
    known = models.joint.temperatures[target]
    temperature, power = temperature_of(known, target, own), power_of(known, target, own)
    items, vectors = _Items(target, model.item_vectors()), model.user_vectors(own)
    if power is not None:
        # one more component: the score grows by power / temperature times log popularity
        rare = models.joint.encoder.statistics[target].idf  # the logarithm of all users per user of the item
        items = items._replace(vectors=np.column_stack([items.vectors, -rare]).astype(np.float32))
        vectors = np.column_stack([vectors, power / temperature]).astype(np.float32)
    totals = log_totals(items, vectors, own, temperature)
    shares = models.shares(target, histories)
    # no chance where no item or no probability is left; its logarithm must not be one infinity less another
    log_chance = np.full(len(shares), -np.inf)
    open_ = (shares > 0) & np.isfinite(totals)
    log_chance[open_] = np.log(shares[open_]) - totals[open_]
    return _Scored(items.vectors, vectors, temperature, log_chance, extended=power is not None)


def _catalogue(models: Models, target: str, histories: Histories) -> Catalogue:
    """Return the items of a target as the search wants them, arranged once and kept."""
    sizes = {name: rows.shape[1] for name, rows in models.read(target, histories).items()}
    return models.model(target).catalogue(sizes)


def _nothing(ids: np.ndarray, known: Mapping[str, Vocabulary]) -> pd.DataFrame:
    """Return the empty result for no users."""
    empty = Mixed(np.zeros((0, 0), np.int64), np.zeros((0, 0), np.int32), np.zeros((0, 0)))
    return to_frame(empty, ids, known)
