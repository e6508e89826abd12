"""Counts of a Spark data frame of events: usable rows, rows left out, and unknown items."""

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
from tastebridge.data.pipeline import clean
from tastebridge.data.time_evidence import SECONDS
from tastebridge.loading import load
from tastebridge.privacy.keys import Key
from tastebridge.recommenders import Recommender
from tastebridge.spark.events import nested, read_events
from tastebridge.spark.library import SparkFrame, check_frame
from tastebridge.spark.shipping import Shipment

Count = Callable[[pa.RecordBatch], Account]


def account(
    model: str | Path | Recommender,
    frame: SparkFrame,
    *,
    columns: Mapping[str, str | None] | None = None,
    event_weights: Mapping[Any, float] | None = None,
    policy: CleaningPolicy | None = None,
    key: Key | bytes | None = None,
) -> Account:
    """Count the rows and users that :func:`tastebridge.spark.recommend` would use, without scoring.

    Parameters
    ----------
    model, frame, columns, event_weights, policy, key
        As for :func:`tastebridge.spark.recommend`.

    Returns
    -------
    Account
        The ``events``, the users with a usable row (``people``), the rows left out by each step of
        ``cleaning``, and the ``unknown`` items of each category. As nothing is scored, ``served`` is 0.

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
    recommender = model if isinstance(model, Recommender) else load(model, key=key)
    weights = recommender.event_weights if event_weights is None else event_weights
    kernel = RecommendationKernel(recommender, event_weights=weights, policy=policy)
    events = read_events(frame, columns, kernel.event_weights, kernel.policy)
    return _sum(events, _reading(Shipment.of(recommender, events.sparkSession), weights, kernel.policy))


def cleaned(events: SparkFrame, event_weights: Mapping[Any, float] | None, policy: CleaningPolicy) -> Account:
    """Count the events that cleaning leaves out, whatever the model."""

    def read() -> Count:
        def one(batch: pa.RecordBatch) -> Account:
            users, _, report = clean(unnest(batch), None, event_weights, policy, part=True, times=SECONDS)
            return Account.of(report, people=len(users))

        return one

    return _sum(events, read)


def _reading(
    shipment: Shipment, weights: Mapping[Any, float] | None, policy: CleaningPolicy
) -> Callable[[], Count]:
    """Return a function that a worker calls once to get its counter of batches."""

    def read() -> Count:
        recommender = shipment.unpack()
        kernel = RecommendationKernel(recommender, event_weights=weights, policy=policy, times=SECONDS)

        def one(batch: pa.RecordBatch) -> Account:
            found = Read.of(kernel, unnest(batch))
            return Account.of(found.panel.cleaning, people=len(found.panel), unknown=found.unknown)

        return one

    return read


def _sum(events: SparkFrame, read: Callable[[], Count]) -> Account:
    """Return the sum of the counts over all histories; each partition sends only its sum."""

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        # read() once per partition: it loads the model
        whole = reduce(add, map(read(), batches), Account())
        yield pa.record_batch({"account": [json.dumps(asdict(whole))]})

    rows = nested(events).mapInArrow(work, "account string").collect()
    return reduce(add, (Account.from_json(json.loads(row["account"])) for row in rows), Account())
