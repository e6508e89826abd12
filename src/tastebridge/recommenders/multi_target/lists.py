"""What people are recommended over several categories, and the chances of single pairs."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tastebridge._foundation.validation import check_category, check_choice, check_count
from tastebridge._numerics.topk import chosen_scores, top_k
from tastebridge.data import Vocabulary
from tastebridge.exceptions import InvalidDataError, InvalidParameterError, TastebridgeWarning
from tastebridge.model import LinearModel
from tastebridge.model.filters import Filters
from tastebridge.recommenders.frames import chunks, ordered
from tastebridge.recommenders.multi_target.category_model import Choice, choice_of
from tastebridge.recommenders.multi_target.lookup import categories_of, filters_of
from tastebridge.recommenders.multi_target.merging import (
    Found,
    Mixed,
    best_categories_first,
    best_of_all,
    to_frame,
)
from tastebridge.recommenders.multi_target.temperature import catalogue_for, log_totals, sharpness_of
from tastebridge.routes import Histories

Array = NDArray[np.float64]


class Models(NamedTuple):
    """What scores people in several categories.

    Attributes
    ----------
    models : mapping of target to LinearModel
    categories : mapping of target to list of str
        Whose histories each model reads.
    items : mapping of category to Vocabulary
        Of all categories, targets or not, in the order of the choice.
    sharpness : mapping of target to mapping of {"cold", "warm"} to float
    choice : Choice
    """

    models: Mapping[str, LinearModel]
    categories: Mapping[str, Sequence[str]]
    items: Mapping[str, Vocabulary]
    sharpness: Mapping[str, Mapping[str, float]]
    choice: Choice

    def read(self, target: str, histories: Histories) -> dict[str, Any]:
        """Return the histories that the model of a target reads."""
        return {name: histories[name] for name in self.categories[target]}

    def shares(self, target: str, histories: Histories) -> Array:
        """Return the probability (n_people,) that the target comes next."""
        return choice_of(self.choice, histories)[:, list(self.items).index(target)]


class Order(NamedTuple):
    """How lists over several categories are made: of which, how long, and what comes first."""

    categories: Sequence[str]
    n: int
    by: str = "score"
    n_categories: int | None = None

    def check(self) -> Order:
        """Refuse what makes no list."""
        check_count("n", self.n)
        check_choice("by", self.by, ("score", "category"))
        if self.n_categories is not None:
            check_count("n_categories", self.n_categories)
            if self.by != "category":
                raise InvalidParameterError(
                    "n_categories is how many of a person's categories to show, and by='score' mixes them. "
                    "Pass by='category', or leave n_categories None."
                )
        return self

    @property
    def length(self) -> int:
        """Rows of a person at most."""
        shown = len(self.categories) if self.n_categories is None else self.n_categories
        return self.n * (1 if self.by == "score" else min(shown, len(self.categories)))


class _Scored(NamedTuple):
    """The vectors of people in one category, and what turns their scores into chances."""

    vectors: NDArray[np.float32]
    sharpness: Array
    log_chance: Array

    def chances(self, scores: NDArray[np.float32], rows: Any = slice(None)) -> Array:
        """Return the chances of scores of people, a person a row or, with ``rows``, the person of each."""
        tau, base = self.sharpness[rows], self.log_chance[rows]
        if scores.ndim == 2:
            tau, base = tau[:, None], base[:, None]
        return np.asarray(np.exp(tau * scores.astype(np.float64) + base))


def recommend_mixed(
    models: Models,
    order: Order,
    histories: Histories,
    ids: np.ndarray,
    allow: Any = None,
    deny: Any = None,
    missing: str = "error",
) -> pd.DataFrame:
    """Return user_id, item_id, category, score and rank for people with these histories."""
    people = Vocabulary.from_ids(ids) if len(ids) else Vocabulary(ids)
    known = {name: models.items[name] for name in order.categories}
    filters = {
        name: ordered(part, people, ids)
        for name, part in filters_of(allow, deny, people, known, missing).items()
    }
    parts = [
        to_frame(_mixed(models, order, part, rows, filters), ids[rows], known)
        for rows, part in chunks(histories, len(ids))
    ]
    frame = pd.concat(parts, ignore_index=True) if parts else _nothing(ids, known)
    short = len(ids) - int((frame.groupby("user_id").size() >= order.length).sum())
    if short:
        warnings.warn(
            f"{short} of {len(ids)} people get fewer than {order.length} recommendations: no more items are "
            "left for them.",
            TastebridgeWarning,
            stacklevel=3,
        )
    return frame


def predict_mixed(
    models: Models, histories: Histories, person: NDArray[np.int64], target: str, items: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return the chances of items of one target, each for the person of these histories it is paired with."""
    scored = _scored(models, target, histories)
    scores = chosen_scores(scored.vectors, person, models.models[target].item_vectors(), items)
    return scored.chances(scores, person).astype(np.float32)


def pairs_of(
    pairs: Any, models: Mapping[str, LinearModel], items: Mapping[str, Vocabulary], missing: str
) -> tuple[np.ndarray, NDArray[np.int64], NDArray[np.int64]]:
    """Return the user ids of a frame of pairs, the place of each one's target, and the number of its item.

    Both are -1 for an unknown item, where that is not an error.
    """
    frame = nw.from_native(pairs, eager_only=True)
    for column in ("user_id", "item_id"):
        if column not in frame.columns:
            raise InvalidDataError(f"pairs need the columns user_id and item_id; {column} is missing.")
    known = {name: items[name] for name in models}
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
    return frame["user_id"].to_numpy(), where, numbers


def _place(name: Any, known: Mapping[str, Vocabulary]) -> int:
    return list(known).index(check_category("category", name, known))


def _mixed(
    models: Models, order: Order, histories: Histories, rows: slice, filters: Mapping[str, Filters]
) -> Mixed:
    found = {}
    for name in order.categories:
        scored, seen = _scored(models, name, histories), histories[name]
        width = min(order.n, seen.shape[1])
        catalogue = catalogue_for(models.models[name], models.read(name, histories))
        items, scores = top_k(scored.vectors, catalogue, width, seen=seen, **filters[name].of(rows))
        found[name] = Found(items, scored.chances(np.where(items >= 0, scores, 0)))
    if order.by == "score":
        return best_of_all(found, order.n)
    shares = np.column_stack([models.shares(name, histories) for name in order.categories])
    return best_categories_first(found, shares, order.n_categories)


def _scored(models: Models, target: str, histories: Histories) -> _Scored:
    model, own = models.models[target], models.read(target, histories)
    vectors = model.user_vectors(own)
    sharpness = sharpness_of(models.sharpness[target], target, own)
    totals = log_totals(model, vectors, own, sharpness)
    return _Scored(vectors, sharpness, np.log(models.shares(target, histories)) - totals)


def _nothing(ids: np.ndarray, known: Mapping[str, Vocabulary]) -> pd.DataFrame:
    """Return the answer for nobody."""
    empty = Mixed(np.zeros((0, 0), np.int64), np.zeros((0, 0), np.int32), np.zeros((0, 0)))
    return to_frame(empty, ids, known)
