"""Twins: one product filed under two ids, in the source and in the target.

Where a user's history holds the twin of a held-out row, finding the row is a look-up, not a
transfer of taste. The suite finds such rows and reports every figure with and without them.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from benchmarks.task import binary
from tastebridge.data import Panel

MIN_SIMILARITY, MIN_USERS = 0.8, 2


def twin_pairs(panel: Panel, source: str, target: str) -> sparse.csr_matrix:
    r"""Return source × target items, an entry where the two are twins.

    Twins have Jaccard similarity :math:`|A\cap B|/|A\cup B|\ge 0.8` between their sets of users and at least
    2 users in common, counted over the linked users: those with training rows in both categories.
    """
    linked = panel.linked(source, target)
    S, T = (binary(panel[name].matrix[linked]) for name in (source, target))
    common = (S.T @ T).tocoo()
    sizes_s, sizes_t = (np.asarray(one.sum(axis=0)).ravel() for one in (S, T))
    union = sizes_s[common.row] + sizes_t[common.col] - common.data
    twins = (common.data >= MIN_USERS) & (common.data >= MIN_SIMILARITY * union)
    where = (common.row[twins], common.col[twins])
    return sparse.csr_matrix((np.ones(twins.sum(), np.float32), where), shape=common.shape)


def has_twin(panel: Panel, target: str, truth: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which held-out rows have a twin in the training history of their own user."""
    users = panel.users.numbers(truth["user_id"].to_numpy(), missing="negative")
    items = panel[target].items.numbers(truth["item_id"].to_numpy(), missing="negative")
    known = (users >= 0) & (items >= 0)
    found = np.zeros(len(truth), dtype=bool)
    for source in panel.categories:
        if source != target:
            reached = binary(panel[source].matrix) @ twin_pairs(panel, source, target)
            found[known] |= np.asarray(reached[users[known], items[known]]).ravel() > 0
    return found
