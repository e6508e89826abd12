"""Is a half-life chosen for random timestamps, and for tastes that change? On many small planted panels.

``python -m benchmarks.recency`` runs the test of ``InterestMapper(recency="auto")`` on each
panel. It counts how often a half-life is significantly better at the last moment, and how often it is chosen
because it is so at the moment before too. About 20 minutes of one core.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np
import pandas as pd

import tastebridge as tb
from tastebridge.data import Weighting
from tastebridge.exceptions import TastebridgeWarning
from tastebridge.factors import SVDFactors
from tastebridge.recommenders.time_decay import choose_half_life, half_lives_of
from tastebridge.routes import TargetRoute, TransferRoute

DAYS, MOVE, DAY = 200, 120, 86_400
GRID = (
    ("two routes", 60, False, 40),
    ("two routes", 120, False, 30),
    ("all routes", 80, False, 20),
    ("two routes", 60, True, 20),
    ("two routes", 120, True, 12),
    ("all routes", 80, True, 8),
)
"""Routes, users, whether taste moves, panels."""


def main() -> None:
    """Count and print one row per kind of panel."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--part", type=int, nargs="+", default=range(len(GRID)), help="rows of the grid")
    warnings.simplefilter("ignore", TastebridgeWarning)
    print("| routes | people | taste moves | panels | better at the last moment | taken |\n|" + "---|" * 6)
    for row in parser.parse_args().part:
        routes, n_people, moves, n_panels = GRID[row]
        tables = [tried(panel(n_people, seed, moves), routes) for seed in range(n_panels)]
        once = sum((table["low"] > 0).any() for table in tables)
        taken = sum(not table["chosen"][:1].all() for table in tables)
        print(
            f"| {routes} | {n_people} | {'yes' if moves else 'no'} | {n_panels} | {once} | {taken} |",
            flush=True,
        )


def tried(events: tb.Panel, routes: str) -> pd.DataFrame:
    """Return the table of the test of the half-lives that ``"auto"`` tries."""
    few = [TransferRoute(SVDFactors(6), SVDFactors(6)), TargetRoute(SVDFactors(6))]
    options = {"routes": few, "n_lists": 200, "n_negatives": 20} if routes == "two routes" else {}

    def make(half_life: float | None) -> tb.InterestMapper:
        return tb.InterestMapper(
            "films", weighting=Weighting("binary", half_life=half_life), n_folds=1, n_jobs=1, **options
        )

    return choose_half_life(make, events, ["films"], half_lives_of("auto", events))[1]


def panel(n_people: int, seed: int, moves: bool) -> tb.Panel:
    """Return users of one group of items each; if taste moves, of another one after 120 of 200 days."""
    rng, rows = np.random.default_rng(seed), []
    share = 1 / np.arange(1, 11)
    share /= share.sum()
    for person in range(n_people):
        early, late = rng.permutation(4)[:2]
        n_events = rng.integers(8, 25)
        for category, letter in (("books", "b"), ("films", "f")):
            for _ in range(n_events):
                day = rng.uniform(0, DAYS)
                own = late if moves and day > MOVE else early
                group = own if rng.random() < (0.8 if moves else 0.7) else rng.integers(4)
                item = f"{letter}{group}-{rng.choice(10, p=share)}"
                rows.append((person, item, category, day * DAY + 1e9))
    return tb.Panel.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id", "category", "timestamp"]))


if __name__ == "__main__":
    main()
