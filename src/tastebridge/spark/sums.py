"""Sums over users in Spark: moments of their factors, by a tree, and counts of users by items."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from safetensors.numpy import load as load_bytes
from safetensors.numpy import save as save_bytes
from scipy import sparse

from tastebridge.factors.base import FactorModel
from tastebridge.routes.exact import ExactMoments, Grid
from tastebridge.routes.paired import Pairs
from tastebridge.spark.library import SparkFrame, functions
from tastebridge.spark.taken import Taken, matrix_of

PEOPLE = 10_000
"""Largest number of users in a leaf of the tree."""
_WIDTH = 16
"""Number of sums that are added at once."""
_SCHEMA = "leaf bigint, sums binary"

Sums = Mapping[str, NDArray[Any]]
"""Moments by name, as returned by ``to_arrays``."""


def moments_of(
    pairs: Taken, source: str, target: str, phi: FactorModel, psi: FactorModel, grid: Grid
) -> ExactMoments:
    """Return the moments of the linked users' factors, which are folded in on the workers.

    Parameters
    ----------
    pairs : Taken
    source, target : str
    phi, psi : factor models
        The fitted models of the source and of the target.
    grid : Grid
    """
    # sent to every machine once, not with each task
    models = pairs.frame.sparkSession.sparkContext.broadcast((phi, psi))
    sizes = {name: len(pairs.items[name]) for name in (source, target)}

    def leaf(rows: pa.Table) -> Sums:
        X, Y = (_folded(*pair) for pair in zip(models.value, _linked(rows, sizes), strict=True))
        return ExactMoments.of(X, Y, grid).to_arrays()

    return ExactMoments.from_stored(grid, tree_sum(pairs.only(sizes), leaf, pairs.n_people))


def pairs_of(pairs: Taken, name: str, target: str) -> Pairs:
    """Return the numbers of linked users of each item of a category, of each target item, and of both."""
    sizes = {part: len(pairs.items[part]) for part in (name, target)}

    def leaf(_: tuple[pa.Scalar], rows: pa.Table) -> pa.Table:
        """Count the users of two items and, with -1 for the other, the users of one."""
        histories = dict(zip(sizes, _linked(rows, sizes), strict=True))
        both, of_source, of_target = Pairs.of(histories, name, target)
        both = sparse.coo_matrix(both)
        i = np.concatenate([both.row, np.arange(len(of_source)), np.full(len(of_target), -1)])
        j = np.concatenate([both.col, np.full(len(of_source), -1), np.arange(len(of_target))])
        n = np.concatenate([both.data, of_source, of_target])
        columns = [column[n > 0].astype(kind) for column, kind in ((i, "i4"), (j, "i4"), (n, "i8"))]
        return pa.table(columns, names=["i", "j", "n"])

    counted = _by_leaf(pairs.only(sizes), "who").applyInArrow(leaf, "i int, j int, n bigint")
    rows = counted.groupBy("i", "j").agg(functions().sum("n").alias("n")).toArrow()
    i, j, n = (rows[column].to_numpy() for column in ("i", "j", "n"))
    of_source, of_target = (np.zeros(sizes[part], dtype=np.int64) for part in (name, target))
    of_source[i[j < 0]], of_target[j[i < 0]] = n[j < 0], n[i < 0]
    two = (i >= 0) & (j >= 0)
    shape = (len(of_source), len(of_target))
    both = sparse.csr_matrix((n[two].astype(np.int32), (i[two], j[two])), shape=shape)
    both.sort_indices()  # Spark returns rows in any order
    return Pairs(both, of_source, of_target)


def counts_of(pairs: Taken, target: str, among: tuple[str, ...]) -> NDArray[np.int64]:
    """Return the number of users of each target item, among users with a history in some categories."""
    rows = pairs.only([target])
    if among:
        rows = rows.join(pairs.only(among).select("who").distinct(), "who", "left_semi")
    found = rows.groupBy("item").count().toArrow()
    counts = np.zeros(len(pairs.items[target]), dtype=np.int64)
    counts[found["item"].to_numpy()] = found["count"].to_numpy()
    return counts


def tree_sum(frame: SparkFrame, moments: Callable[[pa.Table], Sums], n_people: int, who: str = "who") -> Sums:
    """Return the sum of the moments of users, added by a tree in a fixed order.

    Users are divided into leaves of 10,000 by their numbers. One worker sums each leaf. Then groups of 16
    neighbouring sums are added in their order, until few are left. So the result depends neither on the place
    of the rows nor on the order in which workers finish.

    Parameters
    ----------
    frame : pyspark.sql.DataFrame
    moments : function of the rows of a leaf
    n_people : int
        A bound that all numbers of users are below.
    who : str
        The column with the numbers of users.
    """

    def leaf(key: tuple[pa.Scalar], rows: pa.Table) -> pa.Table:
        return _row(key, moments(rows))

    sums, n_sums = _by_leaf(frame, who).applyInArrow(leaf, _SCHEMA), -(-n_people // PEOPLE)
    while n_sums > _WIDTH:
        twig = (functions().col("leaf") / _WIDTH).cast("bigint")
        sums, n_sums = sums.groupBy(twig.alias("twig")).applyInArrow(_twig, _SCHEMA), -(-n_sums // _WIDTH)
    return _sum(sums.toArrow())


def _by_leaf(frame: SparkFrame, who: str) -> SparkFrame:
    return frame.groupBy((functions().col(who) / PEOPLE).cast("bigint").alias("leaf"))


def _linked(rows: pa.Table, sizes: Mapping[str, int]) -> list[sparse.csr_matrix]:
    """Return, for every category, the rows of the users who are in all categories."""
    users, numbers = np.unique(rows["who"].to_numpy(), return_inverse=True)
    histories = [matrix_of(rows, numbers, name, (len(users), size)) for name, size in sizes.items()]
    linked = np.all([np.diff(part.indptr) > 0 for part in histories], axis=0)
    return [part[linked] for part in histories]


def _folded(model: FactorModel, X: sparse.csr_matrix) -> NDArray[np.float64]:
    """Return the factors of users; there may be no users."""
    return np.asarray(model.transform(X) if X.shape[0] else np.zeros((0, model.item_factors_.shape[1])))


def _twig(twig: tuple[pa.Scalar], rows: pa.Table) -> pa.Table:
    return _row(twig, _sum(rows))


def _sum(rows: pa.Table) -> Sums:
    # by number of the leaf: sums of floats depend on the order
    ordered = [load_bytes(sums) for sums in rows.sort_by("leaf")["sums"].to_pylist()]
    return {name: reduce(add, (sums[name] for sums in ordered)) for name in ordered[0]}


def _row(key: tuple[pa.Scalar], sums: Sums) -> pa.Table:
    """Return the sums of a leaf, or of a group of leaves, with its number."""
    arrays = {name: np.asarray(part) for name, part in sums.items()}
    return pa.table({"leaf": [key[0].as_py()], "sums": [save_bytes(arrays)]})
