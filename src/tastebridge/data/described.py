"""Features of items given by category, whether or not anything happened to the items meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from scipy import sparse

from tastebridge._foundation.validation import check_category
from tastebridge.data.alignment import with_items
from tastebridge.data.interactions import Interactions
from tastebridge.data.item_features import ItemFeatures
from tastebridge.data.panel import Panel
from tastebridge.data.vocabulary import Vocabulary
from tastebridge.exceptions import InvalidDataError

FEATURES = "features"
"""The name of features that are given without one."""


def with_described(
    panel: Panel, features: Mapping[str, object], categories: Mapping[str, Vocabulary]
) -> Panel:
    """Return a panel whose categories hold the described items too, with their features.

    Unlike :meth:`tastebridge.Panel.with_item_features` it takes features of items of which no event is
    there, and of categories without any.

    Parameters
    ----------
    panel : Panel
    features : mapping of category to mapping of name to features
        Features are ItemFeatures, or a frame with a column item_id. Those that are given without a name go
        by the name "features".
    categories : mapping of category to Vocabulary
        The items of the categories there may be.

    Raises
    ------
    UnknownCategoryError, InvalidDataError
        If there is no such category, or the features cannot be used.
    """
    if not isinstance(features, Mapping):
        raise InvalidDataError(
            f"features must be a mapping of category to features by name; got {type(features).__name__}. "
            "Write {'films': {'plot': …}}."
        )
    for category, given in features.items():
        check_category("the category of features", category, categories)
        kinds = given if isinstance(given, Mapping) else {FEATURES: given}
        read = {name: _read(part) for name, part in kinds.items()}
        panel = _with(panel, category, read, categories[category])
    return panel


def _read(features: object) -> ItemFeatures:
    return features if isinstance(features, ItemFeatures) else ItemFeatures.read(features)


def _with(panel: Panel, category: str, kinds: Mapping[str, ItemFeatures], known: Vocabulary) -> Panel:
    part = panel.interactions.get(category) or _empty(panel, category, known)
    items = part.items
    for features in kinds.values():
        known.numbers_of(features.items)  # refuses ids of another kind
        items = items.extended(features.items.ids)[0]
    every = {**panel.item_features.get(category, {}), **kinds}
    return replace(
        panel,
        interactions={**panel.interactions, category: with_items(part, items)[0]},
        item_features={
            **panel.item_features,
            category: {name: features.over(items) for name, features in every.items()},
        },
    )


def _empty(panel: Panel, category: str, known: Vocabulary) -> Interactions:
    """Return a category without items or events; with times, if there is nothing to say otherwise."""
    items = Vocabulary(known.ids[:0], known.name)
    matrix = sparse.csr_matrix((len(panel), 0), dtype=np.float32)
    timed = panel.has_times or not panel.interactions
    return Interactions(category, panel.users, items, matrix, np.zeros(0) if timed else None)
