"""New films with few users, placed by these or by their features: ``python -m benchmarks.few_takers``.

The films of :mod:`benchmarks.cold_items` arrive by an update with their features. A second update adds a
number of users to each, drawn from all users except the cold ones. NDCG@10 is measured on the cold users,
with the hidden films ranked alone, and with all films. *Takers*: every film is placed by its users, even a
single one; *features*: none is.
"""

from __future__ import annotations

import argparse
import warnings
from copy import deepcopy
from itertools import permutations

import numpy as np
import pandas as pd

from benchmarks.cold_items import GENRES, Task, make, updated
from tastebridge.data import Panel
from tastebridge.datasets import load_movielens
from tastebridge.exceptions import TastebridgeWarning
from tastebridge.metrics import ndcg
from tastebridge.online import new_items as arrivals

COUNTS = (1, 3, 4, 5, 6, 10, 20)
RULES = {"takers": 1, "features": 10**9}
"""The number of first users from which a film is placed by its users."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=6, help="of every third ordered pair of genres, so many")
    parser.add_argument("--seed", type=int, default=100)
    args = parser.parse_args()
    panel, rows = load_movielens(item_features=True), []
    for target, source in list(permutations(GENRES, 2))[::3][: args.pairs]:
        rows += judged(make(panel, target, source, args.seed), panel)
        print(f"{target} <- {source}", flush=True)
    table = pd.DataFrame(rows, columns=["takers", "told by", "hidden films", "all films", "lists"])
    for column in ("hidden films", "all films"):
        table[column] *= table["lists"]
    sums = table.groupby(["takers", "told by"]).sum()
    print(sums[["hidden films", "all films"]].div(sums["lists"], axis=0).unstack().round(3).to_string())


def judged(task: Task, panel: Panel) -> list[tuple[int, str, float, float, int]]:
    """Return one row per number of first users and rule; means over cold users with a hidden film."""
    known, (cold, truth) = task.train[task.target].items, task.truths["cold"]
    seen = panel.select(task.train.categories)[task.target].matrix[cold]
    ids, items = task.train.users.ids[cold], known.ids[task.hidden]
    told = np.flatnonzero(np.diff(truth.indptr))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TastebridgeWarning)
        base, rows = updated(task), []
    for count in COUNTS:
        events = takers_of(task, panel, count)
        for name, arrivals.ENOUGH in RULES.items():
            mapper, found = deepcopy(base).update(events), []
            for allow, wanted in ((items, truth), (None, seen)):
                listed = known.numbers(mapper.recommend(ids, n=10, allow=allow)["item_id"])
                found.append(ndcg(listed.reshape(len(ids), -1), wanted, 10)[told].mean())
            rows.append((count, name, *found, len(told)))
    return rows


def takers_of(task: Task, panel: Panel, count: int) -> pd.DataFrame:
    """Return events of so many users for each hidden film, or of all there are, without the cold ones."""
    rng, part = np.random.default_rng(0), panel.select(task.train.categories)[task.target]
    cold = task.truths["cold"][0]
    pairs = [
        (person, film)
        for film in task.hidden
        for person in rng.permutation(np.setdiff1d(part.matrix[:, [film]].nonzero()[0], cold))[:count]
    ]
    people, films = np.array(pairs).T
    events = {"user_id": part.users.ids[people], "item_id": part.items.ids[films]}
    return pd.DataFrame({**events, "category": task.target, "timestamp": task.train.last_time})


if __name__ == "__main__":
    main()
