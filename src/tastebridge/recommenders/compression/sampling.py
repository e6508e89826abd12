"""Vectors of a sample of users, as they are and as if they were new to the target."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge.model import LinearModel, Vectors32
from tastebridge.routes import Histories

_PEOPLE = 4000


def sample_vectors(
    model: LinearModel, histories: Histories, people: NDArray[np.int64], rng: np.random.Generator
) -> Vectors32:
    """Return the vectors (n, d) of at most 4,000 of the ``people``, each twice."""
    # Each user twice: scores of users new to the target must survive the projection too.
    some = np.sort(rng.permutation(people)[:_PEOPLE])
    given = {name: rows[some] for name, rows in histories.items()}
    return np.concatenate([model.user_vectors(given), model.user_vectors(new_to(model.target, given))])


def new_to(target: str, histories: Histories) -> dict[str, sparse.csr_matrix]:
    """Return the histories without those in the target."""
    empty = sparse.csr_matrix(histories[target].shape, dtype=histories[target].dtype)
    return {**histories, target: empty}
