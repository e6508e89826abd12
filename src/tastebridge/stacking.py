"""Out of fold: routes fitted without some people's target rows, and their scores of those rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge.model import Array, gates_of
from tastebridge.routes import FittedRoute, Histories, Route, Workshop, known_to
from tastebridge.splits import k_fold_users

Numbers = NDArray[np.int64]
_PARTS = 5
"""Linked people are dealt into five parts; a fold hides one of them."""


class Held(NamedTuple):
    """People whose rows in the target are hidden, whole ("cold") or in part ("warm")."""

    segment: str
    people: Numbers
    hidden: sparse.csr_matrix


@dataclass
class Fold:
    """The routes of one fold and the vectors of its held people.

    Attributes
    ----------
    held : Held
    gates : ndarray of shape (n_people, n_gates)
    vectors : list of ndarray of shape (n_people, k), one a route
    items : list of ndarray of shape (n_items, k), one a route
    seen : csr_matrix of shape (n_people, n_items)
        What is left of their target rows.
    """

    held: Held
    gates: Array
    vectors: list[Array]
    items: list[NDArray[np.float32]]
    seen: sparse.csr_matrix


class Lists(NamedTuple):
    """Held-out items, each with sampled others, as a blend wants them."""

    X: Array
    y: Array
    groups: Numbers
    gates: Array
    people: Numbers


def number_of_folds(n_linked: int, enough: int = 1000) -> int:
    """Return how many parts to hide in turn, so that ``enough`` linked people are judged; at most five."""
    return int(np.clip(-(-enough * _PARTS // max(n_linked, 1)), 1, _PARTS))


def held_out(
    target: sparse.csr_matrix, linked: Numbers, n_folds: int, cap: int, rng: np.random.Generator
) -> Iterator[list[Held]]:
    """Yield for every fold whom to hide: linked people wholly, and others with at least two rows in part.

    The warm ones come from the next part of the linked and, as they are plenty, from those in the target
    only; a fifth of each one's rows is hidden, one at least. At most ``cap`` people of a kind.
    """
    counts = np.diff(target.indptr)
    seed = int(rng.integers(2**31))
    parts = k_fold_users(linked, min(_PARTS, len(linked)), seed, counts=counts[linked])
    others = rng.permutation(np.setdiff1d(np.flatnonzero(counts >= 2), linked))
    shares = np.array_split(others, len(parts))
    for fold in range(min(n_folds, len(parts))):
        cold = _at_most(parts[fold], cap, rng)
        warm = np.union1d(parts[(fold + 1) % len(parts)], shares[fold]) if len(parts) > 1 else shares[fold]
        warm = _at_most(warm[counts[warm] >= 2], cap, rng)
        yield [Held("cold", cold, target[cold]), Held("warm", warm, _some_rows(target[warm], rng))]


def build_fold(routes: Sequence[Route], workshop: Workshop, held: list[Held], names: list[str]) -> list[Fold]:
    """Fit the routes without what is held and return the vectors of the held people, routes by ``names``."""
    fitted = {route.name: route for kind in routes for route in kind.build(workshop)}
    return [_fold(workshop, part, [fitted.get(name) for name in names]) for part in held if len(part.people)]


def without(target: sparse.csr_matrix, held: list[Held]) -> sparse.csr_matrix:
    """Return the target's matrix without all that is held."""
    keep = np.ones(target.nnz, dtype=bool)
    for part in held:
        rows = np.repeat(part.people, np.diff(part.hidden.indptr))
        keep[_positions(target, rows, part.hidden.indices)] = False
    indptr = np.append(0, np.cumsum(keep))[target.indptr]
    return sparse.csr_matrix((target.data[keep], target.indices[keep], indptr), shape=target.shape)


def lists_of(folds: list[Fold], n_lists: int, n_negatives: int, rng: np.random.Generator) -> Lists:
    """Return lists of a hidden item and ``n_negatives`` others each; at most ``n_lists``, rows at random."""
    share = -(-n_lists // max(len(folds), 1))
    parts = [_lists(fold, share, n_negatives, rng) for fold in folds]
    X, people, gates = (np.concatenate([part[at] for part in parts]) for at in range(3))
    n, width = X.shape[0], X.shape[1]
    y = np.tile(np.append(1.0, np.zeros(width - 1)), n)
    return Lists(
        X.reshape(n * width, -1), y, np.repeat(np.arange(n), width), np.repeat(gates, width, axis=0), people
    )


def _fold(workshop: Workshop, held: Held, routes: list[FittedRoute | None]) -> Fold:
    histories = {name: rows[held.people] for name, rows in workshop.histories.items()}
    encoded: dict[str, Array] = {}
    vectors, items, parts = [], [], {}
    for route in routes:
        if route is None:
            vectors.append(np.zeros((len(held.people), 1)))
            items.append(np.zeros((workshop.n_items, 1), dtype=np.float32))
            continue
        if route.encoder not in encoded:
            encoded[route.encoder] = workshop.encoders[route.encoder].encode(histories)
        parts[route.name] = route.vectors(encoded[route.encoder], known_to(route.sources, histories))
        vectors.append(parts[route.name])
        items.append(workshop.spaces[route.space][:, : vectors[-1].shape[1]])
    gates = gates_of(workshop.target, histories, parts)
    return Fold(held, gates, vectors, items, histories[workshop.target])


def _lists(
    fold: Fold, n_lists: int, n_negatives: int, rng: np.random.Generator
) -> tuple[Array, Numbers, Array]:
    """Return the route scores (n, 1 + n_negatives, n_routes), the people and the gates of one fold's lists.

    The others are drawn uniformly from the items of the training; an item the person has is not one.
    """
    hidden = fold.held.hidden
    person = np.repeat(np.arange(hidden.shape[0]), np.diff(hidden.indptr))
    chosen = np.sort(rng.permutation(len(person))[:n_lists])
    person, positive = person[chosen], hidden.indices[chosen]
    others = rng.integers(hidden.shape[1], size=(len(person), n_negatives))
    had = np.asarray(_dense_lookup(hidden + fold.seen, person, others))
    X = np.empty((len(person), 1 + n_negatives, len(fold.vectors)))
    candidates = np.column_stack([positive, others])
    for column, (Z, V) in enumerate(zip(fold.vectors, fold.items, strict=True)):
        X[:, :, column] = _scores(Z.astype(np.float32), V, person, candidates)
    X[:, 1:][had] = X[:, 1:].min(axis=(0, 1))
    return X, fold.held.people[person], fold.gates[person]


def _scores(Z: NDArray[np.float32], V: NDArray[np.float32], person: Numbers, items: Numbers) -> Array:
    """Return the inner products (n, width) of the people's vectors with their candidates'."""
    out = np.empty(items.shape)
    for start in range(0, len(items), 512):
        rows = slice(start, start + 512)
        used, place = np.unique(person[rows], return_inverse=True)
        out[rows] = np.take_along_axis((Z[used] @ V.T)[place], items[rows], axis=1)
    return out


def _dense_lookup(matrix: sparse.csr_matrix, rows: Numbers, columns: Numbers) -> NDArray[np.bool_]:
    """Return which entries (rows[i], columns[i, j]) are stored."""
    out = np.zeros(columns.shape, dtype=bool)
    for start in range(0, len(rows), 512):
        part = slice(start, start + 512)
        used, place = np.unique(rows[part], return_inverse=True)
        out[part] = np.take_along_axis(matrix[used].toarray()[place] != 0, columns[part], axis=1)
    return out


def _some_rows(matrix: sparse.csr_matrix, rng: np.random.Generator) -> sparse.csr_matrix:
    """Return a random fifth of the entries of every row, one at least."""
    counts = np.diff(matrix.indptr)
    rows = np.repeat(np.arange(matrix.shape[0]), counts)
    order = np.lexsort((rng.random(matrix.nnz), rows))
    place = np.empty(matrix.nnz, dtype=np.int64)
    place[order] = np.arange(matrix.nnz) - np.repeat(matrix.indptr[:-1], counts)
    keep = place < np.maximum(counts // 5, 1)[rows]
    indptr = np.append(0, np.cumsum(keep))[matrix.indptr]
    return sparse.csr_matrix((matrix.data[keep], matrix.indices[keep], indptr), shape=matrix.shape)


def _positions(matrix: sparse.csr_matrix, rows: Numbers, columns: Numbers) -> Numbers:
    """Return where in ``matrix.data`` the entries stand (matrix with sorted indices)."""
    n = matrix.shape[1]
    stored = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr)) * n + matrix.indices
    return np.searchsorted(stored, rows * n + columns)


def _at_most(people: Numbers, cap: int, rng: np.random.Generator) -> Numbers:
    return people if len(people) <= cap else np.sort(rng.choice(people, cap, replace=False))
