"""Truncated SVD of a sparse matrix by thick-restarted block Lanczos: arrays in, arrays out, no checks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from tastebridge._numerics.linalg import Array, column_signs
from tastebridge._numerics.threads import one_blas_thread

Block = NDArray[np.floating[Any]]

_DENSE_SIDE = 1200
"""Up to this smaller side the whole Gram matrix is cheaper than an iteration."""
_BLOCK = 64
"""Columns a Krylov step adds: wide enough for BLAS, narrow enough for a polynomial of high degree."""

_CONDITION = 1e-2
"""Least ratio of diagonal entries of R at which two Cholesky factors are as accurate as Householder."""

_PASSES = 4
"""Largest number of projections of a block; nearly always one is enough."""
_ROWS = 65_536
"""Rows that are multiplied at once where only the sum over them is needed."""


def truncated_svd(
    A: sparse.csr_matrix, k: int, rng: np.random.Generator, tol: float = 1e-2, max_cycles: int = 100
) -> tuple[Array, Array, Array]:
    r"""Return ``U, s, Vt`` with the ``k`` largest singular values of a sparse ``A``, largest first.

    The vectors of the smaller side are eigenvectors of its Gram matrix, :math:`A^\top A` or :math:`A A^\top`.
    They come from a dense solver if that side is small, otherwise from block Lanczos with thick restarts (Wu
    and Simon, 2000). It stops once a restart adds no more than a share ``tol`` to the energy, the sum of
    ``s ** 2``. The error in the energy is of that order, and far smaller in the leading vectors. The spectra
    of interactions are flat: the last vectors would take many times longer to converge, and matter little.
    Down to ``tol=1e-4`` the basis is grown in float32 and the result refined in float64. ``tol=1e-14`` gives
    full accuracy. A repeated value, as of a matrix of unconnected parts, is found in at most as many copies
    as a block has columns: ``16 + k // 4``, up to 64.

    Values below about ``1e-7`` of the largest are lost to rounding, since the Gram matrix squares them. They
    are returned as 0 with a vector of zeros on the larger side. The largest entry of every row of ``Vt``
    is positive. BLAS uses one thread: on such narrow blocks more threads gain little, lose much
    where they share their cores, and change the rounding.

    ``A`` is (n, m); ``U`` is (n, k), ``s`` is (k,), ``Vt`` is (k, m); ``k`` is at most ``min(n, m)``.
    """
    inner, s, V = _smaller_side(A, k, rng, tol, max_cycles)
    W = _other_side(inner, s, V)
    U, V = (W, V) if A.shape[0] >= A.shape[1] else (V, W)
    sign = column_signs(V)
    return U * sign, s, (V * sign).T


def right_singular(
    A: sparse.csr_matrix, k: int, rng: np.random.Generator, tol: float = 1e-2, max_cycles: int = 100
) -> tuple[Array, Array]:
    """Return ``s, Vt`` of :func:`truncated_svd`; for a tall ``A`` no matrix (n, k) is ever held."""
    inner, s, V = _smaller_side(A, k, rng, tol, max_cycles)
    V = V if A.shape[0] >= A.shape[1] else _other_side(inner, s, V)
    return s, (V * column_signs(V)).T


def _smaller_side(
    A: sparse.csr_matrix, k: int, rng: np.random.Generator, tol: float, max_cycles: int
) -> tuple[sparse.csr_matrix, Array, Array]:
    """Return ``A``, transposed if it is wider than high, with its singular values and right vectors."""
    A = A.tocsr().astype(np.float64, copy=False)
    At = A.T.tocsr()
    outer, inner = (At, A) if A.shape[0] >= A.shape[1] else (A, At)
    with one_blas_thread():
        values, V = _leading_eigenpairs(outer, inner, k, rng, tol, max_cycles)
    # 1e-14 of the largest eigenvalue is 1e-7 of the largest singular value
    return inner, np.sqrt(np.where(values > values[0] * 1e-14, values, 0.0)), V


def _other_side(inner: sparse.csr_matrix, s: Array, V: Array) -> Array:
    """Return the left singular vectors of ``inner``, zeros where the value is 0."""
    W: Array = inner @ V
    W *= np.divide(1.0, s, out=np.zeros_like(s), where=s > 0)
    return W


def _leading_eigenpairs(
    outer: sparse.csr_matrix,
    inner: sparse.csr_matrix,
    k: int,
    rng: np.random.Generator,
    tol: float,
    max_cycles: int,
) -> tuple[Array, Array]:
    """Return the ``k`` largest eigenvalues (descending) and eigenvectors (n, k) of ``outer @ inner``."""
    n, block = outer.shape[0], min(_BLOCK, 16 + k // 4)
    keep = k + block
    size = keep + -(-max(keep, 6 * block) // block) * block
    # a basis of half the side costs as much as the dense solver
    if n <= _DENSE_SIDE or 2 * size > n:
        V = leading_eigenvectors((outer @ inner).toarray(), k)
        return np.diag(_gram(inner, V)), V
    # float32 suffices to find the space; _polish makes its vectors exact
    dtype: type[np.floating[Any]] = np.float32 if tol >= 1e-4 else np.float64
    basis, energy = _Basis(outer.astype(dtype), inner.astype(dtype), size), 0.0
    B = rng.standard_normal((n, block)).astype(dtype)
    for _ in range(max_cycles):
        B = basis.grow(B, keep)
        before, energy = energy, float(basis.theta[:k].sum())
        if energy - before <= tol * energy:
            break
    return _polish(inner, basis.Q[:, :k].astype(np.float64))


def leading_eigenvectors(S: Array, k: int) -> Array:
    """Return the eigenvectors (n, k) of the ``k`` largest eigenvalues of a symmetric ``S``, largest first.

    Where eigenvalues repeat, as with one event per user, LAPACK's solver for a part of the spectrum
    (``syevr``) may return fewer vectors or give up. All are computed then.
    """
    n = len(S)
    if k < 1:
        return np.zeros((n, 0))
    try:
        V = linalg.eigh(S, subset_by_index=[n - k, n - 1], check_finite=False)[1]
    except linalg.LinAlgError:
        V = np.zeros((n, 0))
    if V.shape[1] < k:
        V = np.linalg.eigh(S)[1][:, n - k :]
    return np.asarray(V[:, ::-1], dtype=np.float64)


def _polish(inner: sparse.csr_matrix, V: Array) -> tuple[Array, Array]:
    """Return the Ritz values and vectors of the space that ``V`` spans, in float64."""
    Q = np.asarray(orthonormal(V)[0], dtype=np.float64)
    theta, S = np.linalg.eigh(_gram(inner, Q))
    return theta[::-1], Q @ S[:, ::-1]


def _gram(inner: sparse.csr_matrix, V: Array) -> Array:
    """Return the Gram matrix of ``inner @ V``, which is never held whole."""
    T = np.zeros((V.shape[1], V.shape[1]))
    for start in range(0, inner.shape[0], _ROWS):
        W = inner[start : start + _ROWS] @ V
        T += W.T @ W
    return T


class _Basis:
    """An orthonormal basis ``Q`` (n, size) of a Krylov space and the operator ``T`` projected on it."""

    def __init__(self, outer: sparse.csr_matrix, inner: sparse.csr_matrix, size: int) -> None:
        self.outer, self.inner = outer, inner
        self.Q = np.empty((outer.shape[0], size), dtype=outer.dtype, order="F")
        self.T = np.zeros((size, size))
        self.theta: Array = np.zeros(0)
        self.held = 0

    def grow(self, B: Block, keep: int) -> Block:
        """Fill the basis from the block ``B``, keep the best Ritz vectors, and return the next block."""
        B, before = self._orthonormalize(B, np.linalg.norm(B)), 0
        while self.held + B.shape[1] <= self.Q.shape[1]:
            start = self.held
            B, before = self._step(B, before), start
        theta, S = np.linalg.eigh(self.T[: self.held, : self.held])
        self.theta, S = theta[: -keep - 1 : -1], S[:, : -keep - 1 : -1]
        self.Q[:, :keep] = self.Q[:, : self.held] @ S.astype(self.Q.dtype)
        self.T[:] = 0.0
        self.T[:keep, :keep] = np.diag(self.theta)
        self.held = keep
        return B

    def _step(self, B: Block, before: int) -> Block:
        """Add the orthonormal block ``B`` to the basis and return the orthonormal rest of its image.

        By the recurrence of Lanczos the image overlaps the basis only from ``before`` on, the start of the
        last block. Overlap with the rest is rounding, which the projection that follows removes.
        """
        old, self.held = self.held, self.held + B.shape[1]
        self.Q[:, old : self.held] = B
        image, near = self.outer @ (self.inner @ B), self.Q[:, before : self.held]
        H = near.T @ image
        self.T[before : self.held, old : self.held] = H
        self.T[old : self.held, before : self.held] = H.T
        return self._orthonormalize(image - near @ H, np.linalg.norm(image))

    def _orthonormalize(self, B: Block, scale: np.floating) -> Block:
        """Return an orthonormal block for ``B``, orthogonal to the basis; ``scale`` is the norm of its image.

        Where little of a column remains, the basis spans an invariant space and the remainder is rounding.
        Projected again it is a new direction, and the search continues from there.
        """
        Q = self.Q[:, : self.held]
        for _ in range(_PASSES):
            B, diagonal = orthonormal(B - Q @ (Q.T @ B))
            if diagonal.min() > np.finfo(B.dtype).eps ** 0.4 * scale:
                break
            scale = np.float64(1.0)
        return B


def orthonormal(B: Block) -> tuple[Block, Array]:
    """Return an orthonormal basis of the columns of ``B`` and the absolute diagonal of its triangle R.

    By two Cholesky factors of ``B' B`` (Yamamoto et al., 2015), which is several times faster than
    Householder reflections on a tall block. Householder reflections are used where the columns are nearly
    dependent.
    """
    first = _cholesky(B)
    if first is not None:
        Q = _divided(B, first)
        second = _cholesky(Q)
        if second is not None:
            return _divided(Q, second), np.diag(first) * np.diag(second)
    Q, R = linalg.qr(B, mode="economic", check_finite=False)
    return Q, np.abs(np.diag(R))


def _cholesky(B: Block) -> Array | None:
    """Return the upper Cholesky factor of ``B' B`` in float64, or None where too many digits are lost."""
    try:
        R: Array = linalg.cholesky((B.T @ B).astype(np.float64), check_finite=False)
    except linalg.LinAlgError:
        return None
    diagonal = np.diag(R)
    return R if diagonal.min() > _CONDITION * diagonal.max() else None


def _divided(B: Block, R: Array) -> Block:
    """Return ``B`` times the inverse of the triangle ``R``.

    The inverse is good enough, since ``R`` is well-conditioned, and the second of two divisions removes what
    the first leaves. A product with it takes a quarter of the time of back substitution in a tall block.
    """
    inverse = linalg.solve_triangular(R, np.eye(len(R)), check_finite=False)
    return np.asarray(B @ inverse.astype(B.dtype))
