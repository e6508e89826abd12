"""The value of each kind of route: the defaults, and the defaults without it, on the users of ``valid``.

``python -m benchmarks.ablation`` fits one mapper a task and kind of route, ranks the held-out rows of
``valid`` among 999 others, and writes ``results/ablation.csv``: NDCG@10, with and without twins, and the
paired difference to the defaults with its interval over users. The test rows are not read. ``--tasks``
takes names or patterns.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.protocols.groups import row_groups
from benchmarks.protocols.sampled import row_ranks
from benchmarks.task import TASKS, Task
from benchmarks.valid import run
from tastebridge import InterestMapper
from tastebridge.evaluation import draw_negatives
from tastebridge.exceptions import TastebridgeWarning
from tastebridge.factors import ALSFactors, EASEFactors, SVDFactors
from tastebridge.fitting.default_routes import RANK, default_routes
from tastebridge.metrics import rank_ndcg
from tastebridge.metrics.intervals import paired_difference
from tastebridge.routes import JointRoute, NeighbourRoute, Route, TargetRoute, TransferRoute

_TASKS = ["cloth<-*", "sport<-cloth*", "phone<-*", "sport<-phone*", "movielens Drama<-Comedy"]
_DRAW = 1
"""Another draw of the 999 than the test's."""


def _across(route: Route, factors: type) -> bool:
    return isinstance(route, TransferRoute) and isinstance(route.source_factors, factors)


def _joint(route: Route, factors: type) -> bool:
    return isinstance(route, JointRoute) and isinstance(route.factors, factors)


KINDS: dict[str, Callable[[Route], bool]] = {
    "links between single items": lambda route: isinstance(route, NeighbourRoute),
    "SVD → ridge → SVD": lambda route: _across(route, SVDFactors),
    "… of target rank 32": lambda route: (
        _across(route, SVDFactors) and route.get_params()["target_factors"].n_components == 32
    ),
    "ALS → ridge → ALS": lambda route: _across(route, ALSFactors),
    "joint ALS": lambda route: _joint(route, ALSFactors),
    "joint SVD": lambda route: _joint(route, SVDFactors),
    "joint EASE": lambda route: _joint(route, EASEFactors),
    "factors of the target alone": lambda route: isinstance(route, TargetRoute),
}


def variants(task: Task) -> Iterator[tuple[str, list[Route]]]:
    """Yield the default routes, and the default routes without each kind."""
    routes = default_routes(dict.fromkeys(task.valid_panel.categories, RANK), task.target, RANK, 0)
    yield "defaults", routes
    for name, belongs in KINDS.items():
        yield f"without {name}", [route for route in routes if not belongs(route)]


def judged(task: Task, routes: list[Route]) -> NDArray[np.float64]:
    """Return NDCG@10 of every held-out row of ``valid``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TastebridgeWarning)
        mapper = InterestMapper(task.target, routes=routes).fit(task.valid_panel)
    people = task.valid_split.user_ids
    scores = mapper.user_vectors(people).vectors @ mapper.item_vectors().vectors.T
    negatives = draw_negatives(task.valid_split, random_state=_DRAW)
    return np.asarray(rank_ndcg(row_ranks(task.valid_split, people, scores, negatives), 10))


def ablate(name: str) -> pd.DataFrame:
    """Return a row for each variant and group of rows of a task."""
    task = TASKS[name].make(0).as_validation()
    people = task.truth["user_id"].to_numpy()
    groups = {key: mask for key, mask in row_groups(task) if key in ("all", "without twins")}
    rows, base = [], None
    for variant, routes in variants(task):
        values = judged(task, routes)
        base = values if base is None else base
        for group, mask in groups.items():
            gap = paired_difference(values[mask], base[mask], people=people[mask])
            rows.append((name, variant, group, values[mask].mean(), gap.mean, gap.low, gap.high))
        print(name, variant, *(f"{values[mask].mean():.4f}" for mask in groups.values()), flush=True)
    columns = ["task", "variant", "rows", "ndcg@10", "difference", "difference_low", "difference_high"]
    return pd.DataFrame(rows, columns=columns)


if __name__ == "__main__":
    run(__doc__, _TASKS, ablate, "ablation")
