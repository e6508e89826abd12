"""Do weights help users new to a category, and does the choice of a weighting ever cost? On planted panels.

``python -m benchmarks.weights`` fits the mapper with the weighting it chooses out of fold, and with every
event alike, and compares both on held-out users. The panels are plays as on a music service, a shop with
views and purchases, and the same with weights that say nothing. About 15 minutes of one core.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

import tastebridge as tb
from tastebridge._numerics.threads import one_blas_thread
from tastebridge.data import Panel, Weighting
from tastebridge.datasets import make_scenario
from tastebridge.evaluation import user_scores
from tastebridge.exceptions import TastebridgeWarning
from tastebridge.fitting.event_type_choice import choose_event_weights
from tastebridge.fitting.weighting_choice import choose_weighting
from tastebridge.metrics.intervals import bootstrap_mean
from tastebridge.splits import cold_users

N_USERS, N_GROUPS, GROUP = 800, 10, 20


class Result(NamedTuple):
    """The result on one panel: the choice, NDCG@10 of held-out users both ways, and seconds."""

    chosen: str
    alike: np.ndarray
    own: np.ndarray
    fit: float
    choice: float


def plays(seed: int, telling: bool) -> tuple[Panel, str]:
    """Return plays of artists and podcasts: heavy ones follow taste if telling, and are by chance otherwise.

    Play counts have a long tail, as in logs of music services: most pairs have a few plays, some hundreds.
    """
    rng, rows = np.random.default_rng(seed), []
    for user in range(N_USERS):
        own = rng.choice(N_GROUPS, 2, replace=False)
        for category in ("artists", "podcasts"):
            for _ in range(rng.integers(8, 20)):
                liked = rng.random() < 0.35
                group = rng.choice(own) if liked else rng.integers(N_GROUPS)
                heavy = liked if telling else rng.random() < 0.35
                count = 1 + rng.geometric(0.02 if heavy else 0.5)
                rows.append((user, f"{category} {group}-{int(GROUP * rng.random() ** 2)}", category, count))
    return Panel.from_frame(
        pd.DataFrame(rows, columns=["user_id", "item_id", "category", "weight"])
    ), "podcasts"


def shop(seed: int, browsing: float) -> tuple[Panel, str]:
    """Return the scenario of a shop, where a share of events are views without taste."""
    return make_scenario("shop", N_USERS, seed, browsing=browsing), "clothing"


def types(seed: int) -> tuple[Panel, str]:
    """Return views by chance and purchases by taste, weighted as chosen from the training rows."""
    rng, rows = np.random.default_rng(seed), []
    for user in range(N_USERS):
        own = rng.integers(N_GROUPS)
        for category in ("books", "films"):
            for _ in range(rng.integers(10, 24)):
                bought = rng.random() < 0.2
                group = own if bought or rng.random() < 0.15 else rng.integers(N_GROUPS)
                kind = "purchase" if bought else "view"
                rows.append((user, f"{category} {group}-{rng.integers(GROUP)}", category, kind))
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "category", "event"])
    # the choice sees no target row of the users to be held out
    split = cold_users(Panel.from_frame(frame), "films", random_state=0)
    hidden = frame["user_id"].isin(split.user_ids) & (frame["category"] == "films")
    weights, _ = choose_event_weights(frame[~hidden], "films")
    return Panel.from_frame(frame, event_weights=weights), "films"


PANELS: dict[str, Callable[[int], tuple[Panel, str]]] = {
    "plays that follow taste": lambda seed: plays(seed, telling=True),
    "plays by chance": lambda seed: plays(seed, telling=False),
    "shop, half of events views by chance": lambda seed: shop(seed, 0.5),
    "shop, types by chance": lambda seed: shop(seed, 0.0),
    "views by chance, purchases by taste": types,
}


def judged(panel: Panel, target: str) -> Result:
    """Return NDCG@10 of held-out users with the chosen weighting and with equal weights."""
    split = cold_users(panel, target, random_state=0)
    start = time.perf_counter()
    with one_blas_thread():
        choose_weighting(split.train, [target])
    choice = time.perf_counter() - start
    start = time.perf_counter()
    alike = tb.InterestMapper(target, n_jobs=1, weighting=Weighting("binary")).fit(split.train)
    seconds = time.perf_counter() - start
    chosen = tb.InterestMapper(target, n_jobs=1).fit(split.train)
    own, same = (user_scores(mapper, split, ["ndcg@10"])["ndcg@10"].to_numpy() for mapper in (chosen, alike))
    return Result(chosen.weighting_.scheme, same, own, seconds, choice)


def main() -> None:
    """Judge every kind of panel and print one row for each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--panels", type=int, default=4, help="panels of each kind")
    given = parser.parse_args()
    warnings.simplefilter("ignore", TastebridgeWarning)
    print("| panel | chosen | all alike | chosen weighting | difference | seconds: fit, choice |")
    print("|---" * 6 + "|")
    for name, make in PANELS.items():
        results = [judged(*make(seed)) for seed in range(given.panels)]
        gap = bootstrap_mean(np.concatenate([one.own - one.alike for one in results]))
        alike, own = (
            np.concatenate([getattr(one, key) for one in results]).mean() for key in ("alike", "own")
        )
        schemes = pd.Series([one.chosen for one in results]).value_counts()
        told = ", ".join(f"{scheme} {count}" for scheme, count in schemes.items())
        fit, choice = (np.mean([getattr(one, key) for one in results]) for key in ("fit", "choice"))
        print(f"| {name} | {told} | {alike:.4f} | {own:.4f} | {gap} | {fit:.1f}, {choice:.1f} |", flush=True)


if __name__ == "__main__":
    main()
