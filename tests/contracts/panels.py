"""Small panels drawn by Hypothesis, small recommenders, and how many panels a run tries."""

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

import tastebridge as tb
from contracts.nightly import SHARE, trials
from tastebridge.factors import ALSFactors, EASEFactors, SVDFactors
from tastebridge.routes import JointRoute, NeighbourRoute, TargetRoute, TransferRoute

CATEGORIES = ("books", "films", "music")
IDS = {
    "text": lambda kind, n: [f"{kind}{number:03d}" for number in range(n)],
    "text of any length": lambda kind, n: [f"{kind} {number}" for number in range(n)],
    "odd text": lambda kind, n: [
        f'{number},"{kind}\N{LATIN SMALL LETTER E WITH ACUTE}' for number in range(n)
    ],
    "numbers": lambda kind, n: list(range(1000 * len(kind), 1000 * len(kind) + n)),
}


def tried(n):
    """The settings of a test over so many panels, or up to 34 times as many in the nightly mode."""
    return settings(
        max_examples=trials(n, 34 * n),
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=not SHARE,
        database=None,
    )


@st.composite
def events(draw, least=2, most=24, repeats=True):
    """A frame of events: weights are sums of halves, so that they add up without rounding in any order."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_users, names = draw(st.integers(least, most)), CATEGORIES[: draw(st.integers(2, 3))]
    shared, shape = draw(st.sampled_from([0.9, 0.5, 0.2])), draw(st.sampled_from(["any", "one each", "flat"]))
    kind = draw(st.sampled_from(sorted(IDS)))
    users, rows = IDS[kind]("u", n_users), []
    for name in names:
        n_items = draw(st.integers(1, 10))
        items = IDS[kind](name, n_items)
        for number, user in enumerate(users):
            if rng.random() > shared and CATEGORIES[number % len(names)] != name:
                continue
            n = {"any": rng.integers(1, n_items + 1), "one each": 1, "flat": min(3, n_items)}[shape]
            rows += [(user, items[item], name) for item in rng.choice(n_items, n, replace=False)]
    rows = rows or [(users[0], IDS[kind](name, 1)[0], name) for name in names]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "category"])
    frame["weight"] = rng.choice([0.5, 1.0, 2.0, 3.5], len(frame))
    frame["timestamp"] = 1_600_000_000 + rng.integers(0, 10_000_000, len(frame))
    if repeats and draw(st.booleans()):
        again = frame.sample(frac=0.3, random_state=0)
        again["weight"], again["timestamp"] = 1.5, again["timestamp"] + 1  # the later rating counts
        frame = pd.concat([frame, again])
    return frame.reset_index(drop=True)


def panel_of(kind, frame):
    """The panel as ``fit`` makes it of a frame: the last of several ratings counts, events add up."""
    return tb.Panel.from_frame(frame, policy=policy_of(kind))


def policy_of(kind):
    """The policy by which ``fit`` cleans a frame."""
    return tb.RatingMapper.policy if kind == "ratings" else tb.CleaningPolicy()


def routes():
    """One route of every kind over shared users, of low rank."""
    return [
        TargetRoute(SVDFactors(1)),
        TransferRoute(SVDFactors(1), SVDFactors(1)),
        NeighbourRoute(min_users=1),
        JointRoute(EASEFactors(1)),
    ]


SMALL = {"n_folds": 1, "n_lists": 40, "n_negatives": 4, "n_jobs": 1}
RECOMMENDERS = {
    "mapper": lambda **given: tb.InterestMapper("films", routes=routes(), **SMALL, **given),
    "several": lambda **given: tb.InterestMapper(["films", "books"], routes=routes(), **SMALL, **given),
    "popularity": lambda **given: tb.Popularity("films"),
    "neighbours": lambda **given: tb.ItemNeighbours("films", **given),
    "target": lambda **given: tb.TargetOnly("films", SVDFactors(1)),
    "joint": lambda **given: tb.JointALS("films", factors=ALSFactors(1, n_jobs=1), **given),
    "recent": lambda **given: tb.RecentPopularity("films", half_life=30.0),
    "ratings": lambda **given: tb.RatingMapper("films", **given),
}
