"""The value of each kind of route: the defaults, and the defaults without it, on the users of ``valid``.

``python -m benchmarks.ablation`` fits one mapper a task and kind of route, ranks the held-out rows of
``valid`` among 999 others, and writes ``results/ablation.csv``: NDCG@10, with and without twins, and the
paired difference to the defaults with its interval over users. The test rows are not read. ``--tasks``
takes names or patterns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmarks.task import Task
from benchmarks.valid import run
from tastebridge import InterestMapper
from tastebridge.factors import ALSFactors, EASEFactors, SVDFactors
from tastebridge.fitting.default_routes import RANK, default_routes
from tastebridge.routes import JointRoute, NeighbourRoute, Route, TargetRoute, TransferRoute

_TASKS = ["cloth<-*", "sport<-cloth*", "phone<-*", "sport<-phone*", "movielens Drama<-Comedy"]


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


def recommenders(task: Task) -> Iterator[tuple[str, InterestMapper]]:
    """Yield a mapper for each list of routes."""
    for name, routes in variants(task):
        yield name, InterestMapper(task.target, routes=routes)


if __name__ == "__main__":
    run(__doc__, _TASKS, recommenders, "ablation")
