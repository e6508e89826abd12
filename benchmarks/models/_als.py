"""iALS by the package implicit, as both the target-only and the joint model use it."""

from __future__ import annotations

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from numpy.typing import NDArray
from scipy import sparse


def train(
    matrix: sparse.csr_matrix, factors: int, regularization: float, alpha: float, iterations: int, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the factors of users and items."""
    model = AlternatingLeastSquares(
        factors=factors,
        regularization=regularization,
        alpha=alpha,
        iterations=iterations,
        random_state=seed,
        num_threads=1,
    )
    model.fit(sparse.csr_matrix(matrix, dtype=np.float32), show_progress=False)
    return model.user_factors, model.item_factors
