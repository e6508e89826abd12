"""Factor models: from a category's histories (users × items) to vectors, and back to scores of its items."""

from tastebridge.factors.als import ALSFactors
from tastebridge.factors.ease import EASEFactors
from tastebridge.factors.svd import SVDFactors

__all__ = ["ALSFactors", "EASEFactors", "SVDFactors"]
