"""What every recommender of the package can do once its model is fitted: frames of ids in and out."""

from tastebridge.recommenders.base import Recommender, Vectors

__all__ = ["Recommender", "Vectors"]
