"""Factor models: a category's histories (people × items) to vectors, and back to scores over its items."""

from tastebridge.factors.als import ALSFactors
from tastebridge.factors.ease import EASEFactors
from tastebridge.factors.svd import SVDFactors

__all__ = ["ALSFactors", "EASEFactors", "SVDFactors"]
