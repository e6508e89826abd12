"""Smaller models: narrower vectors, fewer bits, and the loss."""

from tastebridge.recommenders.compression.compressing import DTYPES, Ground, compressed
from tastebridge.recommenders.compression.judging import Lists, hidden_lists, kinds_of

__all__ = ["DTYPES", "Ground", "Lists", "compressed", "hidden_lists", "kinds_of"]
