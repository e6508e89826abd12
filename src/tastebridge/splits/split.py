"""A split: a panel to train on, and the rows taken out of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tastebridge.data import Panel


@dataclass(frozen=True, eq=False)
class Split:
    """A panel to train on and what was taken out of it.

    Parameters
    ----------
    train : Panel
        The panel without the held-out rows; the same people and items.
    target : str
        The category the rows were taken from.
    truth : DataFrame
        The held-out rows: user_id, item_id, weight; sorted by user and item.
    """

    train: Panel
    target: str
    truth: pd.DataFrame

    @property
    def user_ids(self) -> np.ndarray:
        """The people with held-out rows, ascending."""
        return np.unique(self.truth["user_id"].to_numpy())

    def __repr__(self) -> str:
        return (
            f"<Split of {self.target!r}: {len(self.truth):,} rows of {len(self.user_ids):,} people held out, "
            f"{self.train[self.target].matrix.nnz:,} left>"
        )


def take_out(panel: Panel, target: str, held_out: NDArray[np.bool_]) -> Split:
    """Take the target pairs of a mask out of the panel."""
    part = panel[target]
    columns = {
        "user_id": part.users.ids_of(part.rows[held_out]),
        "item_id": part.items.ids_of(part.matrix.indices[held_out]),
        "weight": part.matrix.data[held_out],
    }
    train = replace(panel, interactions={**panel.interactions, target: part.keep(~held_out)})
    return Split(train, target, pd.DataFrame(columns))
