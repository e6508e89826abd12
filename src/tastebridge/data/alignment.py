"""Fresh histories laid over the items a model knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from tastebridge.data.interactions import Interactions, canonical
from tastebridge.data.vocabulary import Vocabulary

if TYPE_CHECKING:
    from tastebridge.data.panel import Panel


def align(panel: Panel, category: str, items: Vocabulary) -> tuple[sparse.csr_matrix, int]:
    """Return a category of a panel over the given items.

    Parameters
    ----------
    panel : Panel
        The histories; one without the category gives empty rows.
    category : str
        Which category.
    items : Vocabulary
        The items the columns shall stand for, such as those a model was fitted on.

    Returns
    -------
    matrix : csr_matrix of float32, shape (n_people, len(items))
        One row per user of the panel.
    n_dropped : int
        Pairs left out because their item is not among ``items``.

    Raises
    ------
    InvalidDataError
        If the ids of the items are of the other kind.

    Examples
    --------
    >>> import pandas as pd
    >>> from tastebridge.data import Panel
    >>> rows = [("ada", "dune", "books"), ("ada", "new", "books")]
    >>> panel = Panel.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id", "category"]))
    >>> matrix, n_dropped = align(panel, "books", Vocabulary.from_ids(["dune", "emma"], "item_id"))
    >>> matrix.toarray().tolist(), n_dropped
    ([[1.0, 0.0]], 1)
    """
    if category not in panel.categories:
        return sparse.csr_matrix((len(panel), len(items)), dtype=np.float32), 0
    aligned, n_dropped = with_items(panel[category], items)
    return aligned.matrix, n_dropped


def with_items(interactions: Interactions, items: Vocabulary) -> tuple[Interactions, int]:
    """Return interactions, times included, over the given items, and how many pairs had no place there."""
    if interactions.items == items:
        return interactions, 0
    numbers = items.numbers_of(interactions.items).astype(np.int32)
    known = numbers >= 0
    there = known[interactions.matrix.indices]
    kept = interactions if known.all() else interactions.keep(there)
    rows = kept.matrix
    # both vocabularies are sorted, so the columns of a row stay ascending
    columns = numbers[rows.indices]
    matrix = canonical((rows.data, columns, rows.indptr), (len(interactions.users), len(items)))
    aligned = Interactions(interactions.category, interactions.users, items, matrix, kept.times, kept.first)
    return aligned, int(np.count_nonzero(~there))
