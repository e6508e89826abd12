"""Does the score find the users of an item? ``python -m benchmarks.audience``.

Users whose rows in the target are all held out are ranked for every item one of them took: by the score of
the item, and by the length of their history. AUC: the share of pairs of a user of the item and another user
in which the former ranks first, ties half. Items are weighted by their number of users.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.stats import rankdata

import tastebridge as tb
from benchmarks.environment import RESULTS, data_file
from tastebridge.datasets import load_movielens
from tastebridge.splits import cold_users

COLUMNS = ["user_id", "item_id", "category"]
FILE = "amazon_cloth_sport_cold.parquet"


def main() -> None:
    figures = {name: figures_of(*task) for name, task in tasks()}
    print(json.dumps(figures, indent=1))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "audience.json").write_text(json.dumps(figures, indent=1) + "\n")


def tasks() -> Iterator[tuple[str, tuple[tb.Panel, pd.DataFrame, str]]]:
    """Yield training panels, held-out rows and targets."""
    rows = pd.read_parquet(data_file(FILE))
    train = rows[rows["split"] == "train"]
    for target in rows["category"].unique():
        held = rows[(rows["split"] != "train") & (rows["category"] == target)]
        yield f"Amazon {target}", (tb.Panel.from_frame(train[COLUMNS]), held[COLUMNS], target)
    panel = load_movielens(min_ratings=5000)
    for target in ("Comedy", "Crime"):
        split = cold_users(panel, target, 0.3)
        yield f"MovieLens {target}", (split.train, split.truth, target)


def figures_of(train: tb.Panel, held: pd.DataFrame, target: str) -> dict[str, float]:
    """Return the AUC of score and activity over the users of the held-out rows."""
    mapper = tb.InterestMapper(target, random_state=0).fit(train)
    people = np.intersect1d(held["user_id"].unique(), train.users.ids)
    items = mapper.item_vectors().ids
    held = held[held["item_id"].isin(items) & held["user_id"].isin(people)]
    found = mapper.audience(held["item_id"].unique().tolist(), len(people), user_ids=people)
    scores = found.pivot(index="user_id", columns="item_id", values="score")
    active = train.to_frame().groupby("user_id").size()
    by_score, by_activity, takers = [], [], []
    for item, rows in held.groupby("item_id"):
        taken = scores.index.isin(rows["user_id"])
        by_score.append(auc(scores[item].to_numpy(), taken))
        by_activity.append(auc(active[scores.index].to_numpy(), taken))
        takers.append(taken.sum())
    return {
        "people": len(people),
        "rows": len(held),
        "items": len(takers),
        "score": float(np.average(by_score, weights=takers)),
        "activity": float(np.average(by_activity, weights=takers)),
    }


def auc(values: np.ndarray, taken: np.ndarray) -> float:
    """Return the share of pairs in which a user of the item has a larger value than another user."""
    n = int(taken.sum())
    if n in (0, len(taken)):
        return 0.5
    return float((rankdata(values)[taken].sum() - n * (n + 1) / 2) / (n * (len(taken) - n)))


if __name__ == "__main__":
    main()
