"""Interactions of users and items in categories, and the way from raw events to clean ones."""

from tastebridge.data.cleaning import CleaningPolicy, CleaningReport
from tastebridge.data.files.options import ReadingOptions
from tastebridge.data.interactions import Interactions
from tastebridge.data.item_features import ItemFeatures
from tastebridge.data.panel import Panel
from tastebridge.data.reading import read_panel
from tastebridge.data.vocabulary import Vocabulary
from tastebridge.data.weighting import Weighting

__all__ = [
    "CleaningPolicy",
    "CleaningReport",
    "Interactions",
    "ItemFeatures",
    "Panel",
    "ReadingOptions",
    "Vocabulary",
    "Weighting",
    "read_panel",
]
