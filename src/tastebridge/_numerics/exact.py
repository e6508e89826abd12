"""Products of whole numbers without rounding, at the speed of floats."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_EXACT = 2.0**52
"""A float64 holds every whole number up to twice this, so sums of products below it are exact."""


def exact_product(A: NDArray[np.float64], B: NDArray[np.float64]) -> NDArray[np.int64]:
    r"""Return ``A.T @ B`` (p, q) of matrices (n, p) and (n, q) of whole numbers, exactly.

    No partial sum exceeds :math:`\sqrt{\max_i \sum_u a_{ui}^2 \, \max_j \sum_u b_{uj}^2}` (Cauchy and
    Schwarz). Where this is below 2^52 the product of floats is exact, in any order of summation. Otherwise
    the rows are halved, and a single row that is too large is multiplied as integers. The result itself must
    be below 2^63.

    Examples
    --------
    >>> import numpy as np
    >>> from tastebridge._numerics.exact import exact_product
    >>> exact_product(np.array([[2.0**30], [1.0]]), np.array([[2.0**30], [1.0]])).item() - 2**60
    1
    """
    # a bound for all partial sums, so the order in which BLAS sums does not matter
    if np.sqrt(energy(A).max(initial=0.0)) * np.sqrt(energy(B).max(initial=0.0)) < _EXACT:
        return np.asarray(A.T @ B).astype(np.int64)
    if len(A) == 1:
        return np.outer(A[0].astype(np.int64), B[0].astype(np.int64))
    half = len(A) // 2
    return exact_product(A[:half], B[:half]) + exact_product(A[half:], B[half:])


def energy(A: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sums of squares of the columns of ``A`` (n, p), as (p,)."""
    return np.asarray(np.einsum("ij,ij->j", A, A))
