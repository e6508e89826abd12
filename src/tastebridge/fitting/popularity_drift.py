r"""Whether the popularity of a target's items drifts, and how much recent popularity then counts.

Popularity before a moment predicts the items of later rows: item i has the probability

.. math:: p_i \propto \exp\Bigl(\log (m_i + c) + \sum_h w_h\, \delta_{hi}\Bigr)

with the users :math:`m_i` of the item and, for each half-life h, the change :math:`\delta_{hi}` of its share
if older events count less (:class:`tastebridge.routes.RecentPopularityRoute`). The weights
:math:`w_h \ge 0`, whose sum is at most 1, are learned and evaluated on rows later than two moments. The test
only needs counts, so it is cheap, and it uses all users with later rows, with or without earlier rows in the
target.

A weight is only valid for windows with about as many events as those it was learned on. On MovieLens 1M, for
example, the last window (a thirtieth of the time span) has a hundredth of the events of earlier windows.
Recent popularity would then depend on a few users, and serve new users worse than popularity. So
:math:`w_h` is multiplied by
:math:`\min(1, 4 N_h / N_h^b)` with the decayed events :math:`N_h` now, and :math:`N_h^b` at the
start of the block that has fewer.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import minimize

from tastebridge.data.ages import ages_of
from tastebridge.metrics.intervals import paired_difference
from tastebridge.routes.recent import SHARES

Array = NDArray[np.float64]
_BLOCKS = ((0.6, 0.8), (0.8, 1.0))
"""Shares of the target's rows between which a block of later rows lies."""
_FEWEST = 20
"""Users with rows in a block below which nothing is learned."""
_FULL = 1 / 4
"""Share of the decayed events of the blocks from which on a weight counts whole."""
_LEVEL = 0.9
"""Level of the two-sided interval that has to lie above zero, in each block: a one-sided test at 5 %."""
_PRIOR = 0.5
_DIGITS = 4
"""Decimals of the weights, so that the rounding of a processor changes none."""


class _Block(NamedTuple):
    """Later rows, the popularity of items before the first of them, and its decayed events by half-life."""

    base: Array
    change: Array
    items: NDArray[np.int64]
    users: NDArray[np.int64]
    n_recent: Array


def recent_weights(rows: sparse.csr_matrix) -> Array | None:
    """Return the weights of recent popularity next to popularity, one per half-life; None if useless.

    It is of use if rows of both blocks are significantly more probable with it, with the weights learned on
    the other block. In one block alone a change of single items that all users share looks like evidence.

    Parameters
    ----------
    rows : csr_matrix of shape (n_users, n_items)
        The target, with weights that carry ages (:mod:`tastebridge.data.ages`).

    Examples
    --------
    >>> times = np.repeat(np.arange(100.0), 5)
    >>> items = (times // 25).astype(int)  # every item is popular for a quarter of the time
    >>> weights = np.exp2((times - 99) / 99 / 32)
    >>> rows = sparse.csr_matrix((weights, (np.arange(500), items)), dtype=np.float32)
    >>> bool(recent_weights(rows).sum() > 0)
    True
    >>> items = np.arange(500) % 10  # all items are popular all the time
    >>> recent_weights(sparse.csr_matrix((weights, (np.arange(500), items)), dtype=np.float32)) is None
    True
    """
    blocks = _blocks(rows)
    if len(blocks) < len(_BLOCKS):
        return None
    for own, other in (blocks, blocks[::-1]):
        weights = _learned([other])
        with_it, without = (_per_user(own, w) for w in (weights, np.zeros(len(SHARES))))
        if paired_difference(with_it, without, level=_LEVEL).low <= 0:
            return None
    weights = _of_now(rows, blocks)
    return weights if weights.sum() > 0 else None


def untested_weights(rows: sparse.csr_matrix) -> Array:
    """Return the weights that are most probable, without a test; zeros with too few users in all blocks."""
    blocks = _blocks(rows)
    return _of_now(rows, blocks) if blocks else np.zeros(len(SHARES))


def _of_now(rows: sparse.csr_matrix, blocks: list[_Block]) -> Array:
    """Return the weights learned on all blocks, as far as the events of each half-life before now allow."""
    fewer = np.min([block.n_recent for block in blocks], axis=0)
    full = np.minimum(1.0, _decayed(ages_of(rows.data)).sum(axis=1) / np.maximum(_FULL * fewer, 1e-9))
    return np.round(_learned(blocks) * full, _DIGITS)


def _decayed(ages: Array) -> Array:
    """Return the decayed events, (n_half_lives, n_events)."""
    return np.exp2(-ages / np.array(SHARES)[:, None])


def _blocks(rows: sparse.csr_matrix) -> list[_Block]:
    """Return the blocks of later rows with enough users."""
    found = (_block(rows, *shares) for shares in _BLOCKS)
    return [block for block in found if block is not None]


def _block(rows: sparse.csr_matrix, first: float, last: float) -> _Block | None:
    """Return the rows between two shares of all rows by time; None with too few users."""
    ages = ages_of(rows.data)
    start, end = (float(np.quantile(ages, 1.0 - share)) for share in (first, last))
    before, here = ages > start, (ages <= start) & ((ages > end) | (last == 1.0))
    counts = np.bincount(rows.indices[before], minlength=rows.shape[1])
    here &= counts[rows.indices] > 0  # nothing is known of items without earlier events
    users = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))[here]
    if len(np.unique(users)) < _FEWEST:
        return None
    known = np.flatnonzero(counts)
    base, decayed = _shares(counts[known]), _decayed(ages[before] - start)
    recent = [np.bincount(rows.indices[before], one, minlength=rows.shape[1])[known] for one in decayed]
    change = np.stack([_shares(one) - base for one in recent], axis=1)
    items = np.searchsorted(known, rows.indices[here])
    return _Block(base, change, items, users, decayed.sum(axis=1))


def _shares(counts: NDArray[np.number]) -> Array:
    """Return the logarithm of each item's share, as the routes of popularity score it."""
    more = counts.astype(np.float64) + _PRIOR
    return np.asarray(np.log(more / more.mean()))


def _learned(blocks: list[_Block]) -> Array:
    """Return the weights, with a sum below one, under which the rows of some blocks are most probable.

    Every user counts one, and a prior of one user holds the weights near zero.
    """

    def loss(a: Array) -> tuple[float, Array]:
        w = _weights(a)
        value, slope = 0.5 * float((w**2).sum()), w.copy()
        for block in blocks:
            share = _share_of_user(block)
            scores = block.base + (block.change * w).sum(axis=1)
            scores -= scores.max()
            p = np.exp(scores)
            p /= p.sum()
            taken = np.bincount(block.items, share, minlength=len(p))
            value -= float((taken * np.log(p)).sum())
            slope -= (block.change * (taken - share.sum() * p)[:, None]).sum(axis=0)
        return value, w * (slope - (w * slope).sum())

    found = minimize(loss, np.full(len(SHARES), -1.0), jac=True, method="L-BFGS-B")
    return np.asarray(np.round(_weights(found.x), _DIGITS))


def _weights(a: Array) -> Array:
    """Return the weights of parameters that have no bounds: all above zero, with a sum below one."""
    e = np.exp(np.clip(a, -20.0, 20.0))
    return np.asarray(e / (1.0 + e.sum()))


def _share_of_user(block: _Block) -> Array:
    """Return for each row one divided by the number of the user's rows."""
    _, place, counts = np.unique(block.users, return_inverse=True, return_counts=True)
    return np.asarray(1.0 / counts[place])


def _per_user(block: _Block, weights: Array) -> Array:
    """Return the mean logarithm of the probability of each user's rows."""
    scores = block.base + (block.change * weights).sum(axis=1)
    scores -= scores.max() + np.log(np.exp(scores - scores.max()).sum())
    _, place = np.unique(block.users, return_inverse=True)
    return np.asarray(np.bincount(place, scores[block.items] * _share_of_user(block)))
