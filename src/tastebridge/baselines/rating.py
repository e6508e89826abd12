"""Baselines of predicted ratings: the mean, item means, the biases of users and items."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator

from tastebridge._foundation.validation import check_choice, check_fitted, check_number
from tastebridge.data import Panel
from tastebridge.fitting.checks import check_target

Array = NDArray[np.float64]
KINDS = ("mean", "item mean", "user and item bias")


class RatingBaseline(BaseEstimator):
    r"""Predict ratings without taste.

    ``"mean"``: :math:`\mu`; ``"item mean"``: :math:`\mu + b_i`; ``"user and item bias"``:
    :math:`\mu + b_i + b_u`. A user without ratings in the target gets the bias over all other categories,
    times the factor that fits the linked users best. A bias is the sum of deviations, divided by their
    number plus ``shrinkage``.

    Parameters
    ----------
    target : str
    kind : {"mean", "item mean", "user and item bias"}, default="user and item bias"
    shrinkage : float, default=5.0
        In ratings, at least 0.

    Examples
    --------
    >>> rows = [("a", "x", 4.0), ("b", "x", 2.0), ("b", "y", 1.0)]
    >>> frame = pd.DataFrame(rows, columns=["user_id", "item_id", "weight"]).assign(category="films")
    >>> model = RatingBaseline("films", "item mean", shrinkage=0.0).fit(Panel.from_frame(frame))
    >>> model.predict(frame).tolist()
    [3.0, 3.0, 1.0]
    """

    def __init__(self, target: str, kind: str = "user and item bias", shrinkage: float = 5.0) -> None:
        self.target = target
        self.kind = kind
        self.shrinkage = shrinkage

    def fit(self, panel: Panel, y: None = None) -> Self:
        """Learn from a panel whose weights are ratings."""
        check_choice("kind", self.kind, KINDS)
        check_number("shrinkage", self.shrinkage, 0.0)
        part = panel[check_target(self.target, panel)]
        self.panel_, self.mean_ = panel, float(part.matrix.data.mean(dtype=np.float64))
        items, users = biases(part.matrix, self.shrinkage)
        self.items_ = items * (self.kind != "mean")
        self.users_ = self._carried(panel, users) * (self.kind == KINDS[2])
        return self

    def predict(self, pairs: pd.DataFrame) -> Array:
        """Return a rating for each row of user_id and item_id."""
        check_fitted(self)
        users = self.panel_.users.numbers(pairs["user_id"].to_numpy())
        items = self.panel_[self.target].items.numbers(pairs["item_id"].to_numpy())
        return np.asarray(self.mean_ + self.users_[users] + self.items_[items])

    def _carried(self, panel: Panel, users: Array) -> Array:
        others = [part.matrix for name, part in panel.interactions.items() if name != self.target]
        if not any(matrix.nnz for matrix in others):
            return users
        elsewhere = biases(sparse.hstack(others, format="csr"), self.shrinkage)[1]
        here = np.diff(panel[self.target].matrix.indptr) > 0
        size = float(elsewhere[here] @ elsewhere[here])
        # Least squares through the origin: a user with average ratings elsewhere gets no bias.
        factor = float(elsewhere[here] @ users[here]) / size if size else 0.0
        # A user's own ratings in the target come first; the others help where there are none.
        return np.where(here, users, factor * elsewhere)


def biases(R: sparse.csr_matrix, shrinkage: float) -> tuple[Array, Array]:
    """Return the shrunk biases of items, and of users given the biases of items."""
    rows = np.repeat(np.arange(R.shape[0]), np.diff(R.indptr))
    left = R.data.astype(np.float64) - R.data.mean(dtype=np.float64)
    items = _shrunk(R.indices, left, R.shape[1], shrinkage)
    return items, _shrunk(rows, left - items[R.indices], R.shape[0], shrinkage)


def _shrunk(at: NDArray[Any], values: Array, n: int, shrinkage: float) -> Array:
    return np.asarray(
        # Without shrinkage, a user or item without ratings would be 0 / 0.
        np.bincount(at, values, n) / np.maximum(np.bincount(at, minlength=n) + shrinkage, 1e-12)
    )
