"""Items related to items, as frames of ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Self, TypedDict

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from tastebridge._foundation.validation import check_category, check_choice, check_count, nearest
from tastebridge._numerics.topk import Masks
from tastebridge.data import Vocabulary
from tastebridge.data.id_lists import listed
from tastebridge.data.types import Id, Ids
from tastebridge.exceptions import InvalidDataError, InvalidParameterError
from tastebridge.model import LinearModel
from tastebridge.model.chunks import CHUNK
from tastebridge.model.filters import Filters, read_filters
from tastebridge.model.scorers import Best, RatingScorer
from tastebridge.online.state import FittedState
from tastebridge.recommenders.multi_target.lookup import categories_of
from tastebridge.routes import Histories
from tastebridge.routes.twins import LEAVE_OUT, TWINS

Numbers = NDArray[np.int64]


class RelatedOptions(TypedDict, total=False):
    """The options of ``related`` that select items.

    Attributes
    ----------
    of : category, optional
        The category of the query items; None to infer it from the ids.
    allow, deny : list of item ids, optional
        Return only these related items, or never these.
    missing : {"error", "skip"}, default="error"
        Unknown items are refused, or left out.
    twins : {"leave out", "keep"}, default="leave out"
        Whether the twins of an item, the same product under another id, are left out.
    """

    of: str | None
    allow: Ids | None
    deny: Ids | None
    missing: str
    twins: str


class RelatedRequest(NamedTuple):
    """A checked request for related items: see :meth:`tastebridge.recommenders.Recommender.related`."""

    n: int = 10
    of: str | None = None
    allow: Ids | None = None
    deny: Ids | None = None
    missing: str = "error"
    twins: str = LEAVE_OUT

    @classmethod
    def read(cls, n: int, options: Mapping[str, Any]) -> Self:
        """Return the request of some options, checked.

        Raises
        ------
        TypeError
            If there is no such option.
        InvalidParameterError
            If a value cannot be used.
        """
        for name in options:
            if name not in RelatedOptions.__annotations__:
                hint = nearest(name, RelatedOptions.__annotations__)
                raise TypeError(f"related() got an unexpected keyword argument {name!r}.{hint}")
        return cls(n, **options)._checked()

    def _checked(self) -> Self:
        check_count("n", self.n)
        check_choice("missing", self.missing, ("error", "skip"))
        check_choice("twins", self.twins, TWINS)
        return self


class Anchors(NamedTuple):
    """The query items: their category, numbers and ids, in the given order."""

    category: str
    numbers: Numbers


def relating(
    states: Mapping[str, FittedState], category: str | None, request: RelatedRequest
) -> tuple[FittedState, RelatedRequest]:
    """Return the state whose items are returned, and the request; both refer to a source if one is named.

    Raises
    ------
    UnknownCategoryError
        If no model reads the category.
    InvalidParameterError
        If the category is not named and there are several, or the model has no vectors of a source's items.
    """
    if category is None and len(states) > 1:
        raise InvalidParameterError(
            f"related items are of one category, and this model recommends in {', '.join(map(repr, states))}."
            f" Name one: category={next(iter(states))!r}."
        )
    if category is None or category in states:
        state = states[category] if category is not None else next(iter(states.values()))
        check_relations(state)
        return state, request
    # any target that reads the source has vectors of its items
    known = {name: state for state in states.values() for name in state.encoder.items}
    state = known[check_category("category", category, known)]
    check_relations(state)
    if request.of not in (None, category):
        raise InvalidParameterError(
            f"the model relates items of {category!r}, a source, only with each other; got "
            f"of={request.of!r}. Fit an InterestMapper({category!r}) to relate other categories with it."
        )
    return state.within(category), request._replace(of=category)


def related(state: FittedState, items: Id | Ids | None, request: RelatedRequest) -> pd.DataFrame:
    """Return item_id, related_item_id, score and rank: the best items of the target for each item."""
    known = state.encoder.items
    found, order = [], []
    for anchors, places in anchors_of(items, known, request):
        frame = related_rows(state, anchors, request)
        counts = frame.groupby("place", sort=False).size().reindex(range(len(places)), fill_value=0)
        order.append(np.repeat(places, counts.to_numpy()))
        found.append(frame.drop(columns="place"))
    whole = pd.concat(found, ignore_index=True) if found else related_rows(state, _nothing(known), request)
    # found category by category, and wanted in the order of the question
    by_place = np.argsort(np.concatenate(order), kind="stable") if order else np.arange(0)
    return whole.drop(columns="place", errors="ignore").iloc[by_place].reset_index(drop=True)


def related_rows(state: FittedState, anchors: Anchors, request: RelatedRequest) -> pd.DataFrame:
    """Return the rows of some anchors of one category, with their ``place`` among the anchors."""
    own, items = state.encoder.items[anchors.category], state.items
    numbers, scores = best_related(state, anchors, filters_of(items, request), request)
    given = numbers >= 0
    columns = {
        "item_id": np.repeat(own.ids_of(anchors.numbers), given.sum(axis=1)),
        "related_item_id": items.ids_of(numbers[given]),
        "score": scores[given],
        "rank": (np.nonzero(given)[1] + 1).astype(np.int64),
        "place": np.nonzero(given)[0],
    }
    return pd.DataFrame(columns)


def best_related(state: FittedState, anchors: Anchors, filters: Filters, request: RelatedRequest) -> Best:
    """Return the numbers (-1 for none) and scores of the best items for each anchor."""
    width = min(request.n, len(state.items))
    best = np.full((len(anchors.numbers), width), -1, dtype=np.int32)
    scores = np.full(best.shape, -np.inf, dtype=np.float32)
    for start in range(0, len(best), CHUNK):
        rows = slice(start, start + CHUNK)
        # an anchor is a user with one event: filters, twins and the search are those of a list
        alone = state.alone(anchors.category, anchors.numbers[rows])
        closing = filters.closing(state.left_out(alone, request.twins))
        masks = Masks(_itself(state, anchors.category, alone), **closing._asdict())
        found = state.relations.best(anchors.category, anchors.numbers[rows], width, masks)
        best[rows], scores[rows] = found
    return best, scores


def _itself(state: FittedState, category: str, alone: Histories) -> sparse.csr_matrix:
    """Return the items themselves among the candidates, (n_anchors, n_items)."""
    own, items = state.encoder.items[category], state.items
    bridges = state.tables.get("routes_", pd.DataFrame({"bridge": []}))["bridge"].astype(str)
    # the same id in two categories is one item only if the model joins them by shared items
    if category == state.target or own.kind != items.kind or not bridges.str.contains("items").any():
        return alone[state.target]
    same = items.numbers_of(own)
    at = np.flatnonzero(same >= 0)
    ones = np.ones(len(at), dtype=np.float32)
    pairs = sparse.csr_matrix((ones, (at, same[at])), shape=(len(own), len(items)))
    return sparse.csr_matrix(alone[category] @ pairs)


def check_relations(state: FittedState) -> None:
    """Refuse a model without vectors, or one that reads ratings."""
    if not isinstance(state.scorer.model, LinearModel):
        raise InvalidParameterError(
            "related needs vectors of items, and item neighbours have none. Use InterestMapper or JointALS."
        )
    if isinstance(state.scorer, RatingScorer):
        raise InvalidParameterError(
            "related works on events, but a RatingMapper uses ratings: a single item without its rating "
            "carries no information. Fit "
            "an InterestMapper on the same panel."
        )


def anchors_of(
    items: Id | Ids | None, known: Mapping[str, Vocabulary], request: RelatedRequest
) -> list[tuple[Anchors, Numbers]]:
    """Return the items by category, with their places among the items asked about; None for all items.

    Raises
    ------
    UnknownIdError
        With ``missing="error"``, if an item is not known.
    InvalidDataError
        If an item is named twice, or an id is an item of several categories.
    """
    if request.of is not None:
        known = {request.of: known[check_category("of", request.of, known)]}
    if items is None:
        starts = np.cumsum([0, *(len(part) for part in known.values())])
        return [
            (Anchors(name, np.arange(len(part))), np.arange(len(part)) + start)
            for (name, part), start in zip(known.items(), starts, strict=False)
        ]
    ids = _listed(items)
    if len(set(ids)) < len(ids):
        raise InvalidDataError(f"items must name each item once; {_repeated(ids)!r} comes more than once.")
    where = categories_of(ids, known, request.missing)
    found = []
    for place, (name, part) in enumerate(known.items()):
        at = np.flatnonzero(where == place)
        if len(at):
            found.append((Anchors(name, part.numbers([ids[row] for row in at.tolist()])), at))
    return found


def filters_of(items: Vocabulary, request: RelatedRequest) -> Filters:
    """Return the filters of a request; lists of ids only, since there are no users."""
    for name, given in (("allow", request.allow), ("deny", request.deny)):
        if isinstance(nw.from_native(given, eager_only=True, pass_through=True), nw.DataFrame):
            raise InvalidDataError(f"{name} must be a list of item ids for related items; got a frame.")
    # filters are read for users, and there are none here
    nobody = Vocabulary(np.empty(0, dtype=np.int64))
    return read_filters(request.allow, request.deny, nobody, items, request.missing)


def _listed(items: Id | Ids) -> list[object]:
    """Return one id or a list of them as a list."""
    # True is an int in Python, and is no id
    if isinstance(items, str | int | np.integer) and not isinstance(items, bool):
        return [items]
    items = listed(items, "items")
    column = nw.from_native(items, series_only=True, pass_through=True)
    return list(
        column.to_list() if isinstance(column, nw.Series) else np.asarray(items, dtype=object).tolist()
    )


def _repeated(ids: list[object]) -> object:
    return next(one for at, one in enumerate(ids) if one in ids[:at])


def _nothing(known: Mapping[str, Vocabulary]) -> Anchors:
    return Anchors(next(iter(known)), np.zeros(0, dtype=np.int64))
