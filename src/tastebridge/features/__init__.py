"""Texts, tags and numbers of items as vectors, for :meth:`tastebridge.Panel.with_item_features`.

Make them once for the items of all categories together: only then do their columns mean the same everywhere.
Vectors of a language or image model need nothing of this: pass the matrix itself.
"""

from tastebridge.features.later import later_features
from tastebridge.features.numbers import NumberEncoder, number_features
from tastebridge.features.sentences import sentence_features
from tastebridge.features.tables import table_features
from tastebridge.features.tags import TagEncoder, tag_features
from tastebridge.features.texts import TextEncoder, text_features

__all__ = [
    "NumberEncoder",
    "TagEncoder",
    "TextEncoder",
    "later_features",
    "number_features",
    "sentence_features",
    "table_features",
    "tag_features",
    "text_features",
]
