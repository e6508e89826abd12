r"""Training lists that stand for the whole catalogue: the top of every route, and a weighted rest.

A uniform sample of the items hardly ever holds the items that compete for the first places. A route may then
get a weight that is right among 100 random items and wrong among all. So a pool has the items that lead any
route for some users, and others drawn uniformly. Each list has, of this pool,

- the highest items of every route (*hard* negatives);
- items drawn uniformly from the rest.

With q as the expected number of times that an item is in the list, a sum over the list in which each item
counts :math:`1 / q` times has the expected value of the sum over the whole catalogue. Such a sum is the rank
of the hidden item, which the loss ``"ndcg"`` of :class:`tastebridge.model.blend.StackingBlend` makes small:

.. math:: \rho = 1 + \sum_i \frac{1}{q_i} \operatorname{sigmoid}(s_i - s_+)

The offsets :math:`-\log q` are part of the lists. For a softmax they are the correction of Bengio and
Senécal. Its solution is less accurate here: one item of a very high score outweighs thousands in a sum of
exponentials, so that routes with few, certain links get no weight. In a rank such an item counts once.

References
----------
Y. Bengio and J.-S. Senécal, "Adaptive importance sampling to accelerate training of a neural probabilistic
language model", IEEE Transactions on Neural Networks 19 (2008). S. Jean et al., "On using very large target
vocabulary for neural machine translation", ACL (2015). W. Krichene and S. Rendle, "On sampled metrics for
item recommendation", KDD (2020).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tastebridge.fitting.folds import Fold, spread_evenly
from tastebridge.fitting.training_lists import POOL, Lists, Numbers, drawn_rows, vectors_at
from tastebridge.model import Array

_ASKED, _LEADING = 100, 10
"""Users whose first items under each route are in the pool for certain, and the number of these items."""
_BLOCK = 256
"""Users whose scores of the pool are in memory at once."""
_NEVER = -1e6
"""The offset of an entry that does not count, whatever its score; minus infinity times 0 would be NaN."""


class _Drawn(NamedTuple):
    """The negatives of some lists, as places in the pool, and the offset of each."""

    places: Numbers
    offsets: Array


def catalogue_lists(folds: Sequence[Fold], n_lists: int, n_negatives: int, rng: np.random.Generator) -> Lists:
    """Return at most ``n_lists`` lists, each of a random hidden item and negatives with their offsets.

    Half of the ``n_negatives`` are hard, the same number for every route and at least one. If the routes are
    many, there are more than ``n_negatives`` in all.

    Parameters
    ----------
    folds : list of Fold
        The folds of one segment.
    n_lists, n_negatives : int
    rng : Generator
    """
    share = -(-n_lists // max(len(folds), 1))
    n_routes = len(folds[0].vectors)
    each = max(n_negatives // (2 * n_routes), 1)
    n_uniform = max(n_negatives - each * n_routes, n_negatives // 2, 1)
    blocks = [block for fold in folds for block in _lists(fold, share, each, n_uniform, rng)]
    X, users, gates, offsets = (np.concatenate([block[at] for block in blocks]) for at in range(4))
    n, width, _ = X.shape
    y = np.tile(np.append(1.0, np.zeros(width - 1)), n)
    return Lists(
        X.reshape(n * width, -1),
        y,
        np.repeat(np.arange(n), width),
        np.repeat(gates, width, axis=0),
        users,
        offsets.ravel(),
    )


def _lists(
    fold: Fold, n_lists: int, each: int, n_uniform: int, rng: np.random.Generator
) -> Iterator[tuple[NDArray[np.float32], Numbers, Array, Array]]:
    """Yield blocks of route scores (n, width, n_routes), users, gates and offsets (n, width) of a fold."""
    hidden = fold.held.hidden
    user, positive = drawn_rows(fold, n_lists, rng)
    pool, left_out = _pool(fold, user, rng)
    spaces = {space: [vectors_at(V, at) for at in (positive, pool)] for space, V in fold.items.items()}
    everyone = np.unique(user)
    for start in range(0, len(everyone), _BLOCK):
        users = everyone[start : start + _BLOCK]
        # the lists of a block stand together, as users ascend
        first, last = np.searchsorted(user, [users[0], users[-1] + 1])
        own = np.searchsorted(users, user[first:last])
        # items of the user are no negatives, whether hidden or shown
        had = (hidden + fold.seen)[users][:, pool].toarray() != 0
        scores = [
            Z[users] @ spaces[space][1][:, : Z.shape[1]].T
            for Z, space in zip(fold.vectors, fold.spaces, strict=True)
        ]
        found = _draw(scores, had, own, left_out, (each, n_uniform), rng)
        X = np.empty((len(own), 1 + found.places.shape[1], len(scores)), dtype=np.float32)
        for column, (Z, space) in enumerate(zip(fold.vectors, fold.spaces, strict=True)):
            vectors = spaces[space][0][first:last, : Z.shape[1]]
            X[:, 0, column] = np.einsum("ij,ij->i", Z[user[first:last]], vectors)
            X[:, 1:, column] = scores[column][own[:, None], found.places]
        # an entry that does not count repeats the hidden item, so that it changes no deviation by much
        X[:, 1:] = np.where((found.offsets == _NEVER)[:, :, None], X[:, :1], X[:, 1:])
        offsets = np.column_stack([np.zeros(len(own)), found.offsets])
        yield X, fold.held.people[user[first:last]], fold.gates[user[first:last]], offsets


def _pool(fold: Fold, user: Numbers, rng: np.random.Generator) -> tuple[Numbers, Array]:
    """Return the pool of a fold, and the logarithm of the number of items that each of it stands for.

    Items that lead a route for any of a few users are in it for certain: such items often lead it for many
    users, and a pool without them would not show what the weight of the route costs.
    """
    n_items = fold.held.hidden.shape[1]
    some = np.unique(user)[spread_evenly(len(np.unique(user)), _ASKED)]
    leading = np.zeros(n_items, dtype=bool)
    for Z, space in zip(fold.vectors, fold.spaces, strict=True):
        V = fold.items[space][:, : Z.shape[1]]
        S = np.asarray(Z[some] @ V.T)
        seen = fold.seen[some].tocoo()
        S[seen.row, seen.col] = -np.inf
        leading[_top(S, min(_LEADING, n_items))] = True
    # the others keep half of the pool at least, or each would stand for too many
    certain, others = np.flatnonzero(leading), np.flatnonzero(~leading)
    drawn = rng.permutation(others)[: max(POOL - len(certain), POOL // 2)]
    pool = np.concatenate([certain, drawn])
    weight = np.log(len(others) / max(len(drawn), 1)) if len(drawn) else 0.0
    order = np.argsort(pool)
    return pool[order], np.repeat([0.0, weight], [len(certain), len(drawn)])[order]


def _draw(
    scores: Sequence[NDArray[np.float32]],
    had: NDArray[np.bool_],
    own: Numbers,
    left_out: Array,
    sizes: tuple[int, int],
    rng: np.random.Generator,
) -> _Drawn:
    """Return the negatives of lists whose users are ``own``, a row of the scores (n_users, n_pool) for each.

    ``left_out`` is the logarithm of the number of items that each of the pool stands for, ``sizes`` are the
    numbers of hard negatives of a route and of others.
    """
    each, n_uniform = min(sizes[0], had.shape[1]), sizes[1]
    tops = [_top(np.where(had, -np.inf, S), each)[own] for S in scores]
    places = np.column_stack([*tops, rng.integers(had.shape[1], size=(len(own), n_uniform))])
    unfit = _repeated(places) | had[own[:, None], places]
    is_hard = np.arange(places.shape[1]) < each * len(scores)
    # repeats among the uniform ones are left out too: the others stand for the rest in equal shares
    n_hard, n_drawn = (~unfit[:, is_hard]).sum(axis=1), (~unfit[:, ~is_hard]).sum(axis=1)
    n_rest = np.maximum((~had).sum(axis=1)[own] - n_hard, 1)
    offsets = left_out[places]
    offsets[:, ~is_hard] += np.log(n_rest / np.maximum(n_drawn, 1))[:, None]
    offsets[unfit] = _NEVER
    return _Drawn(places, offsets)


def _top(S: NDArray[np.float32], n: int) -> Numbers:
    """Return the places (n_rows, n) of the n highest entries of each row, in any order."""
    return np.asarray(np.argpartition(-S, n - 1, axis=1)[:, :n], dtype=np.int64)


def _repeated(places: Numbers) -> NDArray[np.bool_]:
    """Return which entries of each row stood in it before."""
    order = np.argsort(places, axis=1, kind="stable")
    ordered = np.take_along_axis(places, order, axis=1)
    again = np.zeros(places.shape, dtype=bool)
    np.put_along_axis(again, order[:, 1:], ordered[:, 1:] == ordered[:, :-1], axis=1)
    return again
