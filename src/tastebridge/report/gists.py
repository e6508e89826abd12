"""One sentence for each section, with the meaning of its figures for a decision."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tastebridge.diagnostics.transfer_table import of_single_sources
from tastebridge.model.evidence import MODEL, POPULARITY
from tastebridge.report.html import number, percent
from tastebridge.report.mapper import ReportedMapper

_CALIBRATED = 0.05
"""Largest mean gap between predicted and observed shares that is still called a probability."""
_HELPS = ("helps", "helps with others")


def sources_gist(mapper: ReportedMapper) -> str:
    """Return the source that helps most, or that none does."""
    single = of_single_sources(mapper.transfer_)
    helping = single[single["verdict"].isin(_HELPS) & single["lift"].notna()]
    hurting = single.loc[single["verdict"] == "hurts", "source"].tolist()
    warned = f" {', '.join(hurting)} would hurt, and is left out." if hurting else ""
    if not len(helping):
        return (
            f"No single source has a significant lift; expect little for users new to {mapper.target}."
            + warned
        )
    best = helping.loc[helping["lift"].idxmax()]
    return (
        f"{best['source']} helps most: {number(best['lift'], 3, True)} NDCG@10 for users new to "
        f"{mapper.target}. Collect more events there first.{warned}"
    )


def accuracy_gist(mapper: ReportedMapper) -> str:
    """Return the accuracy for new users next to the best list without a source."""
    found = mapper.findings_["accuracy"]
    for segment, who in (("cold", f"users new to {mapper.target}"), ("warm", "users with a history")):
        rows = found[found["segment"] == segment].set_index("list")
        if MODEL not in rows.index:
            continue
        row = rows.loc[MODEL]
        # the list that the others are compared with has no difference
        if math.isnan(row["difference"]):
            return f"For {who} the served list is the best list without sources: no gain and no loss."
        without = row["mean"] - row["difference"]
        if row["difference_low"] <= 0 <= row["difference_high"]:
            return (
                f"For {who} NDCG@10 is {row['mean']:.3f}, and {without:.3f} without sources: the difference "
                "may be due to chance."
            )
        times = (
            f", {row['mean'] / without:.1f} times as much" if without > 0 and row["difference"] > 0 else ""
        )
        return f"For {who} NDCG@10 is {row['mean']:.3f}, against {without:.3f} without sources{times}."
    return ""


def calibration_gist(points: Iterable[NDArray[np.float64]], thing: str) -> str:
    """Return whether predicted probabilities came true as often as predicted.

    Parameters
    ----------
    points : iterable of ndarray, shape (n, 3)
        Predicted and observed shares, and the number of users.
    thing : str
        The name of the prediction, at the start of a sentence.
    """
    rows = [part for part in points if len(part)]
    if not rows:
        return ""
    every = np.concatenate(rows)
    # weighted by users: a point of few users is noisy, and would count as much as the others
    gap = float(np.average(np.abs(every[:, 0] - every[:, 1]), weights=every[:, 2]))
    use = "use it as a probability" if gap <= _CALIBRATED else "use it to order users, not as a probability"
    return f"{thing} is off by {100 * gap:.1f} percentage points on average: {use}."


def breadth_gist(found: pd.DataFrame) -> str:
    """Return the share of the catalogue that is recommended, next to best-sellers."""
    for segment in dict.fromkeys(found["segment"]):
        rows = found[found["segment"] == segment].set_index("list")["coverage"]
        if MODEL in rows and POPULARITY in rows:
            return (
                f"The lists reach {percent(rows[MODEL])} of the catalogue; lists of best-sellers reach "
                f"{percent(rows[POPULARITY])}."
            )
    return ""


def related_gist(pairs: pd.DataFrame, target: str) -> str:
    """Return the category closest to the target, and the one farthest from it."""
    rows = pairs[(pairs["target"] == target) & pairs["correlation"].notna()].sort_values("correlation")
    if not len(rows):
        return f"Too few users are in {target} and another category to measure a relation."
    last, first = rows.iloc[-1], rows.iloc[0]
    nearest = f"Tastes in {last['source']} reveal most about {target} ({last['correlation']:.2f})"
    if len(rows) == 1:
        return f"{nearest}."
    return f"{nearest}, tastes in {first['source']} least ({first['correlation']:.2f})."


def directions_gist(directions: pd.DataFrame, target: str) -> str:
    """Return the strongest shared direction."""
    best = directions.loc[directions["correlation"].idxmax()]
    return (
        f"The strongest shared taste is with {best['source']} (correlation {best['correlation']:.2f}). If "
        f"its items make sense side by side, so will recommendations in {target}."
    )


def routes_gist(routes: pd.DataFrame) -> str:
    """Return the number of routes that new users need."""
    cold, warm = int((routes["cold"] > 0).sum()), int((routes["warm"] > 0).sum())
    return (
        f"New users are served by {cold} routes, users with a history by {warm}. The weights were learned on "
        "held-out users: no manual tuning is needed."
    )


def data_gist(cleaned: pd.DataFrame) -> str:
    """Return the share of the rows that were used."""
    rows = cleaned.set_index("step")["rows"]
    # merged rows are not lost: their weight is in another row
    came = int(rows["rows in"])
    dropped = int(cleaned.loc[~cleaned["step"].isin(["rows in", "rows out", *_MERGED]), "rows"].sum())
    if not dropped:
        return f"All {came:,} rows of the table could be used."
    return (
        f"{dropped:,} of {came:,} rows ({dropped / max(came, 1):.1%}) could not be used; if that is more "
        "than you expect, correct the table before the model."
    )


_MERGED = ("duplicates", "several categories")


def cost_gist(n_bytes: int, seconds: float) -> str:
    """Return the time for a million users."""
    if math.isnan(seconds):
        return ""
    minutes = 1e6 * seconds / 60
    return (
        f"Lists for a million users take about {minutes:,.0f} minutes of one processor on this machine"
        f", and {n_bytes / 1e6:,.1f} MB for the items."
    )


def reliabilities(
    interests: Mapping[str, Mapping[str, NDArray[np.float64]]],
) -> Sequence[NDArray[np.float64]]:
    """Return the reliability of the predicted interest in each category."""
    return [state["reliability"] for state in interests.values()]
