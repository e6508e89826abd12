"""Lists by more than the order of scores: from histories and rules to the items of every user."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge._foundation.warnings import warn_of_data
from tastebridge.data.item_groups import Labels
from tastebridge.exceptions import InvalidParameterError
from tastebridge.model import LinearModel
from tastebridge.model.filters import Filters
from tastebridge.model.list_rules import ListRules
from tastebridge.model.reranking import Candidates, relisted
from tastebridge.model.scorers import Best
from tastebridge.online.state import FittedState
from tastebridge.routes import Histories

Numbers = NDArray[np.int64]
Vectors = NDArray[np.float32]
_FEW = 4.0
"""New items have at most this part of the users of the median item, where the caller names none."""


def warn_of_unknown(n_given: int, targets: str) -> None:
    """Warn that no new item of the caller is an item of the targets."""
    warn_of_data(
        f"none of the {n_given} ids in new_items is an item of {targets} that the model knows, so min_new "
        "changes no list. Give ids of mapper.items_, add new items by update, or leave min_new=0."
    )


@dataclass(frozen=True)
class Reranker:
    """Makes the lists of users by rules; the list of a user depends on no other user.

    Attributes
    ----------
    state : FittedState
    rules : ListRules
    labels : mapping of column to Labels
        The labels that the rules read.
    codes : tuple of ndarray of int, shape (n_items, n_labels)
        The codes of the labels in each column with a cap, -1 for none.
    new : ndarray of int
        The numbers of the new items.
    """

    state: FittedState
    rules: ListRules
    labels: dict[str, Labels]
    codes: tuple[Numbers, ...]
    new: Numbers

    @classmethod
    def of(cls, state: FittedState, rules: ListRules) -> Self:
        """Read the labels and new items of a state.

        Raises
        ------
        InvalidParameterError
            If a column of labels is not known, or the model has no vectors and the rules need them.
        """
        if rules.needs_vectors and not isinstance(state.scorer.model, LinearModel):
            raise InvalidParameterError(
                "explore, and diversity as a number, need vectors of items, and item neighbours have none. "
                "Use diversity={'genre': 0.3} with a column of set_item_groups, or a model with vectors."
            )
        labels = {name: state.item_groups.labels(name) for name in rules.columns}
        # a column may describe items of the sources only
        empty = sparse.csr_matrix((len(state.items), 0), dtype=np.float32)
        codes = tuple(codes_of(labels[name].matrices.get(state.target, empty)) for name, _ in rules.caps)
        new = np.zeros(0, dtype=np.int64)
        if rules.min_new and rules.new_items is None:
            new = rarely_had(state.encoder.statistics[state.target].idf)
        elif rules.new_items is not None and len(rules.new_items):
            # items that came after the fit are no error: the list is of the shop, not of the model
            new = np.unique(state.items.numbers(rules.new_items, missing="skip"))
            if not len(new):
                warn_of_unknown(len(rules.new_items), repr(state.target))
        return cls(state, rules, labels, codes, new)

    def top_items(self, histories: Histories, n: int, filters: Filters, ids: np.ndarray) -> Best:
        """Return the ``n`` items of each user and their scores, in the order of the list.

        Parameters
        ----------
        histories : mapping of category to csr_matrix
        n : int
        filters : Filters
        ids : ndarray
            The ids of the users, which seed the draws.
        """
        n_items = len(self.state.items)

        def find(filters: Filters, width: int) -> Best:
            return self.state.scorer.top_items(histories, min(width, n_items), filters)

        items, scores = find(filters, self.rules.pool(n))
        if self.rules.min_new:
            items, scores = with_new(find, self.new, self.n_new(n), filters, (items, scores))
        best = np.full((len(ids), min(n, n_items)), -1, dtype=np.int32)
        found = np.full(best.shape, -np.inf, dtype=np.float32)
        wanted, scale = self.wanted(histories), self.scale(histories)
        # one user after the other: no sum runs over users, so a list is the same in any batch
        for user, name in enumerate(ids.tolist()):
            own = items[user][items[user] >= 0]
            values, order = scores[user][: len(own)].astype(np.float64), np.arange(len(own))
            if self.rules.explore:
                values = values + self.drawn(own, name, float(scale[user]))
                order = np.argsort(-values, kind="stable")
            candidates = self.described(own, wanted[user]).ordered(values, order)
            places = order[relisted(candidates, n, self.rules)]
            best[user, : len(places)], found[user, : len(places)] = own[places], scores[user][places]
        return best, found

    def n_new(self, n: int) -> int:
        """Return the number of new items to find for a list of ``n``."""
        # the best new items can all have one label, and then caps close nearly all of them
        return self.rules.pool(n) if self.rules.caps else 2 * n

    def described(self, items: NDArray[np.int32], wanted: NDArray[np.float64]) -> Candidates:
        """Return items as candidates, without scores yet, for a user whose history has these shares."""
        shares, target = self._shares(items, wanted)
        return Candidates(
            np.zeros(len(items)),
            self._alike(items),
            tuple((codes[items], cap) for codes, (_, cap) in zip(self.codes, self.rules.caps, strict=True)),
            shares,
            target,
            np.isin(items, self.new) if self.rules.min_new else None,
        )

    def _profiles(self) -> Vectors:
        model: LinearModel = self.state.scorer.model
        return model.profiles({name: len(items) for name, items in self.state.encoder.items.items()})

    def drawn(self, items: NDArray[np.int32], name: object, scale: float) -> NDArray[np.float64]:
        """Return the draw of each item for a user: normal, with the covariance of scores over users."""
        # a weighted sum of artificial users has their covariance, and needs no matrix of it
        profiles = self._profiles()[items]
        noise = generator(self.rules.random_state, name).standard_normal(profiles.shape[1])
        return scale * np.multiply(profiles, noise).sum(axis=1) / np.sqrt(profiles.shape[1] - 1)

    def scale(self, histories: Histories) -> NDArray[np.float64]:
        """Return the scale of the draw of each user, by the number of their events."""
        events = np.zeros(next(iter(histories.values())).shape[0])
        for rows in histories.values():
            events += np.diff(rows.indptr)
        return self.rules.explore / np.sqrt(1 + events)

    def _alike(self, items: NDArray[np.int32]) -> Vectors | None:
        """Return rows of length 1 (or 0) whose inner products are the similarities of items."""
        if not self.rules.diversity:
            return None
        if self.rules.similar_by is None:
            return unit_rows(self._profiles()[items])
        own = self.labels[self.rules.similar_by].matrices.get(self.state.target)
        return None if own is None else unit_rows(own[items].toarray())

    def wanted(self, histories: Histories) -> NDArray[np.float64]:
        """Return the shares of the groups in each history, (n_users, n_groups); zeros without a label."""
        if self.rules.calibrate is None:
            return np.zeros((next(iter(histories.values())).shape[0], 0))
        return shares_of(histories, self.labels[self.rules.calibrate])

    def _shares(
        self, items: NDArray[np.int32], wanted: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
        """Return the part of each item in the groups of the history, and the shares of these groups."""
        # only groups of the history have a part in the divergence
        at = np.flatnonzero(wanted)
        if self.rules.calibrate is None or not len(at):
            return None, None
        own = self.labels[self.rules.calibrate].matrices.get(self.state.target)
        if own is None:
            return None, None
        return parts_of(own[items])[:, at].toarray().astype(np.float64), wanted[at]


def shares_of(histories: Histories, labels: Labels) -> NDArray[np.float64]:
    """Return the shares of labels in histories, (n_users, n_labels); zeros for users without a label."""
    total = np.zeros((next(iter(histories.values())).shape[0], len(labels.names)))
    for name, matrix in labels.matrices.items():
        if name in histories:
            had = histories[name].copy()
            # an item counts once, whatever its weight: a weight says how surely it was taken
            had.data = np.ones_like(had.data)
            total += (had @ parts_of(matrix)).toarray()
    sums = total.sum(axis=1, keepdims=True)
    return np.divide(total, sums, out=np.zeros_like(total), where=sums > 0)


def rarely_had(rarity: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
    r"""Return the items with few users, by :math:`\log(N / (1 + n))` of n of N users.

    Examples
    --------
    >>> rarely_had(np.log(100 / np.array([1, 5, 8, 9, 2])))
    array([0])
    """
    # on the scale of the logarithm, where a quarter of the users is one number more
    return np.flatnonzero(rarity >= np.median(rarity) + np.log(_FEW) - 1e-9)


def with_new(
    find: Callable[[Filters, int], Best], new: Numbers, n: int, filters: Filters, found: Best
) -> Best:
    """Return the best items of users with their best new items behind them, each once.

    Parameters
    ----------
    find : callable
        Searches by filters and a number of items.
    new : ndarray of int
    n : int
        The number of new items to find.
    filters : Filters
    found : arrays of shape (n_users, n_found)
    """
    allow = new if filters.allow is None else np.intersect1d(new, filters.allow)
    items, scores = find(filters._replace(allow=allow), n)
    # new items among the best stay where they are
    again = (items[:, :, None] == found[0][:, None, :]).any(axis=2)
    items, scores = np.where(again, -1, items), np.where(again, -np.inf, scores)
    whole = np.hstack([found[0], items]), np.hstack([found[1], scores]).astype(np.float32)
    order = np.argsort(whole[0] < 0, axis=1, kind="stable")
    return np.take_along_axis(whole[0], order, 1), np.take_along_axis(whole[1], order, 1)


def generator(random_state: int, name: object) -> np.random.Generator:
    """Return the random generator of a user, which depends only on the id and the seed."""
    digest = hashlib.sha256(repr(name).encode()).digest()  # repr tells the id 1 from the id "1"
    return np.random.default_rng([random_state, *np.frombuffer(digest, dtype="<u4").tolist()])


def codes_of(labels: sparse.csr_matrix) -> Numbers:
    """Return the codes of the labels of each item, (n_items, most labels of an item), -1 for none."""
    counts = np.diff(labels.indptr)
    codes = np.full((labels.shape[0], max(1, int(counts.max(initial=0)))), -1, dtype=np.int64)
    place = np.arange(labels.nnz) - np.repeat(labels.indptr[:-1], counts)
    codes[np.repeat(np.arange(len(counts)), counts), place] = labels.indices
    return codes


def parts_of(labels: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return the labels with the parts of an item in equal shares: its row sums to 1, or to 0 without one."""
    counts = np.maximum(np.diff(labels.indptr), 1)
    return sparse.csr_matrix(sparse.diags(1.0 / counts) @ labels)


def unit_rows(rows: Vectors) -> Vectors:
    """Return rows scaled to length 1; zeros stay."""
    lengths = np.sqrt(np.multiply(rows, rows, dtype=np.float64).sum(axis=1, keepdims=True))
    return np.divide(rows, lengths, out=np.zeros(rows.shape, np.float64), where=lengths > 0).astype(
        np.float32
    )
