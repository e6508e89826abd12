"""Numbers of items, such as years or prices, as smooth steps."""

from __future__ import annotations

from collections.abc import Iterable, Sized
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.preprocessing import SplineTransformer

from tastebridge._foundation.validation import check_count, check_fitted
from tastebridge.data import ItemFeatures
from tastebridge.exceptions import InvalidDataError
from tastebridge.features.cells import cells_of, named


class NumberEncoder(BaseEstimator):
    """Encode numbers as smooth steps: linear B-splines between quantiles of the numbers of the fit.

    A number outside their range counts as the nearest quantile.

    Parameters
    ----------
    n_knots : int, default=8
        The number of quantiles, at least 2.
    name : str, default="number"
        The name of the columns, before the value of each knot.

    Attributes
    ----------
    knots_ : ndarray of shape (n_knots,)
        The quantiles; fewer where many values are equal.
    columns_ : tuple of str

    Examples
    --------
    >>> from tastebridge.features import NumberEncoder
    >>> NumberEncoder(n_knots=2).fit([1990, 2010]).encode([2000, 2030]).tolist()
    [[0.5, 0.5], [0.0, 1.0]]
    """

    knots_: NDArray[np.float64]

    def __init__(self, n_knots: int = 8, name: str = "number") -> None:
        self.n_knots = n_knots
        self.name = name

    def fit(self, values: Iterable[Any], y: None = None) -> Self:
        """Learn the quantiles.

        Raises
        ------
        InvalidDataError
            If a value is missing, or all are the same.
        """
        shares = np.linspace(0, 1, check_count("n_knots", self.n_knots, 2))
        # equal quantiles become one knot: many items may share a value
        knots = np.unique(np.quantile(_finite(values), shares))
        if len(knots) < 2:
            raise InvalidDataError(f"number_features needs numbers that differ; all are {knots[0]:g}.")
        self.knots_ = knots
        return self

    @property
    def columns_(self) -> tuple[str, ...]:
        """The names of the steps."""
        return tuple(f"{self.name} {knot:g}" for knot in self.knots_)

    def encode(self, values: Iterable[Any]) -> NDArray[np.float64]:
        """Return the weights (n_values, n_knots) of the two knots each number lies between."""
        check_fitted(self, "knots_")
        knots = self.knots_[:, None]
        # fitted on the knots themselves, so that the knots are all there is to store
        steps = SplineTransformer(knots=knots, degree=1).fit(knots)
        return np.asarray(steps.transform(_finite(values)[:, None]))


def number_features(
    item_ids: Sized, values: Iterable[Any], n_knots: int = 8, name: str = "number"
) -> ItemFeatures:
    r"""Encode numbers as smooth steps, so that a taste can peak at any year or price.

    The steps are linear B-splines between quantiles: each value becomes the weights of the two nearest
    knots, which sum to 1.

    Parameters
    ----------
    item_ids : list or column of ids
        Each item once, without items whose value is missing.
    values : list or column of numbers
    n_knots, name
        As of :class:`NumberEncoder`.

    Returns
    -------
    ItemFeatures
        Dense, (n_items, n_knots); fewer columns where many values are equal.

    Examples
    --------
    >>> from tastebridge.features import number_features
    >>> number_features(["a", "b", "c"], [1990, 2000, 2010], n_knots=2).matrix.tolist()
    [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]
    """
    cells = cells_of(values)
    encoder = NumberEncoder(n_knots, name).fit(cells)
    return named(ItemFeatures.read(encoder.encode(cells), item_ids), encoder.columns_, encoder)


def _finite(values: Iterable[Any]) -> NDArray[np.float64]:
    try:
        given = np.asarray(cells_of(values), dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidDataError(
            "number_features needs a list of numbers, one per item; got other types. Use tag_features for "
            "texts."
        ) from None
    if given.ndim != 1 or not len(given) or not np.isfinite(given).all():
        raise InvalidDataError(
            "number_features needs a finite number for each item. Leave out items whose number is missing."
        )
    return given
