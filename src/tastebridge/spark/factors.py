"""ALS factors trained by MLlib."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sklearn.base import clone

from tastebridge.exceptions import InvalidParameterError
from tastebridge.factors import ALSFactors
from tastebridge.maps.moments import Moments
from tastebridge.spark.library import SparkFrame, functions, library
from tastebridge.spark.sums import Sums, tree_sum
from tastebridge.spark.taken import Taken

_PAIRS, _MOST = 200_000, 500
"""Pairs in a block, and the largest number of blocks: from the data alone, as the result depends on them."""


def train(taken: Taken, categories: Sequence[str], estimator: ALSFactors) -> ALSFactors:
    r"""Return ALS factors of some categories side by side, their items trained by MLlib.

    The confidence of a pair is :math:`\alpha`, as in :class:`tastebridge.factors.ALSFactors`, so MLlib's
    parameter is :math:`\alpha - 1`. MLlib multiplies the penalty by the length of a row. So the penalty is
    divided by the geometric mean of the mean lengths of users and items, and sums to about the same. Only
    item factors are kept: users are folded in exactly, as after a local fit.

    Raises
    ------
    InvalidParameterError
        If ``alpha`` is below 1: in MLlib no event can have a lower confidence than a missing pair.
    """
    if estimator.alpha < 1.0:
        raise InvalidParameterError(
            f"ALSFactors(alpha={estimator.alpha:g}) cannot be trained by MLlib, where the confidence of an "
            "event is at least 1. Use alpha of at least 1."
        )
    rows = _side_by_side(taken, categories).persist()  # read twice: for its size, and by ALS
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
        user_moments = tree_sum(model.userFactors, _moments, taken.n_people, "id")
    finally:
        rows.unpersist()
    Y = np.zeros((sum(len(taken.items[name]) for name in categories), int(estimator.n_components)))
    Y[found["id"].to_numpy()] = _matrix(found)  # items without an event have no row, and stay zero
    return clone(estimator).adopt(Y, user_moments["xx"])


def _matrix(factors: pa.Table) -> NDArray[np.float64]:
    """Return the factors (n, n_components) of rows of id and features."""
    flat = pc.list_flatten(factors["features"]).to_numpy()
    return flat.reshape(len(factors), -1).astype(np.float64)


def _moments(factors: pa.Table) -> Sums:
    """Return the moments of the users' factors, without a second side."""
    Z = _matrix(factors.sort_by("id"))  # rows come in no order, and sums of floats depend on it
    return Moments.from_arrays(Z, Z[:, :0]).to_arrays()


def _side_by_side(taken: Taken, categories: Sequence[str]) -> SparkFrame:
    """Return who, item and worth, with the items of the categories numbered one category after another."""
    F, shift, before = functions(), functions().lit(0), 0
    for name in categories:
        shift = F.when(F.col("category") == name, before).otherwise(shift)
        before += len(taken.items[name])
    return taken.only(categories).select(
        "who", (F.col("item") + shift).cast("int").alias("item"), F.lit(1.0).cast("float").alias("worth")
    )


def _size(rows: SparkFrame) -> tuple[int, float]:
    """Return the number of pairs, and the geometric mean of the mean numbers per user and per item."""
    F = functions()
    n, n_users, n_items = rows.agg(F.count("who"), F.count_distinct("who"), F.count_distinct("item")).first()
    return int(n), float(n / np.sqrt(n_users * n_items))
