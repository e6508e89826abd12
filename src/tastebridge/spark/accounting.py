"""What a Spark data frame of events holds, as a model reads it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import pyarrow as pa

from tastebridge.batch.account import Account
from tastebridge.batch.kernel import Read, RecommendationKernel
from tastebridge.batch.schema import unnest
from tastebridge.data import CleaningPolicy
from tastebridge.loading import load
from tastebridge.recommender import Recommender
from tastebridge.spark.events import nested, read_events
from tastebridge.spark.library import check_frame
from tastebridge.spark.shipping import Shipment


def account(
    model: str | Path | Recommender,
    frame: Any,
    *,
    columns: Mapping[str, str | None] | None = None,
    event_weights: Mapping[Any, float] | None = None,
    policy: CleaningPolicy = CleaningPolicy(),  # noqa: B008 - frozen
) -> Account:
    """Count what :func:`tastebridge.spark.recommend` makes of a Spark data frame of events.

    Parameters
    ----------
    model, frame, columns, event_weights, policy
        As for :func:`tastebridge.spark.recommend`.

    Returns
    -------
    Account
        ``events``, ``people`` with a usable row, what ``cleaning`` left out and why, and what is ``unknown``
        to the model in each category. Nothing is scored, so nobody is served.

    Examples
    --------
    >>> import tastebridge as tb
    >>> from pyspark.sql import SparkSession  # doctest: +SKIP
    >>> from tastebridge.datasets import make_panel
    >>> from tastebridge.spark import account
    >>> panel, _ = make_panel(n_users=200, n_items=40)
    >>> model = tb.Popularity("films").fit(panel)
    >>> session = SparkSession.builder.master("local[2]").getOrCreate()  # doctest: +SKIP
    >>> names = ["user_id", "item_id", "category", "weight"]
    >>> rows = [(1, "films:03", "films", 1.0), (2, "films:03", "films", float("nan"))]
    >>> events = session.createDataFrame(rows, names)  # doctest: +SKIP
    >>> account(model, events).cleaning  # doctest: +SKIP
    {'NaN weights': 1}
    """
    check_frame(frame)
    recommender = model if isinstance(model, Recommender) else load(model)
    weights = recommender.event_weights if event_weights is None else event_weights
    kernel = RecommendationKernel(recommender, event_weights=weights, policy=policy)
    events = read_events(frame, columns, kernel.event_weights, policy)
    count = _counting(Shipment.of(recommender, events.sparkSession), weights, policy)
    rows = nested(events).mapInArrow(count, "account string").collect()
    return reduce(add, (Account.from_json(json.loads(row["account"])) for row in rows), Account())


def _counting(
    shipment: Shipment, weights: Mapping[Any, float] | None, policy: CleaningPolicy
) -> Callable[[Any], Iterator[pa.RecordBatch]]:
    """Return what a worker does with its batches of histories: a row for all of them."""

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        kernel = RecommendationKernel(shipment.unpack(), event_weights=weights, policy=policy)
        whole = Account()
        for batch in batches:
            read = Read.of(kernel, unnest(batch))
            whole += Account.of(read.panel.cleaning, people=len(read.panel)) + Account(unknown=read.unknown)
        yield pa.record_batch({"account": [json.dumps(asdict(whole))]})

    return work
