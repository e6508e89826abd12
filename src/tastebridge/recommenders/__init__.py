"""Recommenders: estimators over a fitted model, with frames of ids as input and output."""

from tastebridge.recommenders.base import Recommender, Vectors

__all__ = ["Recommender", "Vectors"]
