"""Whom to hide where, so that one fold serves many targets at once."""

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
"""Parts that people are dealt into: one a target, within these bounds."""


def held_for_all(
    histories: Histories,
    linked: Mapping[str, Numbers],
    n_folds: int,
    cap: int,
    rng: np.random.Generator,
) -> list[dict[str, list[Held]]]:
    """Return for every fold whom it hides in each target.

    The linked people are dealt into parts, and in one fold every target hides another part: a person loses
    the rows of one target and keeps those of all others, so that each target is judged on people whose
    sources are whole. With more than ten targets every ten have a deal of their own; a person may then lose
    the rows of several. Otherwise as :func:`tastebridge.fitting.folds.held_out`.

    Parameters
    ----------
    histories : mapping of category to csr_matrix
    linked : mapping of target to ndarray
        The people to hide, target by target.
    n_folds : int
    cap : int
        People of a kind in a fold and target, at most.
    rng : Generator
    """
    folds: list[dict[str, list[Held]]] = [{} for _ in range(n_folds)]
    n_parts = int(np.clip(len(linked), LEAST, MOST))
    names = list(linked)
    for start in range(0, len(names), n_parts):
        block = names[start : start + n_parts]
        deal = _deal(histories, [linked[name] for name in block], n_parts, rng)
        for place, name in enumerate(block):
            parts = [np.intersect1d(part, linked[name]) for part in (*deal[place:], *deal[:place])]
            held = held_in(parts, histories[name], linked[name], n_folds, cap, rng)
            for fold, hidden in zip(folds, held, strict=True):
                fold[name] = hidden
    return folds


def _deal(
    histories: Histories, linked: Sequence[Numbers], n_parts: int, rng: np.random.Generator
) -> list[Numbers]:
    """Return people of like histories dealt into parts."""
    people = np.unique(np.concatenate(linked))
    lengths = sum(np.diff(rows.indptr) for rows in histories.values())
    seed = int(rng.integers(2**31))
    return k_fold_users(people, min(n_parts, len(people)), seed, counts=np.asarray(lengths)[people])


def hidden_histories(histories: Histories, fold: Mapping[str, list[Held]]) -> dict[str, sparse.csr_matrix]:
    """Return the histories without what a fold hides in any target."""
    return {name: without(rows, fold[name]) if name in fold else rows for name, rows in histories.items()}
