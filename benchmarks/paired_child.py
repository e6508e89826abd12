"""A part of :mod:`benchmarks.paired` with the tree of the package on the path; prints seconds as JSON.

It is run as a file, since an older tree has no such benchmark, and calls only functions that both trees have.
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import tastebridge as tb
from tastebridge.batch import recommend_all
from tastebridge.datasets import make_panel
from tastebridge.factors import ALSFactors, EASEFactors, SVDFactors
from tastebridge.routes import JointRoute, NeighbourRoute, PopularityRoute, TargetRoute, TransferRoute

USERS, ITEMS, OF_THE_FIT, N = 60_000, 5_000, 3_000, 20


def prepare(folder: Path) -> dict[str, float]:
    """Write the events of a panel, and a default model of some of its users."""
    folder.mkdir(parents=True, exist_ok=True)
    panel, _ = make_panel(USERS, ITEMS, n_components=16, popularity=0.6, events_per_user=12)
    frame = panel.to_frame()
    frame.to_parquet(folder / "events.parquet", row_group_size=1 << 18)
    some = frame[frame["user_id"].isin(set(frame["user_id"].unique()[:OF_THE_FIT]))]
    mapper = tb.InterestMapper("films", random_state=0).fit(tb.Panel.from_frame(some))
    mapper.save(folder / "model", with_users=True)
    return {}


def batch(folder: Path) -> dict[str, float]:
    """Lists of all users, from Parquet to Parquet."""
    out = Path(tempfile.mkdtemp(dir=folder))
    mapper = tb.load(folder / "model")
    try:
        return {
            f"recommend_all, {USERS} users": once(
                lambda: recommend_all(mapper, folder / "events.parquet", out / "lists", N)
            )
        }
    finally:
        shutil.rmtree(out)


def requests(folder: Path) -> dict[str, float]:
    """Lists of one user and of 200 users: of the fit, and with a history of their own."""
    mapper = tb.load(folder / "model")
    users = list(mapper.panel_.users.ids[:200])
    frame = mapper.panel_.to_frame().astype({"category": str})
    own = frame[frame["user_id"].isin(set(users))]
    one = own[own["user_id"] == users[0]]
    return {
        "recommend, 200 users": often(lambda: mapper.recommend(users, N), 15),
        "recommend, 1 user": often(lambda: mapper.recommend(users[:1], N), 60),
        "recommend_from, 200 users": often(lambda: mapper.recommend_from(own, N), 15),
        "recommend_from, 1 user": often(lambda: mapper.recommend_from(one, N), 60),
    }


def fit(folder: Path) -> dict[str, float]:
    """A default fit, which learns more in a later tree, and a fit of the same routes in both."""
    panel, _ = make_panel(2000, 500)
    routes = [
        PopularityRoute(),
        NeighbourRoute(),
        TransferRoute(SVDFactors(64), SVDFactors(64)),
        TargetRoute(SVDFactors(64)),
        JointRoute(EASEFactors(64)),
        JointRoute(ALSFactors(64)),
        TargetRoute(ALSFactors(64)),
    ]
    calls = {
        "fit, 2000 users, given routes": tb.InterestMapper("films", routes=routes, random_state=0),
        "fit, 2000 users, default": tb.InterestMapper("films", random_state=0),
    }
    calls["fit, 2000 users, default"].fit(make_panel(300, 100)[0])  # warm
    return {name: once(partial(mapper.fit, panel)) for name, mapper in calls.items()}


def once(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def often(call: Callable[[], object], times: int) -> float:
    """Return the median seconds of a call, after three to warm up."""
    return statistics.median([once(call) for _ in range(times + 3)][3:])


if __name__ == "__main__":
    part, folder = sys.argv[1:]
    parts = {"prepare": prepare, "batch": batch, "requests": requests, "fit": fit}
    print(json.dumps(parts[part](Path(folder))))
