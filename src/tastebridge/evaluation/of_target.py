"""The answers of a model about the target of a split, also where it was fitted to several targets."""

from __future__ import annotations

import inspect
from typing import Any, Protocol, cast

import pandas as pd
from numpy.typing import NDArray

from tastebridge.evaluation.table import Predictor
from tastebridge.exceptions import InvalidDataError
from tastebridge.splits import Split


class MakesLists(Protocol):
    """A fitted model that recommends."""

    def recommend(self, user_ids: NDArray, n: int = 10) -> pd.DataFrame:
        """Return user_id, item_id and rank."""


def lists_of_target(
    model: MakesLists, split: Split, n: int, twins: str | None = None, **options: object
) -> pd.DataFrame:
    """Return the lists of a model for the users of a split, over the items of its target.

    A mapper of several targets mixes their items in one list. Only the items of one category can be found in
    a split, so the mapper is asked for this category. ``twins`` is passed on to models that have the option.

    Raises
    ------
    InvalidDataError
        If the model recommends in other categories.
    """
    _check_target(model, split)
    taken = inspect.signature(model.recommend).parameters
    own = {"categories": split.target} if "categories" in taken else {}
    if twins is not None and "twins" in taken:
        own["twins"] = twins
    verb = cast(Any, model.recommend)
    found: pd.DataFrame = verb(split.user_ids, n=n, **{**own, **options})
    return found


def pairs_of_target(model: Predictor, split: Split, users: NDArray, items: NDArray) -> pd.DataFrame:
    """Return the pairs of users and items of a split's target, as the model wants them for ``predict``.

    A mapper of several targets reads the category too, since an id may be an item of two.
    """
    _check_target(model, split)
    pairs = pd.DataFrame({"user_id": users, "item_id": items})
    return pairs.assign(category=split.target) if len(getattr(model, "targets_", ())) > 1 else pairs


def rating_pairs(model: Predictor, split: Split, pairs: pd.DataFrame) -> pd.DataFrame:
    """Return pairs of user_id and item_id for a model that predicts ratings.

    Raises
    ------
    InvalidDataError
        If the model is one of this package that predicts scores. Their errors would mean nothing.
    """
    states = getattr(model, "targets_", None)
    if isinstance(states, dict) and not all(hasattr(state.scorer, "ratings") for state in states.values()):
        raise InvalidDataError(
            f"{type(model).__name__} predicts scores, which order items, and no ratings. Use "
            "RatingMapper here, or evaluate for the lists of this model."
        )
    return pairs_of_target(model, split, pairs["user_id"].to_numpy(), pairs["item_id"].to_numpy())


def _check_target(model: object, split: Split) -> None:
    """Refuse a model of this package that was fitted to other categories: it would find nothing."""
    targets = getattr(model, "targets_", None)
    if isinstance(targets, dict) and split.target not in targets:
        raise InvalidDataError(
            f"the split hides rows of {split.target!r}, and the {type(model).__name__} recommends in "
            f"{', '.join(map(repr, targets))}, so it cannot find any. Make both of one target."
        )
