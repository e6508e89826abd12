"""The neighbour route: items taken by the same people, across categories and within the target."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from tastebridge._linalg import column_signs
from tastebridge._validation import check_count, check_number
from tastebridge.routes.fitted import Array, FittedRoute
from tastebridge.routes.route import Route
from tastebridge.routes.workshop import Workshop


class NeighbourRoute(Route):
    r"""The surest links between items: pairs that nearly the same people took.

    .. math:: s_{ij} = \frac{n_{ij}}{\sqrt{n_i n_j} + h}, \qquad
              \hat r_{uj} = d_u^{-1/2} \sum_{i \in u} s_{ij}

    with the numbers of people who took i, j and both, counted among those who stand in both categories, and h
    to shrink what few people show. Only the ``n_links`` strongest are kept. A graph of so few links falls
    into small connected parts, so that its singular value decomposition, which gives this route vectors like
    any other, is exact and cheap at any size of the catalogue.

    It sees what factors of low rank cannot: single pairs of items that belong together, such as a product
    filed under two categories, and is silent where the history has none.

    Parameters
    ----------
    n_links : int, default=1000
        Links kept for each category.
    shrinkage : float, default=2.0
        The number h of people, at least 0.
    within : bool, default=True
        Whether the target's own items are linked too, for people with a history there.

    References
    ----------
    B. Sarwar et al., "Item-based collaborative filtering recommendation algorithms", WWW (2001).
    """

    def __init__(self, n_links: int = 1000, shrinkage: float = 2.0, within: bool = True) -> None:
        self.n_links = n_links
        self.shrinkage = shrinkage
        self.within = within

    def build(self, workshop: Workshop) -> list[FittedRoute]:
        """Return a route for every category that has links to the target, all in one space."""
        check_count("n_links", self.n_links)
        check_number("shrinkage", self.shrinkage, 0.0)
        categories = (*workshop.sources, workshop.target) if self.within else workshop.sources
        links = [self._links(workshop, name) for name in categories]
        E, V = decompose(sparse.vstack(links, format="csr"))
        space = workshop.space("neighbours", V)
        ends = np.cumsum([part.shape[0] for part in links])[:-1]
        return [
            FittedRoute(f"{name} → neighbours", (name,), self._keep(workshop, name, rows), None, None, space)
            for name, rows in zip(categories, np.split(E, ends), strict=True)
            if rows.any()
        ]

    def _keep(self, workshop: Workshop, name: str, rows: Array) -> str:
        return workshop.encoder((name,), LinearEncoder(sparse.csr_matrix(rows)), f"{name}: {self!r}")

    def _links(self, workshop: Workshop, name: str) -> sparse.csr_matrix:
        """Return the strongest similarities, (n_items of ``name``, n_target_items)."""
        linked = workshop.linked(name)
        X, Y = (binary(workshop.histories[part][linked]) for part in (name, workshop.target))
        S = similarities(X, Y, self.shrinkage)
        if name == workshop.target:
            S.setdiag(0.0)
            S.eliminate_zeros()
        return strongest(S, self.n_links)


class LinearEncoder:
    """The encoder ``X @ encoder_`` of binary histories divided by the root of their length.

    ``encoder_`` (n_items, k) is dense, or sparse where most items have no part in it.
    """

    def __init__(self, encoder: Array | sparse.csr_matrix) -> None:
        self.encoder_ = encoder

    def transform(self, X: sparse.csr_matrix) -> Array:
        """Return the vectors (n_people, k)."""
        Z = self.normalize_rows(X) @ self.encoder_
        return np.asarray(Z.toarray() if sparse.issparse(Z) else Z)

    def normalize_rows(self, X: sparse.csr_matrix) -> sparse.csr_matrix:
        """Return the histories with every entry 1, divided by the root of their length."""
        lengths = np.diff(X.indptr)
        entries = np.repeat(np.maximum(lengths, 1) ** -0.5, lengths)
        return sparse.csr_matrix((entries, X.indices, X.indptr), shape=X.shape)


def similarities(X: sparse.csr_matrix, Y: sparse.csr_matrix, shrinkage: float) -> sparse.csr_matrix:
    """Return the shrunk cosines (n_items, n_target_items) of the columns of two binary matrices."""
    S = sparse.csr_matrix(X.T @ Y)
    here, there = (np.asarray(part.sum(axis=0)).ravel() for part in (X, Y))
    rows = np.repeat(np.arange(S.shape[0]), np.diff(S.indptr))
    S.data = S.data / (np.sqrt(here[rows] * there[S.indices]) + shrinkage)
    return S


def strongest(S: sparse.csr_matrix, k: int) -> sparse.csr_matrix:
    """Return ``S`` with its ``k`` largest entries; of equals, those of the first rows and columns."""
    if S.nnz <= k:
        return S
    rows = np.repeat(np.arange(S.shape[0]), np.diff(S.indptr))
    least = np.partition(S.data, S.nnz - k)[S.nnz - k]
    near = np.flatnonzero(S.data >= least)
    kept = near[np.lexsort((S.indices[near], rows[near], -S.data[near]))[:k]]
    return sparse.csr_matrix((S.data[kept], (rows[kept], S.indices[kept])), shape=S.shape)


def decompose(S: sparse.csr_matrix) -> tuple[Array, Array]:
    """Return ``E`` (n, k) and ``V`` (m, k) with ``S = E V'``: the SVD of every connected part of it."""
    S = sparse.coo_matrix(S)
    used_rows, used_columns = np.unique(S.row), np.unique(S.col)
    row, column = np.searchsorted(used_rows, S.row), np.searchsorted(used_columns, S.col)
    parts = _parts(row, column, len(used_rows), len(used_columns))
    E, V = (np.zeros((n, max(len(used_columns), 1))) for n in S.shape)
    width = 0
    order = np.argsort(parts, kind="stable")
    for links in np.split(order, np.flatnonzero(np.diff(parts[order])) + 1) if S.nnz else []:
        i, at_row = np.unique(row[links], return_inverse=True)
        j, at_column = np.unique(column[links], return_inverse=True)
        block = np.zeros((len(i), len(j)))
        block[at_row, at_column] = S.data[links]
        U, s, Vt = np.linalg.svd(block, full_matrices=False)
        sign, last = column_signs(Vt.T), width + len(s)
        E[used_rows[i], width:last] = U * s * sign
        V[used_columns[j], width:last] = Vt.T * sign
        width = last
    width = max(width, 1)
    return E[:, :width], V[:, :width]


def _parts(
    row: NDArray[np.int64], column: NDArray[np.int64], n_rows: int, n_columns: int
) -> NDArray[np.int32]:
    """Return for every link the connected part of the bipartite graph it lies in."""
    n = n_rows + n_columns
    graph = sparse.csr_matrix((np.ones(len(row)), (row, n_rows + column)), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1])[row]


def binary(X: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return ``X`` with every stored entry 1."""
    return sparse.csr_matrix((np.ones(X.nnz), X.indices, X.indptr), shape=X.shape)
