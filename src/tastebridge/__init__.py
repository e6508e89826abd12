"""Carry a person's interests from the categories where they are known to one where they are not."""

from tastebridge._foundation.version import __version__ as __version__
from tastebridge.baselines import ItemNeighbours, JointALS, Popularity, RecentPopularity, TargetOnly
from tastebridge.data import CleaningPolicy, Panel, Vocabulary, Weighting, read_panel
from tastebridge.evaluation import evaluate, evaluate_ratings, evaluate_sampled
from tastebridge.loading import load
from tastebridge.model.blend import StackingBlend
from tastebridge.recommenders.interest_mapper import InterestMapper
from tastebridge.recommenders.private_mapper import PrivateMapper
from tastebridge.recommenders.rating_mapper import RatingMapper

__all__ = [
    "CleaningPolicy",
    "InterestMapper",
    "ItemNeighbours",
    "JointALS",
    "Panel",
    "Popularity",
    "PrivateMapper",
    "RatingMapper",
    "RecentPopularity",
    "StackingBlend",
    "TargetOnly",
    "Vocabulary",
    "Weighting",
    "evaluate",
    "evaluate_ratings",
    "evaluate_sampled",
    "load",
    "read_panel",
]
