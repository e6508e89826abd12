"""The loss of a smaller model: the same users ranked by both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from tastebridge._numerics.topk import Masks, top_k
from tastebridge.fitting.folds import held_out, without
from tastebridge.metrics import ndcg
from tastebridge.metrics.intervals import paired_difference
from tastebridge.model import LinearModel
from tastebridge.routes import Histories

_AT, _STEP = 10, 1024
_PEOPLE = 2000


class Lists(NamedTuple):
    """Users to rank for: their known histories, and the target rows to find (n_users, n_items)."""

    histories: Histories
    truth: sparse.csr_matrix


def hidden_lists(
    histories: Histories, target: str, people: NDArray[np.int64], rng: np.random.Generator
) -> dict[str, Lists]:
    """Return lists of some ``people`` of the fit, by hiding rows of the target from their histories.

    Of linked users all rows ("cold"), of others one row each ("warm"); at most 2,000 of a kind.
    """
    rows = {name: part[people] for name, part in histories.items()}
    elsewhere = sum(np.diff(part.indptr) for name, part in rows.items() if name != target)
    linked = np.flatnonzero((np.asarray(elsewhere) > 0) & (np.diff(rows[target].indptr) > 0))
    if len(linked) < 2:
        return {}
    held = next(held_out(rows[target], linked, 1, _PEOPLE, rng))
    left = {**rows, target: without(rows[target], held)}
    return {
        part.segment: Lists({name: row[part.people] for name, row in left.items()}, part.hidden)
        for part in held
        if len(part.people)
    }


def kinds_of(lists: Lists, target: str) -> dict[str, Lists]:
    """Return the lists of users without ("cold") and with ("warm") a history in the target apart."""
    warm = np.diff(lists.histories[target].indptr) > 0
    parts = {"cold": np.flatnonzero(~warm), "warm": np.flatnonzero(warm)}
    return {
        name: Lists({key: rows[people] for key, rows in lists.histories.items()}, lists.truth[people])
        for name, people in parts.items()
        if len(people)
    }


def judge(before: LinearModel, after: LinearModel, lists: Mapping[str, Lists]) -> pd.DataFrame:
    """Return how well both models serve the same users, one row per kind of users.

    Returns
    -------
    DataFrame
        segment, ``people`` (the number of users), ndcg_before and ndcg (@10, means over users). Then loss
        with its 95 % interval (loss_low, loss_high, by bootstrap over users). Last overlap: the share of the
        ten items of the one list that are in the other.
    """
    rows = []
    for segment, part in lists.items():
        old, new = _ranked(before, part.histories), _ranked(after, part.histories)
        was, is_ = (ndcg(ranked, part.truth, _AT) for ranked in (old, new))
        loss = paired_difference(was, is_)
        # Places of a shorter list hold -1, in both lists, and are no common item.
        shared = sum(np.isin(one[one >= 0], other).sum() for one, other in zip(old, new, strict=True))
        means = (float(np.nanmean(values)) for values in (was, is_))
        rows.append(
            (segment, len(old), *means, loss.mean, loss.low, loss.high, shared / max((old >= 0).sum(), 1))
        )
    columns = ["segment", "people", "ndcg_before", "ndcg", "loss", "loss_low", "loss_high", "overlap"]
    return pd.DataFrame(rows, columns=columns)


def _ranked(model: LinearModel, histories: Histories) -> NDArray[np.int32]:
    """Return the ten best items of users, (n_users, 10)."""
    n_people = histories[model.target].shape[0]
    found = []
    for start in range(0, n_people, _STEP):
        part = {name: rows[start : start + _STEP] for name, rows in histories.items()}
        U, seen = model.user_vectors(part), part[model.target]
        found.append(top_k(U, model.item_vectors(), _AT, masks=Masks(seen))[0])
    return np.concatenate(found)
