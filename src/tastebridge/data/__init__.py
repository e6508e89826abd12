"""What an interaction is: people, items, the categories they meet in; and how raw events become clean."""

from tastebridge.data.cleaning import CleaningPolicy, CleaningReport
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
    "Vocabulary",
    "Weighting",
    "read_panel",
]
