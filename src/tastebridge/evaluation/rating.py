"""The rating protocol: how far predicted ratings are from held-out ones."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tastebridge._foundation.validation import check_choice
from tastebridge._foundation.warnings import warn
from tastebridge.evaluation.of_target import rating_pairs
from tastebridge.evaluation.table import (
    Predictor,
    Scores,
    check_models,
    fit_seconds,
    listed_metrics,
    named_splits,
    predicted,
    rows_of_split,
)
from tastebridge.exceptions import InvalidDataError
from tastebridge.splits import Split

METRICS = ("rmse", "mae")


def evaluate_ratings(
    models: Mapping[str, Predictor],
    splits: Split | Mapping[str, Split],
    metrics: Sequence[str] = METRICS,
    baseline: str | None = None,
    n_resamples: int = 2000,
    random_state: int = 0,
    fit: bool = True,
) -> pd.DataFrame:
    r"""Fit every model on every split and evaluate its predictions of the held-out ratings.

    RMSE is :math:`\sqrt{\tfrac1n\sum(\hat r-r)^2}` and MAE :math:`\tfrac1n\sum|\hat r-r|`, over rows; their
    intervals resample users. Lower is better. Predictions are clipped to the range of the training ratings.
    Rows of items without a training row are left out for all models.

    Parameters
    ----------
    models : mapping of name to model
        Any object with ``fit(panel)`` and ``predict(pairs)``, which returns a rating for each row of user_id
        and item_id.
    splits, baseline, n_resamples, random_state, fit
        As for :func:`~tastebridge.evaluation.evaluate`.
    metrics : sequence of {"rmse", "mae"}

    Returns
    -------
    DataFrame
        The columns of :func:`~tastebridge.evaluation.evaluate`. The bounds of an RMSE are the roots of the
        bounds of its square. A difference :math:`a-b` has the bounds of :math:`(a^2-b^2)/(a+b)`.

    Raises
    ------
    InvalidParameterError
        If a metric or the baseline is not known.
    InvalidDataError
        If a model does not predict a finite rating for every row, as a model of scores such as
        :class:`~tastebridge.InterestMapper`, or no row is left.

    Examples
    --------
    >>> from tastebridge.data import Panel
    >>> from tastebridge.splits import cold_users
    >>> rows = [(user, item, name) for user in "abcde" for item, name in (("x", "films"), ("y", "books"))]
    >>> frame = pd.DataFrame(rows, columns=["user_id", "item_id", "category"])
    >>> frame["weight"] = [3.0, 3.0, 2.0, 3.0, 3.0, 3.0, 3.0, 3.0, 2.0, 3.0]
    >>> panel = Panel.from_frame(frame)
    >>> class Four:
    ...     def fit(self, panel):
    ...         return self
    ...     def predict(self, pairs):
    ...         return np.full(len(pairs), 3.5)
    >>> table = evaluate_ratings({"four": Four()}, cold_users(panel, "films", test_size=2))
    >>> table[["metric", "mean"]].round(3).to_dict("records")  # 3 for all: no training row is above
    [{'metric': 'rmse', 'mean': 0.707}, {'metric': 'mae', 'mean': 0.5}]
    """
    check_models(models, baseline)
    for metric in listed_metrics(metrics):
        check_choice("metric", metric, METRICS)
    rows: list[dict[str, Any]] = []
    for name, split in named_splits(splits).items():
        pairs = _known(split)
        _warn_of_one_rating(split)
        scores = {model: _scores(models[model], split, pairs, metrics, fit) for model in models}
        found = rows_of_split(name, scores, baseline, n_resamples, random_state)
        rows += _rooted(found, baseline)
    return pd.DataFrame(rows)


def _known(split: Split) -> pd.DataFrame:
    """Return the held-out rows of items with a training row."""
    part = split.train[split.target]
    items = part.items.numbers(split.truth["item_id"].to_numpy(), missing="negative")
    trained = np.bincount(part.matrix.indices, minlength=part.matrix.shape[1]) > 0
    pairs = split.truth[(items >= 0) & trained[items]]
    if pairs.empty:
        raise InvalidDataError(
            f"none of the {len(split.truth)} held-out ratings of {split.target!r} is of an item with a "
            "training row, so none can be predicted. Hold out fewer users."
        )
    return pairs


def _warn_of_one_rating(split: Split) -> None:
    """Warn if all training ratings are equal, as in a panel of events without ratings."""
    given = split.train[split.target].matrix.data
    if given.min() == given.max():
        warn(
            f"all training ratings of {split.target!r} are {given[0]:g}, and predictions are held within the "
            "training ratings: all models have the same errors. Give a column of ratings as weights, or use "
            "evaluate."
        )


def _scores(model: Predictor, split: Split, pairs: pd.DataFrame, metrics: Sequence[str], fit: bool) -> Scores:
    seconds, start = fit_seconds(model, split.train, fit), time.perf_counter()
    given = split.train[split.target].matrix.data
    ratings = predicted(model, rating_pairs(model, split, pairs), "rating")
    # The scale is known from training rows; a rating beyond it cannot be right.
    error = np.clip(ratings, given.min(), given.max()) - pairs["weight"].to_numpy(dtype=np.float64)
    values = {"rmse": error**2, "mae": np.abs(error)}
    people = pairs["user_id"].to_numpy()
    return Scores({name: values[name] for name in metrics}, people, seconds, time.perf_counter() - start)


def _rooted(rows: Iterable[dict[str, Any]], baseline: str | None) -> list[dict[str, Any]]:
    """Return the rows of a split with the roots of mean squared errors."""
    found = list(rows)
    roots = {row["model"]: np.sqrt(row["mean"]) for row in found if row["metric"] == "rmse"}
    for row in found:
        if row["metric"] == "rmse":
            # a - b = (a² - b²) / (a + b): squares are means over rows, which the bootstrap can resample, and
            # roots are not.
            both = roots[row["model"]] + roots.get(baseline, np.nan)
            row |= {name: float(np.sqrt(row[name])) for name in ("mean", "low", "high")}
            gaps = ("difference", "difference_low", "difference_high")
            row |= {name: row[name] / both if both > 0 else row[name] for name in gaps}
    return found
