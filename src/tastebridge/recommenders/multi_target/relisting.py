"""Lists over several categories by more than the order of chances."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tastebridge.exceptions import InvalidParameterError
from tastebridge.model.filters import Filters
from tastebridge.model.list_rules import CATEGORY, ListRules
from tastebridge.model.reranking import Candidates, relisted
from tastebridge.model.scorers import Best
from tastebridge.online.state import FittedState
from tastebridge.recommenders.multi_target.lookup import within
from tastebridge.recommenders.multi_target.merging import Mixed
from tastebridge.recommenders.reranking import Reranker, shares_of, warn_of_unknown, with_new
from tastebridge.routes import Histories

Array = NDArray[np.float64]
Parts = list[tuple[NDArray[np.int64], Candidates]]
"""The candidates of each category, with their places among all."""


@dataclass(frozen=True)
class MixedReranker:
    """Makes the lists of users over several categories by rules.

    Items of different categories have similarity 0 by their vectors, and by labels as within one. The
    relevance of an item is the logarithm of its chance, and a draw is added on the scale of this logarithm.

    Attributes
    ----------
    parts : mapping of target to Reranker
    rules : ListRules
    n : int
    """

    parts: Mapping[str, Reranker]
    rules: ListRules
    n: int

    @classmethod
    def of(cls, states: Mapping[str, FittedState], rules: ListRules | None, n: int, by: str) -> Self | None:
        """Return the maker of the lists of some targets; None without rules.

        Raises
        ------
        InvalidParameterError
            If lists are ordered by category.
        """
        if rules is None:
            return None
        if by != "score":
            raise InvalidParameterError(
                f"list options change the order of a list, and by={by!r} fixes it. Use by='score', or leave "
                "the list options out."
            )
        own = replace(rules, calibrate=None) if rules.calibrate == CATEGORY else rules
        parts = {}
        for name, state in states.items():
            some: Any = None if rules.new_items is None else within(rules.new_items, state.items)
            parts[name] = Reranker.of(state, replace(own, new_items=some))
        given = rules.new_items
        if given is not None and len(given) and not any(len(part.new) for part in parts.values()):
            warn_of_unknown(len(given), ", ".join(map(repr, states)))
        return cls(parts, rules, n)

    @property
    def width(self) -> int:
        """The number of best items of each category to search for."""
        return self.rules.pool(self.n)

    def searched(self, target: str, find: Callable[[Filters, int], Best], filters: Filters) -> Best:
        """Return the best items of a target, the best new ones among them."""
        found, part = find(filters, self.width), self.parts[target]
        return with_new(find, part.new, part.n_new(self.n), filters, found) if self.rules.min_new else found

    def lists(
        self,
        mixed: Mixed,
        histories: Mapping[str, Histories],
        ids: np.ndarray,
        shares: Array,
        temperatures: Mapping[str, Array],
    ) -> Mixed:
        """Return the lists of users, made of all items found.

        Parameters
        ----------
        mixed : Mixed
            All items found, the best first.
        histories : mapping of target to histories
            The histories that the model of each target reads.
        ids : ndarray
        shares : ndarray of shape (n_users, n_targets)
            The probability of each category.
        temperatures : mapping of target to ndarray of shape (n_users,)
        """
        shape = (len(ids), min(self.n, mixed.items.shape[1]))
        best = Mixed(np.zeros(shape, np.int64), np.full(shape, -1, np.int32), np.zeros(shape))
        scales = next(iter(self.parts.values())).scale(_whole(histories))
        wanted = self._wanted(_whole(histories))
        for user, name in enumerate(ids.tolist()):
            at = self._pool(mixed, user)
            categories, items = mixed.categories[user][at], mixed.items[user][at]
            # scores within a category are on the scale of this logarithm, and so is a draw
            values = np.log(np.maximum(mixed.chances[user][at], np.finfo(np.float64).tiny))
            described = []
            for place, (target, part) in enumerate(self.parts.items()):
                here = np.flatnonzero(categories == place)
                if self.rules.explore:
                    draw = part.drawn(items[here], (name, target), float(scales[user]))
                    values[here] += temperatures[target][user] * draw
                described.append((here, part.described(items[here], wanted[user])))
            order = np.argsort(-values, kind="stable")
            whole = _joined(described, len(at), self.rules.similar_by is not None)
            if self.rules.calibrate == CATEGORY:
                whole = whole._replace(shares=np.eye(shares.shape[1])[categories], wanted=shares[user])
                whole = _of_wanted(whole)
            chosen = order[relisted(whole.ordered(values, order), self.n, self.rules)]
            at, put = at[chosen], slice(len(chosen))
            best.categories[user, put] = mixed.categories[user][at]
            best.items[user, put], best.chances[user, put] = mixed.items[user][at], mixed.chances[user][at]
        return best

    def _wanted(self, histories: Histories) -> Array:
        """Return the shares of labels in the histories of all categories, (n_users, n_labels)."""
        first = next(iter(self.parts.values()))
        column = first.rules.calibrate
        if column is None:
            return first.wanted(histories)
        # every target knows the labels of the categories it reads, by the same names
        matrices = {
            name: matrix
            for part in self.parts.values()
            for name, matrix in part.labels[column].matrices.items()
        }
        return shares_of(histories, first.labels[column]._replace(matrices=matrices))

    def _pool(self, mixed: Mixed, user: int) -> NDArray[np.int64]:
        """Return the places of a user's best items, and of the new items behind them."""
        items = mixed.items[user]
        # the best of all categories together, as many as with one target
        known = np.arange(len(items)) < self.width
        if self.rules.min_new:
            for place, part in enumerate(self.parts.values()):
                known |= (mixed.categories[user] == place) & np.isin(items, part.new)
        return np.flatnonzero(known & (items >= 0))


def _whole(histories: Mapping[str, Histories]) -> Histories:
    """Return the rows of all categories that any target reads."""
    return {name: rows for part in histories.values() for name, rows in part.items()}


def _of_wanted(candidates: Candidates) -> Candidates:
    """Return the candidates with the wanted categories only; with none if the user has no probability."""
    wanted, shares = candidates.wanted, candidates.shares
    if wanted is None or shares is None or not wanted.any():
        return candidates._replace(shares=None, wanted=None)
    at = np.flatnonzero(wanted)
    return candidates._replace(shares=shares[:, at], wanted=wanted[at] / sum(wanted.tolist()))


def _joined(parts: Parts, n: int, by_labels: bool) -> Candidates:
    """Return the candidates of all categories, at their places."""
    capped = shares = new = None
    some = [part for _, part in parts]
    alike = _alike(parts, n, by_labels)
    caps = [cap for _, cap in some[0].capped]
    capped = tuple(
        (_stacked([(at, part.capped[place][0]) for at, part in parts], n), cap)
        for place, cap in enumerate(caps)
    )
    wanted = next((part.wanted for part in some if part.wanted is not None), None)
    if wanted is not None:
        shares = np.zeros((n, len(wanted)))
        for at, part in parts:
            if part.shares is not None:
                shares[at] = part.shares
    if any(part.new is not None for part in some):
        new = np.zeros(n, dtype=bool)
        for at, part in parts:
            new[at] = False if part.new is None else part.new
    return Candidates(np.zeros(n), alike, capped, shares, wanted, new)


def _alike(parts: Parts, n: int, by_labels: bool) -> NDArray[np.float32] | None:
    """Return the rows by which all candidates are similar; None without diversity."""
    widths = [0 if part.alike is None else part.alike.shape[1] for _, part in parts]
    if not any(widths):
        return None
    # a label means the same in all categories; vectors stand side by side, where inner products are 0
    alike, start = np.zeros((n, max(widths) if by_labels else sum(widths)), np.float32), 0
    for (at, part), width in zip(parts, widths, strict=True):
        if part.alike is not None:
            alike[at, start : start + width] = part.alike
        start += 0 if by_labels else width
    return alike


def _stacked(parts: list[tuple[NDArray[np.int64], NDArray[np.int64]]], n: int) -> NDArray[np.int64]:
    """Return the codes of all categories, -1 where an item has fewer labels than another."""
    whole = np.full((n, max(codes.shape[1] for _, codes in parts)), -1, dtype=np.int64)
    for at, codes in parts:
        whole[at, : codes.shape[1]] = codes
    return whole
