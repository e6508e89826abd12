"""Texts, tags and numbers of items as vectors, for :meth:`tastebridge.Panel.with_item_features`.

Make features once for the items of all categories together: only then do columns mean the same in every
category. Vectors of a language or image model are passed to the panel as they are.
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
