"""The library pyspark, imported only when it is needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any, TypeAlias

from tastebridge.exceptions import InvalidDataError, MissingDependencyError

SparkFrame: TypeAlias = Any
"""A ``pyspark.sql.DataFrame``. The package is optional, so its types are not imported."""


def library(module: str) -> Any:  # noqa: ANN401 - a module
    """Return a module of pyspark.

    Raises
    ------
    MissingDependencyError
        If pyspark is not installed.
    """
    try:
        return import_module(f"pyspark.{module}")
    except ImportError:
        raise MissingDependencyError(
            "tastebridge.spark needs the package pyspark, and Java 17 or later. Install it: "
            "pip install 'tastebridge[spark]'."
        ) from None


def functions() -> Any:  # noqa: ANN401 - a module
    """Return the functions of columns."""
    return library("sql.functions")


def check_frame(frame: object) -> object:
    """Return ``frame`` if it is a Spark data frame of a classic session.

    Raises
    ------
    InvalidDataError
        If it is another object; the message names its type.
    """
    if isinstance(frame, library("sql.classic.dataframe").DataFrame):
        return frame
    if isinstance(frame, library("sql").DataFrame):
        raise InvalidDataError(
            "the frame belongs to a session of Spark Connect, which cannot carry a model to its workers. Use "
            "a classic session, such as SparkSession.builder.master(…).getOrCreate() on the cluster."
        )
    raise InvalidDataError(
        f"tastebridge.spark needs a Spark data frame of events; got {type(frame).__name__}. Make one with "
        "session.createDataFrame, or call the method of the recommender, which accepts other frames."
    )
