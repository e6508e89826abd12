"""ALS of Spark MLlib: the item factors of a saved model, or of a model in a session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from tastebridge.exceptions import InvalidDataError
from tastebridge.factors.pretrained import PretrainedFactors
from tastebridge.factors.readers.damage import reading
from tastebridge.factors.readers.parquet import stacked, table_of

_CONTENT = "the item factors of a Spark ALS model"


def from_spark(
    model: object,
    regularization: float = 0.1,
    alpha: float = 1.0,
    implicit: bool = True,
    items: Mapping[int, int | str] | Sequence[int | str] | None = None,
) -> PretrainedFactors:
    r"""Return the item vectors of ``pyspark.ml.recommendation.ALSModel``.

    The fold-in is that of MLlib: the confidence of an event is :math:`1 + \alpha r`, and the penalty is
    ``regularization`` times the number of events of the user. Without ``implicit`` ratings are factorised.

    Parameters
    ----------
    model : str, Path or ALSModel
        The folder of ``model.save`` (its ``itemFactors`` are read), the Parquet file or folder of
        ``model.itemFactors``, with columns ``id`` and ``features``, or the fitted model.
    regularization, alpha : float
        ``regParam`` and ``alpha`` of the training; a saved model does not hold them.
    implicit : bool, default=True
        Whether it was trained with ``implicitPrefs=True``.
    items : mapping of int to id, or list of ids, optional
        The ids behind Spark's numbers, such as the ``labels`` of a ``StringIndexerModel``; None if the
        numbers are the ids.

    Returns
    -------
    PretrainedFactors

    Raises
    ------
    InvalidDataError
        If the table is damaged, lacks a column, or a number has no id.

    References
    ----------
    Y. Zhou et al., "Large-scale parallel collaborative filtering for the Netflix prize", AAIM (2008).

    Examples
    --------
    >>> import pandas as pd
    >>> from tastebridge.factors import from_spark
    >>> item_factors = pd.DataFrame({"id": [1, 0], "features": [[0.0, 1.0], [1.0, 0.0]]})
    >>> found = from_spark(item_factors, regularization=0.05, alpha=40.0, items={0: "dune", 1: "emma"})
    >>> found.items, found.factors.tolist()
    (['dune', 'emma'], [[1.0, 0.0], [0.0, 1.0]])
    """
    table = _table(model)
    if missing := {"id", "features"} - set(table.columns):
        raise InvalidDataError(
            f"the item factors of Spark ALS have the columns id and features; {sorted(missing)} is "
            f"lacking among {list(table.columns)[:10]}. Save model.itemFactors as Parquet."
        )
    numbers = table["id"].tolist()
    # labels of a StringIndexer are in the order of its numbers
    known = items if isinstance(items, Mapping | None) else dict(enumerate(np.asarray(items).tolist()))
    if known is not None and (unknown := [number for number in numbers if number not in known]):
        raise InvalidDataError(
            f"items has no id for {len(unknown)} of Spark's numbers, such as {unknown[0]!r}. Add them."
        )
    return PretrainedFactors(
        numbers if known is None else [known[number] for number in numbers],
        stacked(table["features"], "features"),
        regularization,
        alpha,
        "implicit" if implicit else "explicit",
        1.0 if implicit else 0.0,
        scale_regularization=True,
    ).checked()


def _table(model: object) -> pd.DataFrame:
    if isinstance(model, str | Path):
        with reading(model, _CONTENT) as path:
            inside = path / "itemFactors"
            table = table_of(inside if inside.is_dir() else path)
            # of many partitions; the numbers give one order whatever their order
            return table.sort_values("id", kind="stable") if "id" in table else table
    # the frame itself is taken too, as it may come from another session
    frame = getattr(model, "itemFactors", model)
    if hasattr(frame, "toPandas"):
        frame = frame.toPandas()
    if not isinstance(frame, pd.DataFrame):
        raise InvalidDataError(
            f"from_spark takes a path or a fitted ALSModel with itemFactors; got a {type(model).__name__}."
        )
    return frame.sort_values("id", kind="stable") if "id" in frame else frame


def is_spark(path: Path) -> bool:
    """Return whether a folder is a saved ALS model of Spark."""
    return (path / "itemFactors").is_dir()


def numbers_as_ids(table: pd.DataFrame) -> bool:
    """Return whether a table has the columns of Spark's factors."""
    return {"id", "features"} <= set(table.columns) and np.issubdtype(table["id"].dtype, np.integer)
