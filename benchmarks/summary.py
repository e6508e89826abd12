"""From one value per user to figures: means with bootstrap intervals, and paired differences."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from tastebridge.metrics.intervals import bootstrap_mean, paired_difference

N_RESAMPLES = 1000
COMPARED = ("ndcg@10", "hr@10", "squared error", "absolute error")
LOWER_IS_BETTER = ("squared error", "absolute error")
_BY = ["protocol", "group", "metric"]


def figures(values: pd.DataFrame) -> pd.DataFrame:
    """Return the mean of every protocol, group and metric, and for the main ones the 95 % interval.

    Users are resampled, not rows. ``rmse`` and ``mae`` are made of the errors; the bounds of the RMSE are
    the roots of the bounds of its square.
    """
    rows = []
    for key, part in values.groupby(_BY, sort=False):
        row = dict(zip(_BY, key, strict=True))
        row |= {"mean": part["value"].mean(), "low": np.nan, "high": np.nan}
        if key[2] in COMPARED:
            found = bootstrap_mean(part["value"].to_numpy(), N_RESAMPLES, people=part["user_id"].to_numpy())
            row |= {"mean": found.mean, "low": found.low, "high": found.high}
        rows.append(row | {"n_people": part["user_id"].nunique(), "n_rows": len(part)})
    return pd.DataFrame([*rows, *map(_root, rows)]).query("mean == mean")


def _root(row: dict) -> dict:
    if row["metric"] == "absolute error":
        return row | {"metric": "mae"}
    if row["metric"] == "squared error":
        return (
            row | {"metric": "rmse"} | {name: float(np.sqrt(row[name])) for name in ("mean", "low", "high")}
        )
    return row | {"mean": np.nan}


def differences(values: Mapping[str, pd.DataFrame], opponents: Mapping[str, list[str]]) -> pd.DataFrame:
    """Return each model's paired difference to the best of each class of opponents.

    ``values`` are those of all seeds of a model, one below the other, for one task; ``opponents`` names the
    models of each class. The best is the best on the test, by the same figure: chosen against the model that
    is compared, never for it.
    """
    rows: list[dict] = []
    tables = {model: _compared(frame) for model, frame in values.items()}
    for key in sorted({key for table in tables.values() for key in table}):
        here = {model: table[key] for model, table in tables.items() if key in table}
        for against, members in opponents.items():
            rows += _against(here, against, [one for one in members if one in here], key)
    return pd.DataFrame(rows)


def _compared(frame: pd.DataFrame) -> dict[tuple[str, str, str], pd.DataFrame]:
    wanted = frame[frame["metric"].isin(COMPARED) & ~frame["group"].str.startswith("history")]
    return {key: part.reset_index(drop=True) for key, part in wanted.groupby(_BY, sort=False)}


def _against(here: Mapping[str, pd.DataFrame], against: str, members: list[str], key: tuple) -> list[dict]:
    sign = -1 if key[2] in LOWER_IS_BETTER else 1
    rows = []
    for model in here:
        rivals = [one for one in members if one != model]
        if not rivals:
            continue
        best = max(rivals, key=lambda one: sign * here[one]["value"].mean())
        own, other = _common_seeds(here[model], here[best])
        people = own["user_id"].to_numpy()
        gap = paired_difference(own["value"], other["value"], N_RESAMPLES, people=people)
        row = {**dict(zip(_BY, key, strict=True)), "model": model, "against": against, "opponent": best}
        rows.append(row | {"difference": gap.mean, "low": gap.low, "high": gap.high})
    return rows


def _common_seeds(one: pd.DataFrame, other: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows of both from the seeds both have; they stand in the same order."""
    seeds = sorted(set(one["seed"]) & set(other["seed"]))
    first, second = (table[table["seed"].isin(seeds)].reset_index(drop=True) for table in (one, other))
    if not first["user_id"].equals(second["user_id"]):
        raise ValueError("the values of two models are not of the same people; run both again with --again.")
    return first, second
