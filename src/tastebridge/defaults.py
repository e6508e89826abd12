"""The routes a mapper takes when it is not told which."""

from __future__ import annotations

from collections.abc import Mapping

from tastebridge.factors import ALSFactors, EASEFactors, SVDFactors
from tastebridge.maps import RidgeMap
from tastebridge.routes import JointRoute, NeighbourRoute, PopularityRoute, Route, TargetRoute, TransferRoute

RANK = 128
"""The largest rank by default."""
_RANKS = ((128, 32), (128, 128))
"""Ranks of source and target factors, side by side."""


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
    here = {name: limit for name, limit in limits.items() if name != target}
    there = limits[target]

    def svd(wanted: int, limit: int, beta: float = 0.0) -> SVDFactors:
        name = "power" if beta else "ideal"
        return SVDFactors(min(wanted, rank, limit), filter=name, beta=beta, random_state=random_state)

    def als(limit: int, alpha: float, penalty: float) -> ALSFactors:
        k = min(64, rank, limit)
        return ALSFactors(k, penalty, alpha, random_state=random_state)

    def across(source: str, limit: int) -> list[Route]:
        ranks = dict.fromkeys((min(a, rank, limit), min(b, rank, there)) for a, b in _RANKS)
        spectral = [
            TransferRoute(svd(a, limit), svd(b, there, 1.0), RidgeMap(0.5), [source]) for a, b in ranks
        ]
        weighted = TransferRoute(als(limit, 5.0, 0.1), als(there, 5.0, 0.1), RidgeMap(0.5), [source])
        return [*spectral, weighted]

    return [
        PopularityRoute(),
        *(route for source, limit in here.items() for route in across(source, limit)),
        NeighbourRoute(),
        TargetRoute(svd(64, there)),
        TargetRoute(als(there, 5.0, 0.1)),
        JointRoute(als(there, 20.0, 1.0)),
        JointRoute(svd(64, there, 1.0)),
        JointRoute(EASEFactors(min(rank, there), random_state=random_state)),
    ]
