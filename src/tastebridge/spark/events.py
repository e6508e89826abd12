"""Events in a Spark data frame: columns by role, times in seconds, and one row per user."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from tastebridge.batch.schema import FIELDS
from tastebridge.data import CleaningPolicy
from tastebridge.data.columns import recognise
from tastebridge.data.time_units import are_calendar_digits, number_seconds
from tastebridge.exceptions import InvalidParameterError
from tastebridge.spark.library import SparkFrame, functions, library


def read_events(
    frame: SparkFrame,
    columns: Mapping[str, str | None] | None,
    event_weights: Mapping[Any, float] | None,
    policy: CleaningPolicy,
) -> SparkFrame:
    """Return the columns with a role, named by their roles.

    Numeric times are read once, to see whether all are dates written in digits, as in a local frame. All
    other work is left to Spark's lazy evaluation.

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
    return _in_seconds(frame.select(*(F.col(name).alias(role) for role, name in names.items())))


def nested(events: SparkFrame) -> SparkFrame:
    """Return the histories of events, one row per user, in the format of :func:`tastebridge.batch.nest`."""
    F = functions()
    fields = [name for name in FIELDS if name in events.columns]
    return events.groupBy("user_id").agg(F.collect_list(F.struct(*fields)).alias("events"))


def _in_seconds(events: SparkFrame) -> SparkFrame:
    """Return the events with numeric times converted to seconds."""
    F, types = functions(), library("sql.types")
    if "timestamp" not in events.columns:
        return events
    if not isinstance(events.schema["timestamp"].dataType, types.NumericType):
        return events
    read = F.pandas_udf(_calendar, "boolean")
    numbers = F.col("timestamp").cast("double")
    found = events.agg(F.min(read(numbers))).first()[0]  # of all parts: True only if it holds for each
    calendar = bool(found) if found is not None else False

    def seconds(times: pd.Series) -> pd.Series:
        return pd.Series(number_seconds(times.to_numpy(dtype=np.float64), calendar))

    return events.withColumn("timestamp", F.pandas_udf(seconds, "double")(numbers))


def _calendar(times: pd.Series) -> pd.Series:
    numbers = times.to_numpy(dtype=np.float64)
    good = are_calendar_digits(numbers) or not (np.isfinite(numbers) & (numbers != 0)).any()
    return pd.Series(np.full(len(numbers), good))
