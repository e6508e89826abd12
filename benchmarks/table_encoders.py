"""Two encoders of a table of items on MovieLens' new films: ``python -m benchmarks.table_encoders``.

The table has title, year and genres of a film. It is encoded by ``tastebridge.features.table_features`` and
by skrub's ``TableVectorizer``: at its defaults; with the genres in columns of zeros and ones, which it does
not split by itself; and with splines for the year besides. Each original column is a kind of features. Films,
users and NDCG@10 are those of ``benchmarks.cold_items``; no encoder sees a rating. Needs skrub.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from itertools import permutations

import numpy as np
import pandas as pd
from sklearn.preprocessing import SplineTransformer

import tastebridge as tb
from benchmarks.cold_items import Task, make
from benchmarks.data.movielens import GENRES
from benchmarks.environment import RESULTS
from tastebridge.data import ItemFeatures, Panel
from tastebridge.datasets import load_movielens
from tastebridge.datasets.movielens import _ratings
from tastebridge.exceptions import TastebridgeWarning
from tastebridge.features import table_features
from tastebridge.metrics import ndcg
from tastebridge.metrics.intervals import bootstrap_mean, paired_difference

OWN = "table_features"
Kinds = dict[str, ItemFeatures]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=10, help="ordered pairs of genres, the first so many")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--output", default="table_encoders.csv")
    args = parser.parse_args()
    films = _ratings().drop_duplicates("movieId")[["movieId", "title", "year", "genres"]]
    films = films.rename(columns={"movieId": "item_id"}).sort_values("item_id", ignore_index=True)
    panel, rows, seconds = load_movielens(), [], {}
    spaces = {}
    for name, encode in ENCODERS.items():
        start = time.perf_counter()
        spaces[name] = encode(films)
        seconds[name] = time.perf_counter() - start
    for target, source in list(permutations(GENRES, 2))[:: 30 // args.pairs]:
        for name, kinds in spaces.items():
            task = make(_described(panel, kinds), target, source, args.seed)
            start = time.perf_counter()
            for people, ids, values in judged(task):
                found = pd.DataFrame({"user_id": ids, "ndcg": values, "people": people})
                rows.append(found.assign(pair=f"{target}<-{source}", model=name))
            print(f"{target} <- {source}, {name}: {time.perf_counter() - start:.0f} s", flush=True)
    table = summarised(pd.concat(rows, ignore_index=True))
    table["encode_seconds"] = table["model"].map(seconds)
    table["columns"] = [sum(kind.shape[1] for kind in spaces[name].values()) for name in table["model"]]
    RESULTS.mkdir(exist_ok=True)
    table.to_csv(RESULTS / args.output, index=False, float_format="%.4f")
    print(table.to_string(index=False))


def _own(films: pd.DataFrame) -> Kinds:
    return table_features({"films": films})["films"]


def _skrub(films: pd.DataFrame, **options: object) -> Kinds:
    from skrub import TableVectorizer

    encoded = TableVectorizer(**options).fit_transform(films.drop(columns="item_id"))
    names = list(films.columns[1:])
    return {name: _kind(films, encoded[[c for c in encoded if c.startswith(name)]]) for name in names}


def _skrub_with_tags(films: pd.DataFrame, **options: object) -> Kinds:
    return {**_skrub(films, **options), "genres": _kind(films, films["genres"].str.get_dummies("|"))}


def _skrub_with_splines(films: pd.DataFrame) -> Kinds:
    splines = SplineTransformer(n_knots=8, degree=1, knots="quantile")
    years = films["year"].fillna(films["year"].median())  # the splines take no missing number
    return _skrub_with_tags(films.assign(year=years), numeric=splines)


ENCODERS: dict[str, Callable[[pd.DataFrame], Kinds]] = {
    OWN: _own,
    "TableVectorizer": _skrub,
    "TableVectorizer, genres split": _skrub_with_tags,
    "TableVectorizer, genres split, splines": _skrub_with_splines,
}


def _kind(films: pd.DataFrame, columns: pd.DataFrame) -> ItemFeatures:
    # skrub passes missing numbers through; an item without one gets the mean, as in the other encoder
    numbers = columns.astype(float)
    return ItemFeatures.read(numbers.fillna(numbers.mean()).assign(item_id=films["item_id"].to_numpy()))


def _described(panel: Panel, kinds: Kinds) -> Panel:
    for category in panel.categories:
        for name, features in kinds.items():
            panel = panel.with_item_features(category, features, name=name, new_items=False)
    return panel


def judged(task: Task):
    """Yield kind of users, their ids and NDCG@10 over the hidden films."""
    known = task.train[task.target].items
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TastebridgeWarning)
        mapper = tb.InterestMapper(task.target).fit(task.train)
    for people, (rows, truth) in task.truths.items():
        ids = task.train.users.ids[rows]
        found = mapper.recommend(ids, n=10, allow=known.ids[task.hidden])
        values = ndcg(known.numbers(found["item_id"]).reshape(len(ids), -1), truth, 10)
        seen = ~np.isnan(values)
        yield people, ids[seen], values[seen]


def summarised(table: pd.DataFrame) -> pd.DataFrame:
    """Return NDCG@10 of each encoder and its difference to our own, all pairs, intervals over users."""
    rows = []
    for kind, part in table.groupby("people"):
        wide = part.pivot(index=["pair", "user_id"], columns="model", values="ndcg")
        users = wide.index.get_level_values("user_id").to_numpy()
        for model in ENCODERS:
            own = bootstrap_mean(wide[model].to_numpy(), people=users)
            gap = paired_difference(wide[model].to_numpy(), wide[OWN].to_numpy(), people=users)
            bounds = (own.mean, own.low, own.high, gap.mean, gap.low, gap.high)
            rows.append((kind, model, len(wide), *bounds))
    names = ["people", "model", "lists", "ndcg", "low", "high", "difference", "diff_low", "diff_high"]
    return pd.DataFrame(rows, columns=names)


if __name__ == "__main__":
    main()
