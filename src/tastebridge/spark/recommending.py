"""Recommendations to all users in a Spark data frame of events."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Unpack

import pyarrow as pa

from tastebridge._numerics.threads import one_blas_thread
from tastebridge.batch.kernel import RecommendationKernel
from tastebridge.data import CleaningPolicy
from tastebridge.data.time_evidence import SECONDS
from tastebridge.data.types import ItemFilter
from tastebridge.loading import load
from tastebridge.model.list_rules import ListOptions
from tastebridge.privacy.keys import Key
from tastebridge.recommenders import Recommender
from tastebridge.routes.twins import LEAVE_OUT
from tastebridge.spark.events import nested, read_events
from tastebridge.spark.library import SparkFrame, check_frame, library
from tastebridge.spark.shipping import Shipment

_TYPES = {pa.int64(): "bigint", pa.string(): "string", pa.float32(): "float"}


def recommend(
    model: str | Path | Recommender,
    frame: SparkFrame,
    n: int = 10,
    *,
    allow: ItemFilter | None = None,
    deny: ItemFilter | None = None,
    missing: str = "skip",
    twins: str = LEAVE_OUT,
    columns: Mapping[str, str | None] | None = None,
    event_weights: Mapping[Any, float] | None = None,
    policy: CleaningPolicy | None = None,
    key: Key | bytes | None = None,
    **lists: Unpack[ListOptions],
) -> SparkFrame:
    """Recommend items of the target to all users in a Spark data frame of events.

    The events are grouped by user, and ``mapInArrow`` applies
    :class:`tastebridge.batch.RecommendationKernel`. The rows equal
    :meth:`tastebridge.InterestMapper.recommend_from` for the same events, in no particular order. On the same
    kind of processor, scores are equal bit for bit.

    Parameters
    ----------
    model : path or Recommender
        A saved or fitted model; the users of its fit are not used.
    frame : pyspark.sql.DataFrame
        One row per event: user_id, item_id, category and, if there are any, weight, timestamp and event.
        Column names of other libraries are recognised.
    n : int, default=10
        Maximum number of items per user.
    allow, deny : list of item ids, or local frame of user_id and item_id, optional
        As for :meth:`~tastebridge.InterestMapper.recommend_from`; they are sent to every worker.
    missing : {"skip", "error"}, default="skip"
        Whether events of unknown items are skipped or raise an error.
    twins : {"leave out", "keep"}, default="leave out"
        As for :meth:`~tastebridge.InterestMapper.recommend_from`.
    columns, event_weights, policy
        As for :meth:`tastebridge.Panel.from_frame`; by default the policy of the model.
        ``policy.min_item_events`` must be 1, and ``duplicates="last"`` needs a column of times, because rows
        of Spark have no order.
    key : Key or bytes, optional
        The key of an encrypted model at a path. A model that was loaded with a key is sent to the workers
        encrypted, under a new key.
    **lists
        Diversity, caps, calibration, exploration and new items, as for
        :meth:`~tastebridge.InterestMapper.recommend_from`.

    Returns
    -------
    pyspark.sql.DataFrame
        user_id, item_id, score, rank (from 1), evaluated lazily. So errors from ``policy`` or ``missing``
        are raised only when rows are computed. :func:`tastebridge.spark.account` counts the skipped events.

    Raises
    ------
    MissingDependencyError
        If pyspark is not installed.
    InvalidDataError
        If ``frame`` is not a Spark data frame of a classic session, or a column is missing.
    InvalidParameterError
        If a parameter is out of range.

    Examples
    --------
    >>> import tastebridge as tb
    >>> from pyspark.sql import SparkSession  # doctest: +SKIP
    >>> from tastebridge.datasets import make_panel
    >>> from tastebridge.spark import recommend
    >>> panel, _ = make_panel(n_users=200, n_items=40)
    >>> model = tb.Popularity("films").fit(panel)
    >>> session = SparkSession.builder.master("local[2]").getOrCreate()  # doctest: +SKIP
    >>> events = session.createDataFrame(panel.to_frame().astype({"category": str}))  # doctest: +SKIP
    >>> recommend(model, events, n=3).count()  # doctest: +SKIP
    600
    """
    check_frame(frame)
    recommender = model if isinstance(model, Recommender) else load(model, key=key)
    options: dict[str, Any] = {
        "n": n,
        "allow": allow,
        "deny": deny,
        "missing": missing,
        "twins": twins,
        "event_weights": recommender.event_weights if event_weights is None else event_weights,
        "policy": policy,
        "times": SECONDS,
        **lists,
    }
    # built here too, so that a wrong parameter is an error now and not on a worker
    kernel = RecommendationKernel(recommender, **options)
    events = read_events(frame, columns, kernel.event_weights, kernel.policy)
    task = _task(Shipment.of(recommender, events.sparkSession), options)
    return nested(events).mapInArrow(task, _schema(kernel, events))


def _task(
    shipment: Shipment, options: dict[str, Any]
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Return the function that a worker applies to its batches of histories."""

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        with one_blas_thread():  # Spark has a worker on every core already
            yield from RecommendationKernel(shipment.unpack(), **options).map(batches)

    return work


def _schema(kernel: RecommendationKernel, events: SparkFrame) -> str:
    """Return the columns of the answer as Spark names them."""
    number = isinstance(events.schema["user_id"].dataType, library("sql.types").NumericType)
    fields = kernel.schema(pa.int64() if number else pa.string())
    return ", ".join(f"{field.name} {_TYPES[field.type]}" for field in fields)
