r"""How well the item factors of a fit still tell what people take: measured on the events that come in.

For an event of a person who has other items in the category, these others point somewhere in the space of the
item factors, :math:`z = \sum_{j \ne i} e_j`. The event *agrees* with the factors as often as its item lies
nearer to that direction than an item drawn from what was popular at the fit,

.. math:: a_i = \Pr_k\big[\cos(z, e_i) > \cos(z, e_k)\big],

one half where the factors tell nothing. Its mean over fresh events is compared with that of people of the
fit, out of sample: with factors of one half of them on the rows of the other. Events on items that were not
in the fit have no such number and are counted. All is kept as sums, and no person.

References
----------
J. Gama, R. Sebastião and P. P. Rodrigues, "On evaluating stream learning algorithms", Machine Learning 90
(2013), for testing a model on events before it learns from them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from tastebridge._numerics.linalg import with_data
from tastebridge.factors import SVDFactors
from tastebridge.routes import FitContext, sound

Array = NDArray[np.float64]

_RANK, _PEOPLE, _DRAWN = 16, 20_000, 64
_SUMS = ["n", "sum", "square"]
COLUMNS = ["category", "known", *(f"fit_{name}" for name in _SUMS), "events", "new", *_SUMS]
"""A row a category: pairs at the fit; number, sum and sum of squares of the agreement out of sample; fresh
events, those of new items, and the same three of the fresh ones."""

LOST, NEW = 0.25, 0.1
"""A refit pays from this share of the agreement lost, or of fresh events on new items."""
_FEWEST = 100


def learn_drift(context: FitContext, popularity: Mapping[str, Array], seed: int) -> pd.DataFrame:
    """Return the sums at the fit; ``popularity`` (n_items,) of each category says what items are drawn."""
    rows = []
    for name, X in context.histories.items():
        values = _held_out(X, popularity[name], seed)
        rows.append((name, X.nnz, *_sums(values), 0, 0, 0.0, 0.0, 0.0))
    return pd.DataFrame(rows, columns=COLUMNS)


def drifted(
    table: pd.DataFrame, name: str, encoder: Array, after: sparse.csr_matrix, fresh: sparse.csr_matrix,
    popularity: Array, seed: int,
) -> pd.DataFrame:  # fmt: skip
    """Return the table with the fresh events of a category added.

    Parameters
    ----------
    table : DataFrame
    name : str
        The category.
    encoder : ndarray of shape (n_items, k)
        The item factors; rows of items that were not in the fit are 0.
    after, fresh : csr_matrix of shape (n_people, n_items)
        All that is known of people now, and which of it is fresh.
    popularity : ndarray of shape (n_items,)
    seed : int
    """
    unknown = np.linalg.norm(encoder, axis=1) == 0
    values = agreement(encoder, after, fresh, popularity, seed)
    added = (fresh.nnz, int(unknown[fresh.indices].sum()), *_sums(values))
    out = table.copy()
    row = out["category"] == name
    for column, value in zip(["events", "new", *_SUMS], added, strict=True):
        out.loc[row, column] += value
    return out


def told(table: pd.DataFrame) -> pd.DataFrame:
    """Return what the sums say; see :meth:`tastebridge.InterestMapper.drift` for the columns."""
    out = pd.DataFrame({"category": table["category"], "events": table["events"].astype(np.int64)})
    events = np.maximum(table["events"], 1)
    out["growth"] = table["events"] / np.maximum(table["known"], 1)
    out["new_items"] = table["new"] / events
    out["agreement_at_fit"], error_at_fit = _mean(table, "fit_")
    out["agreement"], error = _mean(table, "")
    base = out["agreement_at_fit"] - 0.5
    spread = 1.96 * np.sqrt(error**2 + error_at_fit**2)
    gap = out["agreement_at_fit"] - out["agreement"]
    usable = base > 0
    for column, value in (("lost", gap), ("lost_low", gap - spread), ("lost_high", gap + spread)):
        out[column] = (value / base).where(usable)
    pays = (out["new_items"] >= NEW) | (out["lost_low"] >= 0) & (out["lost"] >= LOST)
    few = table["events"] < _FEWEST
    out["verdict"] = np.where(few, "too few events", np.where(pays, "a refit pays", "no need of a refit"))
    return out


def agreement(
    encoder: Array, after: sparse.csr_matrix, fresh: sparse.csr_matrix, popularity: Array, seed: int
) -> Array:
    """Return the agreement of each fresh event that has one, between 0 and 1."""
    lengths = np.linalg.norm(encoder, axis=1)
    known = np.flatnonzero(lengths)
    weight = popularity[known] / popularity[known].sum() if len(known) else popularity[known]
    if not len(known) or not fresh.nnz:
        return np.zeros(0)
    drawn = np.random.default_rng(seed).choice(known, _DRAWN, p=weight)
    people = np.repeat(np.arange(fresh.shape[0]), np.diff(fresh.indptr))
    items, ones = fresh.indices, with_data(after, np.ones(after.nnz))
    Z = (ones @ encoder)[people] - encoder[items]
    judged = (lengths[items] > 0) & (np.linalg.norm(Z, axis=1) > 1e-9)
    Z, items = Z[judged], items[judged]
    own = np.einsum("ij,ij->i", Z, encoder[items]) / lengths[items]
    others = Z @ (encoder[drawn] / lengths[drawn, None]).T
    above, level = own[:, None] > others, items[:, None] == drawn
    return np.asarray(np.where(level, 0.5, above).mean(axis=1))


def _held_out(X: sparse.csr_matrix, popularity: Array, seed: int) -> Array:
    """Return the agreement of people with factors of others."""
    rng = np.random.default_rng(seed)
    active = rng.permutation(np.flatnonzero(np.diff(X.indptr)))[: 2 * _PEOPLE]
    learned, judged = (sound(X[np.sort(part)]) for part in np.array_split(active, 2))
    rank = min(_RANK, *learned.shape)
    if rank < 1:
        return np.zeros(0)
    model = SVDFactors(rank, random_state=seed).fit(learned)
    return agreement(np.asarray(model.encoder_), judged, judged, popularity, seed)


def _sums(values: Array) -> tuple[int, float, float]:
    return len(values), float(values.sum()), float((values**2).sum())


def _mean(table: pd.DataFrame, prefix: str) -> tuple[pd.Series, pd.Series]:
    """Return the mean of an agreement and its standard error; NaN where there is none."""
    n = table[f"{prefix}n"].where(table[f"{prefix}n"] > 0)
    mean = table[f"{prefix}sum"] / n
    return mean, np.sqrt(np.maximum(table[f"{prefix}square"] / n - mean**2, 0.0) / n)
