"""Fresh events without a refit: speed, and accuracy against a stale and a refitted model.

``python -m benchmarks.live speed`` times updates of a thousand users in a model of a million, ``single``
times ``recommend_from`` for one user, and ``drift --target Drama`` goes through MovieLens in the order of
time and writes ``results/drift-Drama.csv``.
"""

from __future__ import annotations

import argparse
import copy
import time
import warnings
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd

import tastebridge as tb
from benchmarks.environment import RESULTS, data_file
from tastebridge.datasets import load_movielens, make_panel
from tastebridge.exceptions import TastebridgeWarning
from tastebridge.factors import SVDFactors
from tastebridge.maps import RidgeMap
from tastebridge.metrics import ndcg
from tastebridge.routes import NeighbourRoute, PopularityRoute, TargetRoute, TransferRoute

CUTS = (0.4, 0.52, 0.64, 0.76, 0.88, 1.0)
"""The model is fitted on the first part of the events; each later part is first judged, then learned from."""


def drift(target: str) -> None:
    """Judge a stale, an updated and a refitted mapper on users of the next part, new to the target."""
    frame = load_movielens(min_ratings=5000).to_frame().sort_values("timestamp", kind="stable")
    cuts = [int(len(frame) * cut) for cut in CUTS]
    stale = _fit(frame[: cuts[0]], target)
    live, rows = copy.deepcopy(stale), []
    for start, stop in pairwise(cuts):
        known, part = frame[:start], frame[start:stop]
        models = {"stale": stale, "updated": live, "refitted": _fit(known, target)}
        scores = {name: _judge(model, known, part, target) for name, model in models.items()}
        lost = live.drift().set_index("category")
        mean = {name: values.mean() for name, values in scores.items()}
        people = len(scores["stale"])
        rows.append({"known": start, "people": people, **mean, **lost.loc[target, ["new_items", "lost"]]})
        print(rows[-1], flush=True)
        print(lost.round(3).to_string(), flush=True)
        live.update(part)
    pd.DataFrame(rows).to_csv(RESULTS / f"drift-{target}.csv", index=False)


def _fit(rows: pd.DataFrame, target: str) -> tb.InterestMapper:
    return tb.InterestMapper(target, random_state=0).fit(tb.Panel.from_frame(rows))


def _judge(model: tb.InterestMapper, known: pd.DataFrame, part: pd.DataFrame, target: str) -> np.ndarray:
    """Return NDCG@10 of the users of a part, known by all they did elsewhere up to its end."""
    there = part[part["category"] == target]
    elsewhere = pd.concat([known, part])
    elsewhere = elsewhere[(elsewhere["category"] != target) & elsewhere["user_id"].isin(there["user_id"])]
    lists = model.recommend_from(elsewhere, n=10).pivot(index="user_id", columns="rank", values="item_id")
    there = there[there["user_id"].isin(lists.index)]
    items = tb.Vocabulary.from_ids(np.concatenate([there["item_id"], lists.to_numpy().ravel()]), "item_id")
    truth = np.zeros((len(lists), len(items)))
    truth[lists.index.get_indexer(there["user_id"]), items.numbers(there["item_id"])] = 1.0
    best = items.numbers(lists.to_numpy().ravel()).reshape(lists.shape)
    return np.asarray(ndcg(best.astype(np.int32), truth, 10))


def speed(n_people: int) -> None:
    """Time updates of a thousand users with six events each, a tenth of them new, and single users."""
    mapper, ids = _million(n_people)
    rng, times = np.random.default_rng(0), []
    for run in range(10):
        events = _events(mapper, ids, run, rng)
        start = time.perf_counter(), time.process_time()
        mapper.update(events)
        times.append((time.perf_counter() - start[0], time.process_time() - start[1]))
    _say("update of 1,000 people", times)
    times = []
    for start in range(0, 500, 50):
        began = time.perf_counter(), time.process_time()
        mapper.forget(mapper.panel_.users.ids[start : start + 10])
        times.append((time.perf_counter() - began[0], time.process_time() - began[1]))
    _say("forgetting of 10 people", times)


def single() -> None:
    """Time ``recommend_from`` for one user of cloth–sport, by the default mapper."""
    frame = pd.read_parquet(data_file("amazon_cloth_sport_cold.parquet"))
    frame = frame.loc[frame["split"] == "train", ["user_id", "item_id", "category"]]
    mapper = tb.InterestMapper("cloth", random_state=0).fit(tb.Panel.from_frame(frame))
    people = np.random.default_rng(0).permutation(frame["user_id"].unique())[:300]
    frames = [rows for _, rows in frame[frame["user_id"].isin(people)].groupby("user_id")]
    mapper.recommend_from(frames[0])  # arranges the items
    times = []
    for rows in frames:
        start = time.perf_counter(), time.process_time()
        mapper.recommend_from(rows)
        times.append((time.perf_counter() - start[0], time.process_time() - start[1]))
    _say("recommend_from of one person", times)


def _million(n_people: int) -> tuple[tb.InterestMapper, np.ndarray]:
    """Return a mapper of many users with text ids, by few routes of low rank."""
    panel, _ = make_panel(n_people, 5000, ("books", "films"), events_per_user=5)
    ids = np.array([f"person-{number:08d}" for number in panel.users.ids], dtype=object)
    users = tb.Vocabulary(ids, "user_id")
    parts = {name: replace(part, users=users) for name, part in panel.interactions.items()}
    across = TransferRoute(SVDFactors(32), SVDFactors(32, filter="power"), RidgeMap(0.5))
    routes = [PopularityRoute(), NeighbourRoute(), across, TargetRoute(SVDFactors(16))]
    mapper = tb.InterestMapper("films", routes=routes, n_folds=1)
    return mapper.fit(replace(panel, users=users, interactions=parts)), ids


def _events(mapper: tb.InterestMapper, ids: np.ndarray, run: int, rng: np.random.Generator) -> pd.DataFrame:
    who = np.append(rng.choice(ids, 900, replace=False), [f"new-{run}-{number}" for number in range(100)])
    parts = [
        pd.DataFrame({"user_id": np.repeat(who, 3), "item_id": rng.choice(items.ids, 3000), "category": name})
        for name, items in mapper.items_.items()
    ]
    return pd.concat(parts)


def _say(what: str, times: list[tuple[float, float]]) -> None:
    wall, cpu = (1e3 * np.median(part) for part in zip(*times, strict=True))
    print(f"{what}: median {wall:.1f} ms, of which {cpu:.1f} ms of processor, in {len(times)}", flush=True)


def main() -> None:
    """Run a part from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=["drift", "speed", "single"])
    parser.add_argument("--target", default="Drama")
    parser.add_argument("--people", type=int, default=1_000_000)
    given = parser.parse_args()
    warnings.simplefilter("ignore", TastebridgeWarning)
    if given.part == "drift":
        drift(given.target)
    else:
        speed(given.people) if given.part == "speed" else single()


if __name__ == "__main__":
    main()
