"""Sums over users in Spark: moments of their factors, by a tree, and who took which items."""

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

from tastebridge.routes.exact import ExactMoments, Grid
from tastebridge.routes.paired import Pairs
from tastebridge.spark.library import functions
from tastebridge.spark.taken import Taken, matrix_of

PEOPLE = 10_000
"""People of a leaf, at most."""
_WIDTH = 16
_SCHEMA = "leaf bigint, sums binary"

Sums = Mapping[str, NDArray[Any]]
"""Moments by name, as their ``to_arrays`` gives them."""


def moments_of(pairs: Taken, source: str, target: str, phi: Any, psi: Any, grid: Grid) -> ExactMoments:
    """Return the moments of the linked users' factors, folded in where their histories are.

    Parameters
    ----------
    pairs : Taken
    source, target : str
    phi, psi : factor models
        Of the source and of the target; fitted.
    grid : Grid
    """
    models = pairs.frame.sparkSession.sparkContext.broadcast((phi, psi))
    sizes = {name: len(pairs.items[name]) for name in (source, target)}

    def leaf(rows: pa.Table) -> Sums:
        X, Y = (_folded(*pair) for pair in zip(models.value, _linked(rows, sizes), strict=True))
        return ExactMoments.of(X, Y, grid).to_arrays()

    return ExactMoments.from_stored(grid, tree_sum(pairs.only(sizes), leaf, pairs.n_people))


def pairs_of(pairs: Taken, name: str, target: str) -> Pairs:
    """Return how many of the linked users took an item of a category, one of the target, and both."""
    sizes = {part: len(pairs.items[part]) for part in (name, target)}

    def leaf(_: Any, rows: pa.Table) -> pa.Table:
        """Count the users of two items and, with -1 for the other, those of one."""
        histories = dict(zip(sizes, _linked(rows, sizes), strict=True))
        both, here, there = Pairs.of(histories, name, target)
        both = sparse.coo_matrix(both)
        i = np.concatenate([both.row, np.arange(len(here)), np.full(len(there), -1)])
        j = np.concatenate([both.col, np.full(len(here), -1), np.arange(len(there))])
        n = np.concatenate([both.data, here, there])
        columns = [column[n > 0].astype(kind) for column, kind in ((i, "i4"), (j, "i4"), (n, "i8"))]
        return pa.table(columns, names=["i", "j", "n"])

    counted = _by_leaf(pairs.only(sizes), "who").applyInArrow(leaf, "i int, j int, n bigint")
    rows = counted.groupBy("i", "j").agg(functions().sum("n").alias("n")).toArrow()
    i, j, n = (rows[column].to_numpy() for column in ("i", "j", "n"))
    here, there = (np.zeros(sizes[part], dtype=np.int64) for part in (name, target))
    here[i[j < 0]], there[j[i < 0]] = n[j < 0], n[i < 0]
    two = (i >= 0) & (j >= 0)
    both = sparse.csr_matrix((n[two].astype(np.int32), (i[two], j[two])), shape=(len(here), len(there)))
    both.sort_indices()
    return Pairs(both, here, there)


def counts_of(pairs: Taken, target: str, among: tuple[str, ...]) -> NDArray[np.int64]:
    """Return how many users took each target item, of those with a history in any of some categories."""
    rows = pairs.only([target])
    if among:
        rows = rows.join(pairs.only(among).select("who").distinct(), "who", "left_semi")
    found = rows.groupBy("item").count().toArrow()
    counts = np.zeros(len(pairs.items[target]), dtype=np.int64)
    counts[found["item"].to_numpy()] = found["count"].to_numpy()
    return counts


def tree_sum(frame: Any, moments: Callable[[pa.Table], Sums], n_people: int, who: str = "who") -> Sums:
    """Return the sum of the moments of users, added by a tree in a fixed order.

    Users are dealt into leaves of 10,000 by their numbers. Each leaf is summed by one worker; then 16
    neighbouring sums at a time are added, in their order, until few are left. So the result does not depend
    on where the rows lie, nor on which worker was done first.

    Parameters
    ----------
    frame : pyspark.sql.DataFrame
    moments : function of the rows of a leaf
    n_people : int
        Above the number of any of them.
    who : str
        The column of the numbers of users.
    """

    def leaf(key: tuple[pa.Scalar], rows: pa.Table) -> pa.Table:
        return _row(key, moments(rows))

    sums, n_sums = _by_leaf(frame, who).applyInArrow(leaf, _SCHEMA), -(-n_people // PEOPLE)
    while n_sums > _WIDTH:
        twig = (functions().col("leaf") / _WIDTH).cast("bigint")
        sums, n_sums = sums.groupBy(twig.alias("twig")).applyInArrow(_twig, _SCHEMA), -(-n_sums // _WIDTH)
    return _sum(sums.toArrow())


def _by_leaf(frame: Any, who: str) -> Any:
    return frame.groupBy((functions().col(who) / PEOPLE).cast("bigint").alias("leaf"))


def _linked(rows: pa.Table, sizes: Mapping[str, int]) -> list[sparse.csr_matrix]:
    """Return for every category the rows of the users who are in all of them."""
    people, numbers = np.unique(rows["who"].to_numpy(), return_inverse=True)
    histories = [matrix_of(rows, numbers, name, (len(people), size)) for name, size in sizes.items()]
    linked = np.all([np.diff(part.indptr) > 0 for part in histories], axis=0)
    return [part[linked] for part in histories]


def _folded(model: Any, X: sparse.csr_matrix) -> NDArray[np.float64]:
    """Return the factors of users, of whom there may be none."""
    return np.asarray(model.transform(X) if X.shape[0] else np.zeros((0, model.item_factors_.shape[1])))


def _twig(twig: Any, rows: pa.Table) -> pa.Table:
    return _row(twig, _sum(rows))


def _sum(rows: pa.Table) -> Sums:
    ordered = [load_bytes(sums) for sums in rows.sort_by("leaf")["sums"].to_pylist()]
    return {name: reduce(add, (sums[name] for sums in ordered)) for name in ordered[0]}


def _row(key: tuple[pa.Scalar], sums: Sums) -> pa.Table:
    """Return the sums of a leaf, or of several, under the number it goes by."""
    arrays = {name: np.asarray(part) for name, part in sums.items()}
    return pa.table({"leaf": [key[0].as_py()], "sums": [save_bytes(arrays)]})
