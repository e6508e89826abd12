"""Explicit feedback on the command line: the contest of rating models, and how errors look."""

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

_BASELINE = KINDS[-1]


def once(reading: Reading, explicit: bool) -> Reading:
    """Return how repeated pairs are read: ratings are not added up, the last one counts."""
    if not explicit:
        return reading
    duplicates = "last" if reading.duplicates == "sum" else reading.duplicates
    return replace(reading, duplicates=duplicates, unrated="drop")


def rating_contest(
    split: Split, metrics: Sequence[str], seed: int, sources: list[str] | None = None
) -> pd.DataFrame:
    """Fit the mapper of ratings and the baselines on a split and judge their predictions."""
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
    """Return the errors out of fold, beside those of the items alone."""
    table = plain_table(
        f"How far are predicted ratings in {target} from those hidden while learning?",
        ["users", "ratings", "RMSE", "by item alone", "MAE", "by item alone"],
        "cold: without ratings in the category; warm: with others there",
    )
    for row in errors.to_dict("records"):
        numbers = (row[name] for name in ("rmse", "items_rmse", "mae", "items_mae"))
        table.add_row(row["people"], f"{row['n']:,}", *(f"{number:.3f}" for number in numbers))
    return table
