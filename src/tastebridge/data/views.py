"""Ways to look at the interactions of several categories: sizes, overlaps, and choices of users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import sparse

from tastebridge.data.interactions import Interactions
from tastebridge.exceptions import InvalidDataError

Rows = slice | Sequence[int] | Sequence[bool] | np.ndarray | tuple[object, ...]
"""A choice of users: a slice, a mask, or row numbers; scikit-learn asks for ``(rows, ...)``."""


def overview(interactions: Mapping[str, Interactions]) -> pd.DataFrame:
    """Return one row per category: users, items, interactions, density, median per user, overlaps."""
    rows = [_sizes(part) for part in interactions.values()]
    sizes = pd.DataFrame(rows, index=pd.Index(list(interactions), name="category"), columns=_COLUMNS)
    return sizes.join(overlap(interactions).add_prefix("with "))


_COLUMNS = ["people", "items", "interactions", "density", "median"]


def _sizes(part: Interactions) -> tuple[int, int, int, float, float]:
    people, items, pairs = len(part.active_numbers), part.matrix.shape[1], part.matrix.nnz
    counts = np.diff(part.matrix.indptr)[part.active_numbers]
    # Three digits, for a table that is read.
    density = float(f"{pairs / max(people * items, 1):.3g}")
    return people, items, pairs, density, float(np.median(counts)) if people else 0.0


def overlap(interactions: Mapping[str, Interactions]) -> pd.DataFrame:
    """Return the number of users active in each two categories."""
    names = pd.Index(list(interactions), name="category")
    active = [part.active_numbers for part in interactions.values()]
    indptr = np.cumsum([0, *map(len, active)])
    n_users = 1 + max((int(one.max(initial=-1)) for one in active), default=-1)
    ones = np.ones(indptr[-1], dtype=np.int64)
    users = np.concatenate([np.zeros(0, dtype=np.int64), *active])
    B = sparse.csr_matrix((ones, users, indptr), shape=(len(names), n_users))
    return pd.DataFrame((B @ B.T).toarray(), index=names, columns=list(names))


def people(key: object, n_people: int) -> np.ndarray:
    """Return the ascending numbers of the users meant by a slice, a mask or a list of numbers."""
    if isinstance(key, slice):
        # A panel is ascending, even of a slice with a negative step.
        return np.sort(np.arange(n_people)[key])
    chosen = np.asarray(key)
    if chosen.ndim != 1 or not (chosen.size == 0 or chosen.dtype.kind in "biu"):
        raise InvalidDataError(
            "panel[…] takes the name of a category, or users as a slice, a mask or a list of numbers;"
            f" got {key!r}. For one user write panel[[number]]; by id, panel[panel.users.numbers(ids)]."
        )
    return _of_mask(chosen, n_people) if chosen.dtype.kind == "b" else _of_numbers(chosen, n_people)


def _of_mask(mask: np.ndarray, n_people: int) -> np.ndarray:
    if len(mask) != n_people:
        raise InvalidDataError(f"panel[mask] needs a mask over its {n_people} users; got one of {len(mask)}.")
    return np.flatnonzero(mask)


def _of_numbers(numbers: np.ndarray, n_people: int) -> np.ndarray:
    numbers = np.sort(numbers.astype(np.int64))
    if numbers.size and (numbers[0] < 0 or numbers[-1] >= n_people):
        raise InvalidDataError(
            f"panel[numbers] needs numbers in 0 … {n_people - 1}; got {numbers[0]} … {numbers[-1]}."
        )
    if np.any(numbers[1:] == numbers[:-1]):
        raise InvalidDataError("panel[numbers] got a user twice; a panel holds each user once.")
    return numbers
