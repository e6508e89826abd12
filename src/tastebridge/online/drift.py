r"""Drift: how well the item factors of a fit still predict fresh events.

Take an event of a user who has other items in the category. The factors of these other items add up to a
direction, :math:`z = \sum_{j \ne i} e_j`. The *agreement* of the event is the probability that its item is
nearer to this direction than an item drawn by popularity at the fit,

.. math:: a_i = \Pr_k\big[\cos(z, e_i) > \cos(z, e_k)\big],

It is one half where the factors are uninformative. The mean over fresh events is compared with the mean at
the fit. That one is out of sample: the factors come from one half of the users and the events from the other.
Events on items that were not in the fit have no agreement and are only counted. Everything is kept as sums,
and nothing of a single user.

References
----------
J. Gama, R. Sebastião and P. P. Rodrigues, "On evaluating stream learning algorithms", Machine Learning 90
(2013), for testing a model on events before it learns from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from tastebridge._numerics.linalg import with_data
from tastebridge.factors import SVDFactors
from tastebridge.routes import FitContext, sound

Array = NDArray[np.float64]

# a small rank and at most 20,000 users in each half bound the time this takes at the fit
_RANK, _USERS, _DRAWN = 16, 20_000, 64
_SUMS = ["n", "sum", "square"]
COLUMNS = ["category", "known", *(f"fit_{name}" for name in _SUMS), "events", "new", *_SUMS]
"""The columns of the table of sums, one row per category.

``known`` is the number of pairs at the fit. ``fit_n``, ``fit_sum`` and ``fit_square`` are the number, the sum
and the sum of squares of the out-of-sample agreement. ``events`` counts the fresh events and ``new`` the
fresh events on new items; the last three are the same sums for fresh events.
"""

LOST, NEW = 0.25, 0.1
"""The share of agreement lost, and the share of fresh events on new items, from which a refit pays."""
_FEWEST = 100
"""Fresh events below which there is no verdict."""


class ItemPart(NamedTuple):
    """The items of one category: the factors ``encoder`` (n_items, k) and the ``popularity`` (n_items,).

    Items that were not in the fit have the factors 0.
    """

    encoder: Array
    popularity: Array


def learn_drift(context: FitContext, popularity: Mapping[str, Array], seed: int) -> pd.DataFrame:
    """Return the sums at the fit; items are drawn by ``popularity``, an array (n_items,) per category."""
    rows = []
    for name, X in context.histories.items():
        values = _held_out(X, popularity[name], seed)
        rows.append((name, X.nnz, *_sums(values), 0, 0, 0.0, 0.0, 0.0))
    return pd.DataFrame(rows, columns=COLUMNS)


def drifted(
    table: pd.DataFrame,
    name: str,
    items: ItemPart,
    after: sparse.csr_matrix,
    fresh: sparse.csr_matrix,
    seed: int,
) -> pd.DataFrame:
    """Return the table with the fresh events of a category added.

    Parameters
    ----------
    table : DataFrame
    name : str
        The category.
    items : ItemPart
    after, fresh : csr_matrix of shape (n_users, n_items)
        The whole histories of the users now, and the fresh entries of these.
    seed : int
    """
    unknown = np.linalg.norm(items.encoder, axis=1) == 0
    values = agreement(items.encoder, after, fresh, items.popularity, seed)
    added = (fresh.nnz, int(unknown[fresh.indices].sum()), *_sums(values))
    out = table.copy()
    row = out["category"] == name
    for column, value in zip(["events", "new", *_SUMS], added, strict=True):
        out.loc[row, column] += value
    return out


def drift_report(table: pd.DataFrame) -> pd.DataFrame:
    """Return the drift of each category; see :meth:`tastebridge.InterestMapper.drift` for the columns."""
    out = pd.DataFrame({"category": table["category"], "events": table["events"].astype(np.int64)})
    events = np.maximum(table["events"], 1)
    out["growth"] = table["events"] / np.maximum(table["known"], 1)
    out["new_items"] = table["new"] / events
    out["agreement_at_fit"], error_at_fit = _mean(table, "fit_")
    out["agreement"], error = _mean(table, "")
    base = out["agreement_at_fit"] - 0.5  # one half is chance, so only the excess over it can be lost
    spread = 1.96 * np.sqrt(error**2 + error_at_fit**2)
    gap = out["agreement_at_fit"] - out["agreement"]
    usable = base > 0
    for column, value in (("lost", gap), ("lost_low", gap - spread), ("lost_high", gap + spread)):
        out[column] = (value / base).where(usable)
    # a loss counts only if it is significant; the share of new items is a count without an error
    pays = (out["new_items"] >= NEW) | (out["lost_low"] >= 0) & (out["lost"] >= LOST)
    few = table["events"] < _FEWEST
    out["verdict"] = np.where(few, "too few events", np.where(pays, "a refit pays", "no need of a refit"))
    return out


def agreement(
    encoder: Array, after: sparse.csr_matrix, fresh: sparse.csr_matrix, popularity: Array, seed: int
) -> Array:
    """Return the agreement, between 0 and 1, of each fresh event for which it is defined."""
    lengths = np.linalg.norm(encoder, axis=1)
    known = np.flatnonzero(lengths)
    weight = popularity[known] / popularity[known].sum() if len(known) else popularity[known]
    if not len(known) or not fresh.nnz:
        return np.zeros(0)
    drawn = np.random.default_rng(seed).choice(known, _DRAWN, p=weight)
    users = np.repeat(np.arange(fresh.shape[0]), np.diff(fresh.indptr))
    items, ones = fresh.indices, with_data(after, np.ones(after.nnz))
    Z = (ones @ encoder)[users] - encoder[items]  # the sum over the other items of the user
    # a history of this one item leaves only rounding in Z, which points nowhere
    judged = (lengths[items] > 0) & (np.linalg.norm(Z, axis=1) > 1e-9)
    Z, items = Z[judged], items[judged]
    # the length of Z is the same on both sides of the comparison, so it is not divided by
    item_score = np.einsum("ij,ij->i", Z, encoder[items]) / lengths[items]
    others = Z @ (encoder[drawn] / lengths[drawn, None]).T
    above, level = item_score[:, None] > others, items[:, None] == drawn  # the very item drawn is a tie
    return np.asarray(np.where(level, 0.5, above).mean(axis=1))


def _held_out(X: sparse.csr_matrix, popularity: Array, seed: int) -> Array:
    """Return the agreement of one half of the users with factors learned from the other half."""
    rng = np.random.default_rng(seed)
    active = rng.permutation(np.flatnonzero(np.diff(X.indptr)))[: 2 * _USERS]
    # rows in ascending order, so that the draw decides who is in a half but not the order of sums
    learned, judged = (sound(X[np.sort(part)]) for part in np.array_split(active, 2))
    rank = min(_RANK, *learned.shape)
    if rank < 1:
        return np.zeros(0)
    model = SVDFactors(rank, random_state=seed).fit(learned)
    # the judged users have all of their rows fresh: the factors have seen none of them
    return agreement(np.asarray(model.encoder_), judged, judged, popularity, seed)


def _sums(values: Array) -> tuple[int, float, float]:
    return len(values), float(values.sum()), float((values**2).sum())


def _mean(table: pd.DataFrame, prefix: str) -> tuple[pd.Series, pd.Series]:
    """Return the mean of an agreement and its standard error; NaN without events."""
    n = table[f"{prefix}n"].where(table[f"{prefix}n"] > 0)
    mean = table[f"{prefix}sum"] / n
    # rounding can take a variance of nearly equal values below 0
    return mean, np.sqrt(np.maximum(table[f"{prefix}square"] / n - mean**2, 0.0) / n)
