"""Baselines: honest recommenders to be beaten, with the same methods as the mapper."""

from tastebridge.baselines.joint import JointALS
from tastebridge.baselines.neighbours import ItemNeighbours
from tastebridge.baselines.popularity import Popularity
from tastebridge.baselines.rating import RatingBaseline
from tastebridge.baselines.recent_popularity import RecentPopularity
from tastebridge.baselines.target import TargetOnly

__all__ = [
    "ItemNeighbours",
    "JointALS",
    "Popularity",
    "RatingBaseline",
    "RecentPopularity",
    "TargetOnly",
]
