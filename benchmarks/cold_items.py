"""New items on MovieLens: ``python -m benchmarks.cold_items``.

A fifth of a genre's films lose every training row, and a fifth of the linked users all their rows there.
Only the hidden films are ranked, for the cold users and for users with other films of the genre. NDCG@10
counts the hidden films a user has seen. The features of a hidden film are its genres, its year and the
words of its title. The baselines use the same features and give all users the same list: the mean
popularity of the training films of the same set of genres, of the same five years, the product of both, and
the popularity predicted by a ridge regression on all features.

The mapper gets the hidden films in two ways: in its fit, as films without rows, and by an update, after a
fit without these films and their features.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Mapping
from dataclasses import replace
from itertools import permutations
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import RidgeCV

import tastebridge as tb
from benchmarks.data.movielens import GENRES
from benchmarks.environment import RESULTS
from tastebridge.data import Panel, Vocabulary
from tastebridge.datasets import load_movielens
from tastebridge.exceptions import TastebridgeWarning
from tastebridge.metrics import ndcg
from tastebridge.metrics.intervals import bootstrap_mean, paired_difference

KNOWN, LATER = "tastebridge", "tastebridge, films by update"
"""The two mappers: the hidden films, without rows, in the fit; or after it."""
SHRINKAGE = 2.0
"""Films of average popularity added to every group a baseline averages over."""


class Task(NamedTuple):
    """Training panel, target, numbers of its hidden films, and per kind of users their hidden rows."""

    train: Panel
    target: str
    hidden: NDArray[np.int64]
    truths: Mapping[str, tuple[NDArray[np.int64], sparse.csr_matrix]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=30, help="ordered pairs of genres, the first so many")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", default="cold_items.csv")
    args = parser.parse_args()
    panel = load_movielens(item_features=True)
    rows = []
    for target, source in list(permutations(GENRES, 2))[:: 30 // args.pairs]:
        task = make(panel, target, source, args.seed)
        for kind, model, people, values in judged(task):
            found = pd.DataFrame({"user_id": people, "ndcg@10": values})
            rows.append(found.assign(pair=f"{target}<-{source}", people=kind, model=model))
        print(f"{target} <- {source}", flush=True)
    table = pd.concat(rows, ignore_index=True)
    summary = summarised(table)
    print(summary.to_string(index=False))
    RESULTS.mkdir(exist_ok=True)
    summary.to_csv(RESULTS / args.output, index=False, float_format="%.4f")
    print(json.dumps(by_pair(table), indent=1))


def make(panel: Panel, target: str, source: str, seed: int) -> Task:
    """Hide a fifth of the films from all and a fifth of the linked users from the target."""
    panel = panel.select([source, target])
    rng, part = np.random.default_rng(seed), panel[target]
    hidden = np.sort(rng.permutation(len(part.items))[: len(part.items) // 5])
    linked = panel.linked(source, target)
    cold = np.sort(rng.permutation(linked)[: len(linked) // 5])
    gone = np.isin(part.matrix.indices, hidden) | np.isin(part.rows, cold)
    train = replace(panel, interactions={**panel.interactions, target: part.keep(~gone)})
    warm = np.intersect1d(train[target].active_numbers, panel[source].active_numbers)
    only = sparse.diags(np.isin(np.arange(len(part.items)), hidden).astype(float))
    truths = {
        name: (who, sparse.csr_matrix(part.matrix[who] @ only))
        for name, who in (("cold", cold), ("warm", warm))
    }
    for _, truth in truths.values():
        truth.eliminate_zeros()
    return Task(train, target, hidden, truths)


def judged(task: Task):
    """Yield kind of users, model, ids and NDCG@10 of those who have seen a hidden film."""
    known = task.train[task.target].items
    items = known.ids[task.hidden]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TastebridgeWarning)
        mappers = {KNOWN: tb.InterestMapper(task.target).fit(task.train), LATER: updated(task)}
    for kind, (people, truth) in task.truths.items():
        ids = task.train.users.ids[people]
        for name, mapper in mappers.items():
            numbers = known.numbers(mapper.recommend(ids, n=10, allow=items)["item_id"])
            yield from _told(kind, name, ids, ndcg(numbers.reshape(len(ids), -1), truth, 10))
        for name, scores in baselines(task).items():
            best = task.hidden[np.argsort(-scores, kind="stable")[:10]]
            yield from _told(kind, name, ids, ndcg(np.tile(best, (len(ids), 1)), truth, 10))


def updated(task: Task) -> tb.InterestMapper:
    """Return the mapper of a fit that knew nothing of the hidden films; they came with their features."""
    hidden = task.train[task.target].items.ids[task.hidden]
    panel, later = Panel.from_frame(task.train.to_frame()), {}
    for category, kinds in task.train.item_features.items():
        ids = task.train[category].items.ids
        rest = Vocabulary(ids[~np.isin(ids, hidden)] if category == task.target else ids)
        for name, features in kinds.items():
            panel = panel.with_item_features(category, features.over(rest), name=name)
            if category == task.target:
                later[name] = features.over(Vocabulary(hidden))
    mapper = tb.InterestMapper(task.target).fit(panel)
    assert not np.isin(hidden, mapper.items_[task.target].ids).any()
    return mapper.update(features={task.target: later})


def _told(kind: str, model: str, ids: NDArray, values: NDArray[np.float64]):
    known = ~np.isnan(values)
    yield kind, model, ids[known], values[known]


def baselines(task: Task) -> dict[str, NDArray[np.float64]]:
    """Return for each baseline the scores of the hidden films."""
    kinds = task.train.item_features[task.target]
    popularity = task.train[task.target].matrix.getnnz(axis=0).astype(float)
    known = np.setdiff1d(np.arange(len(popularity)), task.hidden)
    genres = pd.Series([row.tobytes() for row in kinds["genres"].matrix.toarray()])
    steps = kinds["year"].matrix
    years = pd.Series(np.round(2 * (steps @ np.arange(steps.shape[1]))))
    by_genres, by_years = (_means(keys, popularity, known, task.hidden) for keys in (genres, years))
    F = np.column_stack([kinds["genres"].matrix.toarray(), steps, kinds["title"].matrix])
    ridge = RidgeCV(np.logspace(-1, 4, 11)).fit(F[known], np.log(popularity[known] + 0.5))
    return {
        "popularity of the genres": by_genres,
        "popularity of the years": by_years,
        "popularity of genres times years": by_genres * by_years,
        "popularity predicted from all features": ridge.predict(F[task.hidden]),
        "at random": np.random.default_rng(0).random(len(task.hidden)),
    }


def _means(keys: pd.Series, popularity: NDArray, known: NDArray, hidden: NDArray) -> NDArray[np.float64]:
    """Return the mean popularity of the known films with the key of each hidden one, shrunk to the mean."""
    mean = popularity[known].mean()
    groups = pd.Series(popularity[known]).groupby(keys[known].to_numpy())
    shrunk = (groups.sum() + SHRINKAGE * mean) / (groups.count() + SHRINKAGE)
    return keys[hidden].map(shrunk).fillna(mean).to_numpy()


def summarised(table: pd.DataFrame) -> pd.DataFrame:
    """Return NDCG@10 and the difference of tastebridge to each model, all pairs, intervals over users."""
    rows = []
    for kind, part in table.groupby("people"):
        wide = part.pivot(index=["pair", "user_id"], columns="model", values="ndcg@10")
        people = wide.index.get_level_values("user_id").to_numpy()
        for model in wide.columns:
            own = bootstrap_mean(wide[model].to_numpy(), people=people)
            gap = paired_difference(wide[KNOWN].to_numpy(), wide[model].to_numpy(), people=people)
            bounds = (own.mean, own.low, own.high, gap.mean, gap.low, gap.high)
            rows.append((kind, model, len(wide), *bounds))
    names = ["people", "model", "lists", "ndcg", "low", "high", "gap", "gap_low", "gap_high"]
    return pd.DataFrame(rows, columns=names).sort_values(["people", "ndcg"], ignore_index=True)


def by_pair(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return the mean NDCG@10 of both mappers and of the best baseline of each pair."""
    means = table.pivot_table(index=["people", "pair"], columns="model", values="ndcg@10")
    others = means.drop(columns=[KNOWN, LATER])
    return {
        f"{kind} {pair}": {
            KNOWN: round(row[KNOWN], 4),
            LATER: round(row[LATER], 4),
            "best baseline": round(others.loc[(kind, pair)].max(), 4),
        }
        for (kind, pair), row in means.iterrows()
    }


if __name__ == "__main__":
    main()
