"""Relatedness of categories, and the directions of taste they share."""

from tastebridge.diagnostics.relatedness.directions import described, learn_directions, taste
from tastebridge.diagnostics.relatedness.items import chance_agreement, item_agreement
from tastebridge.diagnostics.relatedness.pairs import relatedness, relatedness_of

__all__ = [
    "chance_agreement",
    "described",
    "item_agreement",
    "learn_directions",
    "relatedness",
    "relatedness_of",
    "taste",
]
