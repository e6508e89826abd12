"""ALS factors trained by MLlib."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sklearn.base import clone

from tastebridge.exceptions import InvalidParameterError
from tastebridge.factors import ALSFactors
from tastebridge.maps.moments import Moments
from tastebridge.spark.library import functions, library
from tastebridge.spark.sums import Sums, tree_sum
from tastebridge.spark.taken import Taken

_PAIRS, _MOST = 200_000, 500
"""Pairs of a block, and blocks there may be: by the data alone, for the result depends on them."""


def train(taken: Taken, categories: Sequence[str], estimator: ALSFactors) -> ALSFactors:
    r"""Return ALS factors of some categories side by side, their items trained by MLlib.

    The confidence of a pair is :math:`\alpha`, as in :class:`tastebridge.factors.ALSFactors`, so MLlib's own
    is :math:`\alpha - 1`. Its penalty grows with the length of a row; the one asked for is divided by the
    geometric mean of what users and items have, so that both sum to about the same. Only item factors are
    kept: users are folded in exactly, as after a local fit.

    Raises
    ------
    InvalidParameterError
        If ``alpha`` is below 1: MLlib has no confidence lower than that of a pair that is not there.
    """
    if estimator.alpha < 1.0:
        raise InvalidParameterError(
            f"ALSFactors(alpha={estimator.alpha:g}) cannot be trained by MLlib, whose confidence of an event "
            "is 1 at least. Use alpha of at least 1."
        )
    rows = _side_by_side(taken, categories).persist()
    try:
        n_pairs, length = _size(rows)
        blocks = int(np.clip(-(-n_pairs // _PAIRS), 1, _MOST))
        als = library("ml.recommendation").ALS(
            rank=int(estimator.n_components),
            maxIter=int(estimator.iterations),
            numUserBlocks=blocks,
            numItemBlocks=blocks,
            regParam=float(estimator.regularization) / length,
            alpha=float(estimator.alpha) - 1.0,
            implicitPrefs=True,
            userCol="who",
            itemCol="item",
            ratingCol="worth",
            seed=int(estimator.random_state),
        )
        model = als.fit(rows)
        found = model.itemFactors.toArrow()
        people = tree_sum(model.userFactors, _moments, taken.n_people, "id")
    finally:
        rows.unpersist()
    Y = np.zeros((sum(len(taken.items[name]) for name in categories), int(estimator.n_components)))
    Y[found["id"].to_numpy()] = _matrix(found)
    return clone(estimator).adopt(Y, people["xx"])


def _matrix(factors: pa.Table) -> NDArray[np.float64]:
    """Return the factors (n, n_components) of rows of id and features."""
    flat = pc.list_flatten(factors["features"]).to_numpy()
    return flat.reshape(len(factors), -1).astype(np.float64)


def _moments(factors: pa.Table) -> Sums:
    """Return the moments of the factors of users alone."""
    Z = _matrix(factors.sort_by("id"))
    return Moments.from_arrays(Z, Z[:, :0]).to_arrays()


def _side_by_side(taken: Taken, categories: Sequence[str]) -> Any:
    """Return who, item and worth, the items of one category numbered behind those of the one before."""
    F, shift, before = functions(), functions().lit(0), 0
    for name in categories:
        shift = F.when(F.col("category") == name, before).otherwise(shift)
        before += len(taken.items[name])
    return taken.only(categories).select(
        "who", (F.col("item") + shift).cast("int").alias("item"), F.lit(1.0).cast("float").alias("worth")
    )


def _size(rows: Any) -> tuple[int, float]:
    """Return the number of pairs, and the geometric mean of how many users and items have in the mean."""
    F = functions()
    n, people, items = rows.agg(F.count("who"), F.count_distinct("who"), F.count_distinct("item")).first()
    return int(n), float(n / np.sqrt(people * items))
