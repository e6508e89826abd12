"""How often do sources without information pass? Panels with the users of every source permuted.

``python -m benchmarks.false_positives [--panels 100] [--sources 5]`` fits a mapper of few routes to small
panels. In each of them the histories of every source belong to other users, so no source helps. The nominal
rate is 2.5 % of the panels for all sources together, and next to nothing for single sources, which are tested
at a stricter level where all together fail. It prints both rates with 95 % intervals of Clopper and Pearson.
"""

from __future__ import annotations

import argparse
import warnings
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import beta

from tastebridge import InterestMapper
from tastebridge.datasets import make_panel
from tastebridge.factors import SVDFactors
from tastebridge.routes import JointRoute, Route, TransferRoute

SIZE: dict[str, Any] = {
    "n_users": 250,
    "n_items": 30,
    "relatedness": 0.9,
    "overlap": 0.9,
    "events_per_user": 6,
}
FEW: dict[str, Any] = {"n_folds": 2, "n_lists": 500, "n_negatives": 25, "n_jobs": 1}


def routes() -> list[Route]:
    """Return a map for each source, and two routes of all categories."""
    return [
        TransferRoute(SVDFactors(6), SVDFactors(8, filter="power", beta=1.0)),
        JointRoute(SVDFactors(12)),
        JointRoute(SVDFactors(8, filter="power", beta=1.0)),
    ]


def permuted(frame: pd.DataFrame, target: str, seed: int) -> pd.DataFrame:
    """Return the events with the users of every category except the target permuted, each by itself."""
    rng, parts = np.random.default_rng(seed), []
    for name, rows in frame.groupby("category", sort=True, observed=True):
        users = rows["user_id"].unique()
        others = dict(zip(users, users if name == target else rng.permutation(users), strict=True))
        parts.append(rows.assign(user_id=rows["user_id"].map(others)))
    return pd.concat(parts)


def passing(seed: int, n_sources: int) -> tuple[bool, bool]:
    """Return whether all sources together are said to help or are used, and whether a single one is."""
    names = ["films", *(f"source {number}" for number in range(n_sources))]
    panel, _ = make_panel(**SIZE, categories=names, random_state=seed)
    frame = permuted(panel.to_frame(), "films", seed)
    table = InterestMapper("films", routes=routes(), **FEW).fit(frame).transfer_
    said = table["kept"] | table["verdict"].isin(["helps", "helps with others"])
    return bool(said.iloc[-1]), bool(said.iloc[:-1].any())


def interval(hits: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share by Clopper and Pearson."""
    low = beta.ppf(0.025, hits, n - hits + 1) if hits else 0.0
    high = beta.ppf(0.975, hits + 1, n - hits) if hits < n else 1.0
    return float(low), float(high)


def main() -> None:
    """Fit the panels and print the rates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--panels", type=int, default=100)
    parser.add_argument("--sources", type=int, default=5)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    found = np.array([passing(seed, given.sources) for seed in range(given.panels)])
    for name, column in zip(("all together", "any single one"), found.T, strict=True):
        low, high = interval(int(column.sum()), len(column))
        print(f"{name}: {column.sum()} of {len(column)}, {column.mean():.3f} [{low:.3f}, {high:.3f}]")


if __name__ == "__main__":
    main()
