"""Items that occur in several categories with the same events count as one item."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tastebridge.data.interactions import Interactions
from tastebridge.data.vocabulary import Vocabulary

if TYPE_CHECKING:
    from tastebridge.data.panel import Panel

_LEAST_PAIRS, _SHARE = 20, 0.9
"""So many pairs of shared ids, and so large a share of them in both categories, are no coincidence.
Catalogues that number their items from 0 share ids too, but not the users of an id."""


def same_pairs(interactions: Mapping[str, Interactions], target: str) -> dict[str, NDArray[np.bool_]]:
    """Return, for each other category, which of its pairs are pairs of the target too.

    An item in several categories, such as a film of two genres, has the same users in each of them. If the
    ids that a category shares have other users in the target, they coincide by chance.

    Parameters
    ----------
    interactions : mapping of category to Interactions
    target : str

    Returns
    -------
    dict of category to ndarray of bool of shape (n_pairs,)
        Only the categories that share items with the target.
    """
    own = interactions[target]
    found = {}
    for name, part in interactions.items():
        if name == target or part.items.kind != own.items.kind:
            continue
        place = own.items.numbers_of(part.items)
        if not (place >= 0).any():
            continue
        shared = np.isin(own.matrix.indices, place[place >= 0])
        keys = own.rows[shared].astype(np.int64) * len(own.items) + own.matrix.indices[shared]
        there = place[part.matrix.indices]
        both = (there >= 0) & np.isin(part.rows.astype(np.int64) * len(own.items) + there, keys)
        if both.sum() >= max(_LEAST_PAIRS, _SHARE * len(keys)):
            found[name] = both
    return found


def without_same_items(panel: Panel, target: str) -> Panel:
    """Return the panel without the target's items in the other categories.

    In the history of a source such an item would give away the pair of the target that a fold hides. A source
    of which nothing is left keeps its items without a pair.
    """
    own, parts = panel[target].items, dict(panel.interactions)
    for name in same_pairs(panel.interactions, target):
        part = panel[name]
        kept = np.flatnonzero(own.numbers_of(part.items) < 0)
        if len(kept):
            parts[name] = _of_items(part, kept)
        else:
            parts[name] = part.keep(np.zeros(part.matrix.nnz, dtype=bool))
    return replace(panel, interactions=parts)


def with_one_target_each(
    panel: Panel, targets: Sequence[str], first: Collection[str] = ()
) -> tuple[Panel, int]:
    """Return the panel in which an item of several categories is in one, and the number of such items.

    Of several targets it stays in the one with the fewest items, where it says most. A source keeps none of
    the items of a target. So no history holds the pair that a fold hides, and no list has an item twice.

    Parameters
    ----------
    panel : Panel
    targets : sequence of str
    first : collection of str
        Targets that keep their items, however many they have.
    """
    before = {name: len(panel[name].items) for name in panel.categories}
    # of equally small ones the first in the alphabet, whatever the order of the targets
    for name in sorted(targets, key=lambda name: (name not in first, before[name], name)):
        panel = without_same_items(panel, name)
    moved = (before[name] - len(panel[name].items) for name in panel.categories if panel[name].matrix.nnz)
    return panel, sum(moved)


def _of_items(part: Interactions, kept: NDArray[np.intp]) -> Interactions:
    """Return a category of some of its items."""
    items = Vocabulary(part.items.ids[kept], part.items.name)
    left = part.keep(np.isin(part.matrix.indices, kept))
    return replace(left, items=items, matrix=left.matrix[:, kept])
