"""The routes a mapper takes when it is not told which."""

from __future__ import annotations

from collections.abc import Mapping

from tastebridge.factors import ALSFactors, SVDFactors
from tastebridge.maps import RidgeMap
from tastebridge.routes import JointRoute, NeighbourRoute, PopularityRoute, Route, TargetRoute, TransferRoute

RANK = 256
"""The largest rank by default."""


def default_routes(limits: Mapping[str, int], target: str, rank: int, random_state: int) -> list[Route]:
    """Return several ranks side by side, the surest links, and all categories as one.

    Parameters
    ----------
    limits : mapping of category to int
        The highest rank the histories of each category allow; ranks above it are lowered.
    target : str
    rank : int
        The largest rank wanted.
    random_state : int
    """
    here = min(limit for name, limit in limits.items() if name != target)
    there = limits[target]

    def svd(wanted: int, limit: int, beta: float = 0.0) -> SVDFactors:
        name = "power" if beta else "ideal"
        k = max(1, min(wanted, rank, limit))
        return SVDFactors(k, filter=name, beta=beta, random_state=random_state)

    als = ALSFactors(
        max(1, min(64, rank, here, there)), regularization=0.1, alpha=5.0, random_state=random_state
    )
    ranks = dict.fromkeys(
        (min(a, here), min(b, there)) for a, b in ((32, 32), (64, 128), (128, 256), (256, 256))
    )
    across = [TransferRoute(svd(a, here), svd(b, there, 1.0), RidgeMap(0.5)) for a, b in ranks]
    return [
        PopularityRoute(),
        *across,
        NeighbourRoute(),
        TargetRoute(svd(64, there)),
        TargetRoute(svd(256, there, 1.0)),
        JointRoute(als),
    ]
