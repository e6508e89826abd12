"""Recommenders: estimators over a fitted model, with frames of ids as input and output."""

from tastebridge.model.list_rules import ListOptions
from tastebridge.recommenders.base import Recommender, Vectors
from tastebridge.recommenders.related import RelatedOptions

__all__ = ["ListOptions", "Recommender", "RelatedOptions", "Vectors"]
