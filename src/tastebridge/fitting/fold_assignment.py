"""Fold assignment for several targets: one fold hides other users in every target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge.fitting.folds import Held, held_in, without
from tastebridge.routes import Histories
from tastebridge.splits import k_fold_users

Numbers = NDArray[np.int64]
LEAST, MOST = 5, 10
"""Bounds of the number of parts that users are dealt into, otherwise one per target."""


def held_for_all(
    histories: Histories,
    linked: Mapping[str, Numbers],
    n_folds: int,
    cap: int,
    rng: np.random.Generator,
) -> list[dict[str, list[Held]]]:
    """Return for every fold the users it hides in each target.

    The linked users are dealt into parts, and in one fold every target hides another part. A user loses the
    rows of one target and keeps all other rows, so that each target is judged on users with whole sources.
    With more than ten targets, every ten have an assignment of their own; a user may then lose the rows of
    several targets. Otherwise as in :func:`tastebridge.fitting.folds.held_out`.

    Parameters
    ----------
    histories : mapping of category to csr_matrix
    linked : mapping of target to ndarray
        The users to hide, target by target.
    n_folds : int
    cap : int
        The largest number of cold, and of warm, users in a fold and target.
    rng : Generator
    """
    folds: list[dict[str, list[Held]]] = [{} for _ in range(n_folds)]
    n_parts = int(np.clip(len(linked), LEAST, MOST))
    names = list(linked)
    for start in range(0, len(names), n_parts):
        block = names[start : start + n_parts]
        deal = _deal(histories, [linked[name] for name in block], n_parts, rng)
        for place, name in enumerate(block):
            # the same parts, rotated by one more for each target: fold 0 hides part 0 in the first
            # target, part 1 in the second, and so on
            parts = [np.intersect1d(part, linked[name]) for part in (*deal[place:], *deal[:place])]
            held = held_in(parts, histories[name], linked[name], n_folds, cap, rng)
            for fold, hidden in zip(folds, held, strict=True):
                fold[name] = hidden
    return folds


def _deal(
    histories: Histories, linked: Sequence[Numbers], n_parts: int, rng: np.random.Generator
) -> list[Numbers]:
    """Return the users split into parts, stratified by the length of their histories."""
    users = np.unique(np.concatenate(linked))
    lengths = sum(np.diff(rows.indptr) for rows in histories.values())
    seed = int(rng.integers(2**31))
    return k_fold_users(users, min(n_parts, len(users)), seed, counts=np.asarray(lengths)[users])


def hidden_histories(histories: Histories, fold: Mapping[str, list[Held]]) -> dict[str, sparse.csr_matrix]:
    """Return the histories without the rows that a fold hides in any target."""
    return {name: without(rows, fold[name]) if name in fold else rows for name, rows in histories.items()}
