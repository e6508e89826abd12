"""How much overlap does it take? ``python -m benchmarks.overlap``.

Of the users who are in both categories of the training data a share stays as they are. Each of the others is
cut in two: their rows in the target go on under a second id, so that every row is still there and only the
link is lost. Users of ``valid`` and the test, whose target rows are hidden, stay. Sampled NDCG@10 over the
test rows, intervals over users. On MovieLens the films are described (genres, years, titles), which only
tastebridge can use. Runs that are in the results already are not repeated.
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.environment import RESULTS
from benchmarks.model import MODELS
from benchmarks.protocols.sampled import DRAW, row_ranks
from benchmarks.task import TASKS, Task
from tastebridge.data import Panel
from tastebridge.datasets import load_movielens
from tastebridge.evaluation import draw_negatives
from tastebridge.exceptions import TastebridgeError, TastebridgeWarning
from tastebridge.metrics import rank_ndcg
from tastebridge.metrics.intervals import bootstrap_mean

SHARES = (100, 50, 20, 10, 5, 1, 0)
TASK_NAMES = ("cloth<-sport cold", "movielens Drama<-Action", "movielens Crime<-Comedy")
MODEL_NAMES = ("popularity", "ials joint", "emcdr", "ptupcdr", "tastebridge")
OUTPUT = RESULTS / "overlap.csv"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", nargs="+", default=TASK_NAMES)
    parser.add_argument("--models", nargs="+", default=MODEL_NAMES)
    parser.add_argument("--shares", nargs="+", type=int, default=SHARES)
    parser.add_argument("--seconds", type=float, default=120.0, help="the clock of each deep model")
    args = parser.parse_args()
    known = pd.read_csv(OUTPUT) if OUTPUT.exists() else pd.DataFrame(columns=["task", "share", "model"])
    done = set(known[["task", "share", "model"]].itertuples(index=False, name=None))
    for name in args.tasks:
        whole = TASKS.load()[name].make(0)
        for share in args.shares:
            task = cut(described(whole), share, seed=0)
            for model in args.models:
                if (name, share, model) not in done:
                    row = measured(task, model, args.seconds)
                    row = {"task": name, "share": share, "linked": n_linked(task), "model": model, **row}
                    known = pd.concat([known, pd.DataFrame([row])], ignore_index=True)
                    known.to_csv(OUTPUT, index=False, float_format="%.5f")
                    print(row, flush=True)


def described(task: Task) -> Task:
    """Return a task of MovieLens with its films described; others as they are."""
    if not task.name.startswith("movielens"):
        return task
    features = load_movielens(item_features=True).item_features
    return with_panel(task, _with_features(task.panel, features))


def _with_features(panel: Panel, features: dict) -> Panel:
    for category in panel.categories:
        for name, given in features.get(category, {}).items():
            panel = panel.with_item_features(category, given, name=name, new_items=False)
    return panel


def with_panel(task: Task, panel: Panel) -> Task:
    """Return the task with another training panel; users of ``valid`` are others than those of the test."""
    return Task(task.name, task.target, panel, task.truth, panel, task.valid, task.kind)


def cut(task: Task, share: int, seed: int) -> Task:
    """Leave so many percent of the linked users whole and cut the others in two."""
    panel = task.panel
    numbers = np.flatnonzero(_linked(task))
    order = np.random.default_rng(seed).permutation(numbers)
    halved = panel.users.ids[order[round(len(order) * share / 100) :]]
    frame = panel.to_frame()
    there = (frame["category"] == task.target) & frame["user_id"].isin(halved)
    ids = frame["user_id"]
    fresh = ids + 1 + ids.max() if pd.api.types.is_integer_dtype(ids) else ids + " (target)"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TastebridgeWarning)
        made = Panel.from_frame(frame.assign(user_id=ids.where(~there, fresh)))
    return with_panel(task, _with_features(made, panel.item_features))


def _linked(task: Task) -> NDArray[np.bool_]:
    here = np.zeros(len(task.panel), dtype=bool)
    there = np.diff(task.panel[task.target].matrix.indptr) > 0
    for name in task.panel.categories:
        here |= (np.diff(task.panel[name].matrix.indptr) > 0) & (name != task.target)
    return here & there


def n_linked(task: Task) -> int:
    return int(_linked(task).sum())


def measured(task: Task, name: str, seconds: float) -> dict[str, float]:
    """Return sampled NDCG@10 of a model with its interval; NaN where it cannot do without linked users."""
    kind = MODELS.load()[name]
    settings = {"seconds": seconds} if kind.role == "deep" else {}
    start = time.perf_counter()
    people = np.unique(task.truth["user_id"].to_numpy())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TastebridgeWarning)
            model = kind(seed=0, **settings).fit(task)
        scores = model.scores(people)
    except (TastebridgeError, ValueError, RuntimeError) as error:
        print(f"{name}: {error}", flush=True)
        return {"ndcg": np.nan, "low": np.nan, "high": np.nan, "fit": np.nan}
    spent = time.perf_counter() - start
    ranks = row_ranks(task.split, people, scores, draw_negatives(task.split, random_state=DRAW))
    found = bootstrap_mean(rank_ndcg(ranks, 10), people=task.truth["user_id"].to_numpy())
    stopped = {"stopped_by_clock": model.notes.get("stopped_by_clock", "")}
    return {"ndcg": found.mean, "low": found.low, "high": found.high, "fit": spent, **stopped}


if __name__ == "__main__":
    main()
