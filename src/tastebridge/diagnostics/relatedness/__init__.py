"""How closely categories are related, and along which directions of taste."""

from tastebridge.diagnostics.relatedness.directions import described, learn_directions, taste
from tastebridge.diagnostics.relatedness.items import item_agreement
from tastebridge.diagnostics.relatedness.pairs import relatedness, relatedness_of

__all__ = ["described", "item_agreement", "learn_directions", "relatedness", "relatedness_of", "taste"]
