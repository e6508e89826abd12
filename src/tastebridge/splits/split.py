"""A split: a panel to train on, and the held-out rows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tastebridge._foundation.validation import check_category, check_type
from tastebridge.data import Interactions, Panel
from tastebridge.data.same_items import same_pairs
from tastebridge.exceptions import InvalidDataError


@dataclass(frozen=True, eq=False)
class Split:
    """A panel to train on, and the held-out rows.

    Parameters
    ----------
    train : Panel
        The panel without the held-out rows; the same users and items.
    target : str
        The category the rows were taken from.
    truth : DataFrame
        The held-out rows: user_id, item_id, weight; sorted by user and item.

    Raises
    ------
    UnknownCategoryError, InvalidParameterError, InvalidDataError
        If there is no such target, the truth is not a pandas DataFrame, is empty, lacks a column, or contains
        a training row.
    """

    train: Panel
    target: str
    truth: pd.DataFrame

    def __post_init__(self) -> None:
        check_category("target", self.target, self.train.categories)
        check_type("truth", self.truth, pd.DataFrame, "pd.DataFrame(rows, columns=['user_id', …])")
        missing = [name for name in ("user_id", "item_id", "weight") if name not in self.truth]
        if missing or not len(self.truth):
            raise InvalidDataError(
                f"truth needs rows of user_id, item_id and weight; missing: {missing or 'rows'}."
            )
        if (leaked := _in_training(self.train[self.target], self.truth)).any():
            user, item = self.truth[["user_id", "item_id"]].to_numpy()[int(np.argmax(leaked))]
            raise InvalidDataError(
                f"{leaked.sum()} of {len(self.truth)} held-out rows are also in the training panel, "
                f"such as user_id {user!r}, item_id {item!r}. Take them out of one of the two."
            )

    @property
    def user_ids(self) -> np.ndarray:
        """The users with held-out rows, ascending."""
        return np.unique(self.truth["user_id"].to_numpy())

    def __repr__(self) -> str:
        return (
            f"<Split of {self.target!r}: {len(self.truth):,} rows of {len(self.user_ids):,} users held out, "
            f"{self.train[self.target].matrix.nnz:,} left>"
        )


def _in_training(part: Interactions, truth: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which rows of the truth are pairs of the training part."""
    user = part.users.numbers(truth["user_id"], missing="negative")
    item = part.items.numbers(truth["item_id"], missing="negative")
    n_items = part.matrix.shape[1]
    # One number per pair; unknown ids give wrong pairs, which the masks below take out.
    trained = np.isin(user * n_items + item, part.rows * n_items + part.matrix.indices)
    return trained & (user >= 0) & (item >= 0)


def take_out(panel: Panel, target: str, held_out: NDArray[np.bool_]) -> Split:
    """Remove the target pairs of a mask from the panel.

    An item in several categories is one item: its pairs are removed from the other categories too, because
    they would reveal the hidden ones. See :mod:`tastebridge.data.same_items`.
    """
    part = panel[target]
    columns = {
        "user_id": part.users.ids_of(part.rows[held_out]),
        "item_id": part.items.ids_of(part.matrix.indices[held_out]),
        "weight": part.matrix.data[held_out],
    }
    parts = {**panel.interactions, target: part.keep(~held_out)}
    hidden = _pairs(part, part.rows[held_out], part.matrix.indices[held_out])
    for name, same in same_pairs(panel.interactions, target).items():
        other = panel[name]
        places = part.items.numbers_of(other.items)[other.matrix.indices]
        parts[name] = other.keep(~(same & np.isin(_pairs(part, other.rows, places), hidden)))
    train = replace(panel, interactions=parts)
    return Split(train, target, pd.DataFrame(columns))


def _pairs(part: Interactions, users: NDArray[np.integer], items: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return one number for each pair of a user and an item of a part."""
    return users.astype(np.int64) * len(part.items) + items
