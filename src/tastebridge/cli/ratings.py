"""Explicit feedback on the command line: the comparison of rating models, and tables of errors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
from rich.table import Table

from tastebridge.baselines.rating import KINDS, RatingBaseline
from tastebridge.cli.reading import Reading
from tastebridge.cli.screen import between, plain_table
from tastebridge.evaluation import evaluate_ratings
from tastebridge.recommenders.rating_mapper import RatingMapper
from tastebridge.splits import Split

_BASELINE = KINDS[-1]  # the strongest: biases of users and items


def once(reading: Reading, explicit: bool) -> Reading:
    """Return the reading options for feedback: of repeated ratings the last one counts, not their sum."""
    if not explicit:
        return reading
    # "sum" may only be the default; a sum of ratings is no rating
    duplicates = "last" if reading.duplicates == "sum" else reading.duplicates
    return replace(reading, duplicates=duplicates, unrated="drop")


def rating_contest(
    split: Split, metrics: Sequence[str], seed: int, sources: list[str] | None = None
) -> pd.DataFrame:
    """Fit the mapper of ratings and the baselines on a split and evaluate their predictions."""
    models: dict[str, Any] = {"tastebridge": RatingMapper(split.target, sources, random_state=seed)}
    models |= {kind: RatingBaseline(split.target, kind) for kind in reversed(KINDS)}
    return evaluate_ratings(models, split, metrics, baseline=_BASELINE, random_state=seed)


def rating_table(results: pd.DataFrame, metric: str, title: str) -> Table:
    """Return the figures of the models by one metric, and their differences to the biases."""
    table = plain_table(title, ["", "mean", "95 % interval", "against the biases", "seconds"])
    for row in results[results["metric"] == metric].sort_values("mean").to_dict("records"):
        gap = f"{row['difference']:+.3f} ({between(row['difference_low'], row['difference_high'], 3)})"
        table.add_row(
            row["model"],
            f"{row['mean']:.3f}",
            f"{row['low']:.3f} … {row['high']:.3f}",
            "" if math.isnan(row["difference"]) else gap,
            f"{row['fit_seconds']:.1f}",
            style="bold" if row["model"] == "tastebridge" else None,
        )
    return table


def errors_table(errors: pd.DataFrame, target: str) -> Table:
    """Return the errors out of fold, with the errors of item means for comparison."""
    table = plain_table(
        f"Errors of predicted ratings in {target}, on ratings held out of the fit",
        ["users", "ratings", "RMSE", "by item mean", "MAE", "by item mean"],
        "cold: users without other ratings in the category; warm: users with some",
    )
    for row in errors.to_dict("records"):
        numbers = (row[name] for name in ("rmse", "items_rmse", "mae", "items_mae"))
        table.add_row(row["people"], f"{row['n']:,}", *(f"{number:.3f}" for number in numbers))
    return table
