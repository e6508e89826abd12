"""Do related items go with an item? ``python -m benchmarks.related [NAME …]``.

Users with hidden rows in the target are asked about one item at a time: an item of a source ("cross"), or one
of the hidden items themselves ("within"). The other hidden items are to be found among all target items. A
user's figure is the mean over at most five of their items. Twins of the item are not to be found, and no list
holds them. Settings of the opponents are chosen on the users of ``valid``. Figures are on ``test``.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from implicit.cpu.als import AlternatingLeastSquares
from numpy.typing import NDArray
from scipy import sparse

import tastebridge as tb
from benchmarks.environment import RESULTS, data_file
from benchmarks.task import binary
from tastebridge.metrics import catalogue_coverage, ndcg, recall
from tastebridge.metrics.intervals import bootstrap_mean, paired_difference

N, MOST = 10, 5
TASKS = {
    "sport": ("amazon_cloth_sport_cold.parquet", "sport"),
    "cloth": ("amazon_cloth_sport_cold.parquet", "cloth"),
    "ciao": ("ciao_cold.parquet", None),
}
"""The file and the target of each task; None for the target with the most rows."""
Lists = NDArray[np.int64]
Scored = Callable[["Asked"], np.ndarray]


class Asked(NamedTuple):
    """Items asked about: their users, category and numbers, and what is to be found for each."""

    users: np.ndarray
    categories: np.ndarray
    numbers: np.ndarray
    truth: sparse.csr_matrix


class World(NamedTuple):
    """The training data of a task, the model, and the pairs that are one item or twins."""

    panel: tb.Panel
    target: str
    mapper: tb.InterestMapper
    closed: dict[str, sparse.csr_matrix]


def main() -> None:
    path = RESULTS / "related.json"
    figures = json.loads(path.read_text()) if path.exists() else {}
    for name in sys.argv[1:] or TASKS:
        figures[name] = figures_of(*TASKS[name])
        print(json.dumps({name: figures[name]}, indent=1), flush=True)
        RESULTS.mkdir(exist_ok=True)
        path.write_text(json.dumps(figures, indent=1) + "\n")


def figures_of(file: str, target: str | None) -> dict[str, object]:
    """Return the figures of one task, for both kinds of questions."""
    rows = pd.read_parquet(data_file(file))
    train = rows[rows["split"] == "train"]
    target = target or str(rows.loc[rows["split"] == "test", "category"].value_counts().index[0])
    panel = tb.Panel.from_frame(train[["user_id", "item_id", "category"]])
    start = time.perf_counter()
    mapper = tb.InterestMapper(target, random_state=0).fit(panel)
    world = World(panel, target, mapper, _closed(panel, target, mapper))
    found: dict[str, object] = {"target": target, "fit_seconds": round(time.perf_counter() - start, 1)}
    for kind in ("cross", "within"):
        valid, test = (_asked(world, rows[rows["split"] == part], kind) for part in ("valid", "test"))
        found[kind] = _contest(world, valid, test)
    return found


def _contest(world: World, valid: Asked, test: Asked) -> dict[str, object]:
    """Return the figures of every method, the settings of opponents chosen on ``valid``."""
    chosen: dict[str, tuple[str, Lists]] = {"tastebridge": ("", _ours(world, test))}
    chosen["one event (recommend_from)"] = ("", _one_event(world, test))
    for name, settings in _opponents(world).items():
        values = {
            setting: _per_user(valid, _best(world, valid, scored))["ndcg"].mean()
            for setting, scored in settings.items()
        }
        best = max(values, key=lambda setting: values[setting])
        chosen[name] = (best, _best(world, test, settings[best]))
    values = {name: _per_user(test, lists) for name, (_, lists) in chosen.items()}
    n_items = len(world.panel[world.target].items)
    table = {}
    for name, (setting, lists) in chosen.items():
        means = {metric: bootstrap_mean(values[name][metric]) for metric in values[name]}
        table[name] = {
            **{metric: [round(100 * part, 3) for part in _bounds(mean)] for metric, mean in means.items()},
            "coverage": round(catalogue_coverage(lists, n_items), 4),
            "setting": setting,
        }
        if name != "tastebridge":
            change = paired_difference(values["tastebridge"]["ndcg"], values[name]["ndcg"])
            table[name]["tastebridge is better by"] = [round(100 * part, 3) for part in _bounds(change)]
    return {"users": len(np.unique(test.users)), "items": len(test.users), "methods": table}


def _bounds(interval) -> tuple[float, float, float]:
    return interval.mean, interval.low, interval.high


def _asked(world: World, held: pd.DataFrame, kind: str) -> Asked:
    """Return at most five items of each user with hidden rows, and the rows to find."""
    items, rng = world.panel[world.target].items, np.random.default_rng(0)
    held = held[held["category"] == world.target]
    held = held.assign(number=items.numbers(held["item_id"].to_numpy(), missing="negative"))
    hidden = held[held["number"] >= 0].groupby("user_id")["number"].agg(np.unique)
    asked: list[tuple[object, str, int, np.ndarray]] = []
    for user, numbers in hidden.items():
        pairs = [(world.target, int(one)) for one in numbers] if kind == "within" else _had(world, user)
        for place in rng.permutation(len(pairs))[:MOST]:
            category, one = pairs[place]
            closed = world.closed[category][[one]].indices
            left = np.setdiff1d(numbers, closed)
            if len(left):
                asked.append((user, category, one, left))
    users, categories, numbers, truth = zip(*asked, strict=True)
    indptr = np.cumsum([0, *(len(one) for one in truth)])
    shape = (len(asked), len(items))
    matrix = sparse.csr_matrix((np.ones(indptr[-1]), np.concatenate(truth), indptr), shape=shape)
    return Asked(np.array(users), np.array(categories), np.array(numbers), matrix)


def _had(world: World, user: object) -> list[tuple[str, int]]:
    """Return the items of a user in the sources."""
    row = world.panel.users.numbers([user], missing="negative")[0]
    sources = [name for name in world.panel.categories if name != world.target]
    return [
        (name, int(one)) for name in sources if row >= 0 for one in world.panel[name].matrix[[row]].indices
    ]


def _closed(panel: tb.Panel, target: str, mapper: tb.InterestMapper) -> dict[str, sparse.csr_matrix]:
    """Return for each category the pairs of its items and target items that are one item or twins."""
    items, found = panel[target].items, {}
    for name in panel.categories:
        own = panel[name].items
        if name == target:
            found[name] = sparse.identity(len(own), format="csr")
            continue
        twins = mapper.twins_[mapper.twins_["source"] == name]
        where = (own.numbers(twins["source_item"].tolist()), items.numbers(twins["item"].tolist()))
        found[name] = sparse.csr_matrix((np.ones(len(twins)), where), shape=(len(own), len(items)))
    return found


def _ours(world: World, asked: Asked) -> Lists:
    """Return the lists of ``related``."""
    lists = np.full((len(asked.users), N), -1)
    for name, at in _by_category(asked):
        unique, place = np.unique(asked.numbers[at], return_inverse=True)
        ids = world.panel[name].items.ids_of(unique)
        found = world.mapper.related(ids.tolist(), N, of=name)
        numbers = world.panel[world.target].items.numbers(found["related_item_id"])
        lists[at] = numbers.reshape(len(unique), N)[place]
    return lists


def _one_event(world: World, asked: Asked) -> Lists:
    """Return the lists of users with the one event: the whole score, with its popularity."""
    lists = np.full((len(asked.users), N), -1)
    for name, at in _by_category(asked):
        events = pd.DataFrame({"user_id": [f"{row:09}" for row in at], "category": name})
        events["item_id"] = world.panel[name].items.ids_of(asked.numbers[at])
        found = world.mapper.recommend_from(events, N)
        lists[at] = world.panel[world.target].items.numbers(found["item_id"]).reshape(len(at), N)
    return lists


def _by_category(asked: Asked) -> Iterator[tuple[str, np.ndarray]]:
    for name in np.unique(asked.categories):
        yield str(name), np.flatnonzero(asked.categories == name)


def _opponents(world: World) -> dict[str, dict[str, Scored]]:
    """Return the scores of every opponent by setting."""
    X = {name: binary(world.panel[name].matrix).astype(np.float64) for name in world.panel.categories}
    counts = np.asarray(X[world.target].sum(axis=0)).ravel()
    popular = counts / counts.max()

    def neighbours(shrinkage: float) -> Scored:
        def scored(asked: Asked) -> np.ndarray:
            out = np.empty((len(asked.users), len(counts)))
            for name, at in _by_category(asked):
                own = X[name][:, asked.numbers[at]]
                sizes = np.asarray(own.sum(axis=0)).ravel()
                common = (own.T @ X[world.target]).toarray()
                out[at] = common / (np.sqrt(np.outer(sizes, np.maximum(counts, 1))) + shrinkage + 1e-9)
            return out + 1e-6 * popular

        return scored

    def factors(n: int, alpha: float) -> Scored:
        fitted: list[dict[str, np.ndarray]] = []

        def scored(asked: Asked) -> np.ndarray:
            if not fitted:
                fitted.append(_factors(X, n, alpha))
            out = np.empty((len(asked.users), len(counts)), dtype=np.float32)
            for name, at in _by_category(asked):
                out[at] = fitted[0][name][asked.numbers[at]] @ fitted[0][world.target].T
            return out

        return scored

    return {
        "popularity": {"": lambda asked: np.tile(popular, (len(asked.users), 1))},
        "item kNN, cosine": {f"shrinkage {one:g}": neighbours(one) for one in (0.0, 5.0, 20.0)},
        "implicit similar_items": {
            f"{n} factors, alpha {alpha:g}": factors(n, alpha)
            for n, alpha in ((32, 10.0), (64, 10.0), (128, 10.0), (64, 40.0))
        },
    }


def _factors(X: dict[str, sparse.csr_matrix], n: int, alpha: float) -> dict[str, np.ndarray]:
    """Return the factors of the items of all categories side by side, of length 1 as in ``similar_items``."""
    model = AlternatingLeastSquares(n, alpha=alpha, random_state=0, num_threads=1)
    model.fit(sparse.csr_matrix(sparse.hstack(list(X.values())), dtype=np.float32), show_progress=False)
    F = model.item_factors
    F = F / np.maximum(np.linalg.norm(F, axis=1, keepdims=True), 1e-12)
    ends = np.cumsum([part.shape[1] for part in X.values()])[:-1]
    return dict(zip(X, np.split(F, ends), strict=True))


def _best(world: World, asked: Asked, scored: Scored) -> Lists:
    """Return the best items by scores, without the item itself and its twins."""
    lists = []
    for start in range(0, len(asked.users), 512):
        rows = slice(start, start + 512)
        some = Asked(asked.users[rows], asked.categories[rows], asked.numbers[rows], asked.truth[rows])
        scores = scored(some)
        for name, at in _by_category(some):
            row, column = world.closed[name][some.numbers[at]].nonzero()
            scores[at[row], column] = -np.inf
        best = np.argpartition(-scores, N, axis=1)[:, :N]
        order = np.argsort(-np.take_along_axis(scores, best, 1), axis=1, kind="stable")
        lists.append(np.take_along_axis(best, order, 1))
    return np.concatenate(lists)


def _per_user(asked: Asked, lists: Lists) -> dict[str, np.ndarray]:
    """Return the mean of each metric over the items of each user."""
    _, user = np.unique(asked.users, return_inverse=True)
    counts = np.bincount(user)
    values = {"ndcg": ndcg(lists, asked.truth, N), "recall": recall(lists, asked.truth, N)}
    return {name: np.bincount(user, value) / counts for name, value in values.items()}


if __name__ == "__main__":
    main()
