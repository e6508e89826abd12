"""Clean events in Spark as numbers of users and items, with the ids for these numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import sparse

from tastebridge.batch.schema import unnest
from tastebridge.data import CleaningPolicy, Panel, Vocabulary
from tastebridge.data.cleaning import CleaningReport
from tastebridge.data.interactions import Interactions, canonical
from tastebridge.data.pipeline import clean
from tastebridge.data.time_evidence import SECONDS
from tastebridge.spark.events import nested
from tastebridge.spark.library import SparkFrame, functions, library


@dataclass(frozen=True)
class Taken:
    """The pairs of a user and an item, by number.

    Attributes
    ----------
    frame : pyspark.sql.DataFrame
        ``who``, ``category`` and ``item``, one row per pair; items are numbered from 0 in each category.
    users : pyspark.sql.DataFrame
        ``user_id`` and ``who``, numbered from 0 in the order of the ids.
    items : dict of category to Vocabulary
    n_people : int
        The number of users.
    kept : ExitStack
        Frees the tables that Spark caches for these pairs and for pairs derived from them.
    """

    frame: SparkFrame
    users: SparkFrame
    items: Mapping[str, Vocabulary]
    n_people: int
    kept: ExitStack

    @classmethod
    def of(
        cls,
        events: SparkFrame,
        event_weights: Mapping[Any, float] | None,
        policy: CleaningPolicy,
        kept: ExitStack,
    ) -> Taken:
        """Clean events, user by user, and number users and items."""
        # cached: users, items and pairs are read from it, and each time the events would be cleaned again
        rows = _keep(nested(events).mapInArrow(_cleaning(event_weights, policy), _schema(events)), kept)
        items, users = _items(rows), _keep(_users(rows), kept)
        frame = rows.join(users, "user_id").join(_numbers(items, rows), ["category", "item_id"])
        frame = _keep(frame.select("who", "category", "item"), kept)
        return cls(frame, users, items, users.count(), kept)

    def only(self, categories: Iterable[str]) -> SparkFrame:
        """Return the rows of some categories."""
        return self.frame.where(functions().col("category").isin(list(categories)))

    def without(self, category: str, who: NDArray[np.int64], items: NDArray[np.int64]) -> Taken:
        """Return all pairs except some of one category."""
        F = functions()
        columns = {"who": pa.array(who, pa.int32()), "item": pa.array(items, pa.int32())}
        hidden = self.frame.sparkSession.createDataFrame(pa.table(columns))
        hidden = F.broadcast(hidden.withColumn("category", F.lit(category)))
        # the hidden pairs are few enough for every worker, so the pairs need not be shuffled
        left = self.frame.join(hidden, ["who", "category", "item"], "left_anti")
        return replace(self, frame=_keep(left, self.kept))

    def sample(self, n_people: int, seed: int) -> tuple[NDArray[np.int64], Panel]:
        """Return the numbers and the panel, over all items, of at most ``n_people`` random users."""
        F = functions()
        # by a hash of the number: rand() would depend on the partitions; "who" decides between equal hashes
        drawn = self.users.orderBy(F.xxhash64("who", F.lit(seed)), "who").limit(n_people).toArrow()
        users, who = Vocabulary.from_ids(drawn["user_id"], "user_id"), np.sort(drawn["who"].to_numpy())
        chosen = self.frame.sparkSession.createDataFrame(drawn.select(["who"]))
        rows = self.frame.join(F.broadcast(chosen), "who").toArrow()
        numbers = np.searchsorted(who, rows["who"].to_numpy())
        parts = {
            name: Interactions(name, users, items, matrix_of(rows, numbers, name, (len(users), len(items))))
            for name, items in self.items.items()
        }
        return who.astype(np.int64), Panel(users, parts, CleaningReport(len(rows), len(rows)))


def matrix_of(
    rows: pa.Table, users: NDArray[Any], category: str, shape: tuple[int, int]
) -> sparse.csr_matrix:
    """Return the binary matrix of one category of pairs, with users by number."""
    chosen = pc.equal(rows["category"], category).to_numpy()
    entries = np.ones(int(chosen.sum()), dtype=np.float32)
    items = rows["item"].to_numpy()[chosen]
    matrix = sparse.csr_matrix((entries, (users[chosen], items)), shape=shape)
    matrix.sort_indices()
    return canonical((matrix.data, matrix.indices, matrix.indptr), shape)


def _keep(frame: SparkFrame, kept: ExitStack) -> SparkFrame:
    """Let Spark cache the rows of a frame until the stack is closed."""
    kept.callback(frame.unpersist)
    return frame.persist()


def _schema(events: SparkFrame) -> str:
    """Return the columns of clean rows."""
    number = library("sql.types").NumericType
    user, item = (
        "bigint" if isinstance(events.schema[name].dataType, number) else "string"
        for name in ("user_id", "item_id")
    )
    return f"user_id {user}, category string, item_id {item}"


def _cleaning(
    event_weights: Mapping[Any, float] | None, policy: CleaningPolicy
) -> Callable[[Any], Iterator[pa.RecordBatch]]:
    """Return the function that a worker applies to its histories: rows of user_id, category and item_id."""

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            users, parts, _ = clean(unnest(batch), None, event_weights, policy, part=True, times=SECONDS)
            for part in parts:
                columns = {
                    "user_id": pa.array(users.ids[part.rows]),
                    "category": pa.array([part.category] * part.matrix.nnz, pa.string()),
                    "item_id": pa.array(part.items.ids[part.matrix.indices]),
                }
                yield pa.record_batch(columns)

    return work


def _items(rows: SparkFrame) -> dict[str, Vocabulary]:
    """Return the items of every category."""
    found = rows.select("category", "item_id").distinct().toArrow().to_pandas()
    return {
        str(name): Vocabulary.from_ids(part["item_id"].to_numpy(), "item_id")
        for name, part in found.groupby("category")
    }


def _users(rows: SparkFrame) -> SparkFrame:
    """Return the ids of users, numbered in ascending order."""
    # zipWithIndex numbers rows across partitions; row_number() would bring all users to one worker
    ids = rows.select("user_id").distinct().sort("user_id").rdd.map(lambda row: row[0]).zipWithIndex()
    schema = f"user_id {rows.schema['user_id'].dataType.simpleString()}, who bigint"
    numbered = rows.sparkSession.createDataFrame(ids, schema)
    return numbered.withColumn("who", functions().col("who").cast("int"))


def _numbers(items: Mapping[str, Vocabulary], rows: SparkFrame) -> SparkFrame:
    """Return the number of every item, small enough to be sent to every worker."""
    kind = pa.int64() if rows.schema["item_id"].dataType.simpleString() == "bigint" else pa.string()
    parts = [
        pa.table(
            {
                "category": pa.array([name] * len(known), pa.string()),
                "item_id": pa.array(known.ids, kind),
                "item": pa.array(np.arange(len(known)), pa.int32()),
            }
        )
        for name, known in items.items()
    ]
    return functions().broadcast(rows.sparkSession.createDataFrame(pa.concat_tables(parts)))
