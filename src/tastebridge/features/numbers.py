"""Numbers of items, such as years or prices, as smooth steps."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.preprocessing import SplineTransformer

from tastebridge._validation import check_count
from tastebridge.data import ItemFeatures
from tastebridge.exceptions import InvalidDataError
from tastebridge.features.cells import cells_of, named


def number_features(item_ids: Any, values: Any, n_knots: int = 8, name: str = "number") -> ItemFeatures:
    r"""Return smooth steps of a number, so that a taste may have its peak anywhere, as for a year or a price.

    Linear B-splines between the quantiles: each value becomes the weights, which sum to 1, of the two knots
    it lies between.

    Parameters
    ----------
    item_ids : list or column of ids
        Each item once. Leave items out whose value is missing.
    values : list or column of numbers
    n_knots : int, default=8
        At least 2.
    name : str, default="number"
        What to call the columns.

    Returns
    -------
    ItemFeatures
        Dense, (n_items, n_knots) or, where values repeat much, fewer.

    Examples
    --------
    >>> from tastebridge.features import number_features
    >>> number_features(["a", "b", "c"], [1990, 2000, 2010], n_knots=2).matrix.tolist()
    [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]
    """
    try:
        given = np.asarray(cells_of(values), dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidDataError("number_features needs a list of numbers, one an item.") from None
    if given.ndim != 1 or not len(given) or not np.isfinite(given).all():
        raise InvalidDataError(
            "number_features needs a finite number for each item. Leave out items whose number is missing."
        )
    knots = np.unique(np.quantile(given, np.linspace(0, 1, check_count("n_knots", n_knots, 2))))
    if len(knots) < 2:
        raise InvalidDataError(f"number_features needs numbers that differ; all are {knots[0]:g}.")
    steps = SplineTransformer(knots=knots[:, None], degree=1).fit_transform(given[:, None])
    return named(ItemFeatures.read(steps, item_ids), [f"{name} {knot:g}" for knot in knots])
