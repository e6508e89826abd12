"""Events in a Spark data frame: columns by role, times in seconds, and one row per user."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd
import pyarrow as pa

from tastebridge.batch.schema import FIELDS
from tastebridge.data import CleaningPolicy
from tastebridge.data.columns import recognise
from tastebridge.data.time_evidence import TimeEvidence
from tastebridge.data.times import seconds
from tastebridge.exceptions import InvalidParameterError
from tastebridge.spark.library import SparkFrame, functions, library


def read_events(
    frame: SparkFrame,
    columns: Mapping[str, str | None] | None,
    event_weights: Mapping[Any, float] | None,
    policy: CleaningPolicy,
) -> SparkFrame:
    """Return the columns with a role, named by their roles.

    Times in numbers or text are read once, since all of them decide on their unit, as in a local frame; they
    become seconds, so that cleaning takes :data:`tastebridge.data.time_evidence.SECONDS`. All other work is
    left to Spark's lazy evaluation.

    Raises
    ------
    InvalidDataError
        If a column is missing or ambiguous.
    InvalidParameterError
        If the result would depend on the order of rows, which a Spark data frame does not have.
    """
    F, given = functions(), dict(columns or {})
    if event_weights is None:
        given.setdefault("event", None)
    roles = recognise(frame.columns, given)
    if policy.duplicates == "last" and "timestamp" not in roles:
        raise InvalidParameterError(
            "CleaningPolicy(duplicates='last') needs times or an order of rows, but a Spark data frame has "
            "no order. Give a timestamp column, or another way to merge."
        )
    # quoted, since Spark reads a dot in a name as a field of a struct
    names = {role: "`" + column.replace("`", "``") + "`" for role, column in roles.items()}
    events = frame.select(*(F.col(name).alias(role) for role, name in names.items()))
    return _in_seconds(events, roles["timestamp"]) if "timestamp" in roles else events


def nested(events: SparkFrame) -> SparkFrame:
    """Return the histories of events, one row per user, in the format of :func:`tastebridge.batch.nest`."""
    F = functions()
    fields = [name for name in FIELDS if name in events.columns]
    return events.groupBy("user_id").agg(F.collect_list(F.struct(*fields)).alias("events"))


def _in_seconds(events: SparkFrame, name: str) -> SparkFrame:
    """Return the events with times in numbers or text as seconds; ``name`` may tell the unit of counters."""
    F, types = functions(), library("sql.types")
    kind = events.schema["timestamp"].dataType
    if not isinstance(kind, types.NumericType | types.StringType):
        return events
    if isinstance(kind, types.NumericType):
        events = events.withColumn("timestamp", F.col("timestamp").cast("double"))
    rows = events.select("timestamp").mapInArrow(_evidence, "evidence string").collect()
    found = TimeEvidence.sum(TimeEvidence.of_fields(json.loads(row["evidence"])) for row in rows)
    reading = found.reading(name)

    def convert(times: pd.Series) -> pd.Series:
        return pd.Series(seconds(times, part=True, reading=reading))

    return events.withColumn("timestamp", F.pandas_udf(convert, "double")(F.col("timestamp")))


def _evidence(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield the evidence of one partition of Spark."""
    found = TimeEvidence.sum(TimeEvidence.of(batch["timestamp"]) for batch in batches)
    yield pa.record_batch({"evidence": [json.dumps(found.fields())]})
