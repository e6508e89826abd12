"""Scores of users who answered questions about items, or groups of items, of the target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge._numerics.cells import union
from tastebridge._numerics.topk import Masks, chosen_scores, top_k
from tastebridge.model.chunks import chunks
from tastebridge.model.explanation import Part, parts_of
from tastebridge.model.filters import Filters
from tastebridge.model.linear import Array, LinearModel, Vectors32
from tastebridge.model.scorers import Best, Numbers, Scores
from tastebridge.model.taste import Groups, TastePrior, scale_of
from tastebridge.routes import Histories


class _Key(str):
    """A key next to the categories of histories, equal to itself only: a category can have any name."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return self is other

    def __ne__(self, other: object) -> bool:
        return self is not other

    def __hash__(self) -> int:
        return id(self)


ANSWERS = _Key("(answers)")
"""The key of answers next to the histories: (n_users, n_items), 1 for a liked item and -1 for another."""
GROUPS = _Key("(groups)")
"""The key of liked groups next to the histories: (n_users, n_groups), an entry for each liked group."""
LIKED, NOT = "answer: liked", "answer: not"
"""The routes of the parts of a score that answers contribute."""


@dataclass(frozen=True, eq=False)
class AnsweredScorer:
    """Scores by the history and the answers of a user; items the user answered about are left out of lists.

    Histories have one more entry, :data:`ANSWERS`, and :data:`GROUPS` where users like groups of items.

    Attributes
    ----------
    model : LinearModel
    prior : TastePrior
    groups : mapping of name to ndarray of shape (k,)
        The direction of each group, in the order of the columns of :data:`GROUPS`.
    shares : mapping of segment to float
        The personal share of the blend, which answers count with too.
    """

    model: LinearModel
    prior: TastePrior
    groups: Mapping[str, Array] = field(default_factory=dict)
    shares: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, model: LinearModel) -> AnsweredScorer:
        """Return the scorer of a model; see :meth:`TastePrior.of` for the error."""
        return cls(model, TastePrior.of(model))

    @property
    def target(self) -> str:
        """The category of the items."""
        return self.model.target

    def user_vectors(self, histories: Histories) -> Vectors32:
        """Return the vectors (n_users, n_components) of users with these histories and answers."""
        return self.model.user_vectors(_past(histories)) + self.shifts(histories)

    def shifts(self, histories: Histories) -> Vectors32:
        """Return the change (n_users, n_components) of users' vectors by their answers."""
        return self.prior.shifts(histories[ANSWERS], self.scales(histories), self.liked(histories))

    def top_items(self, histories: Histories, n: int, filters: Filters) -> Best:
        """Return the ``n`` best items of each user, without items the user has or answered about."""
        vectors, past = self.user_vectors(histories), _past(histories)
        catalogue = self.model.catalogue({name: rows.shape[1] for name, rows in past.items()})
        return top_k(vectors, catalogue, n, masks=Masks(self._had(histories), **filters._asdict()))

    def top_users(
        self, histories: Histories, items: Numbers, n: int, closed: sparse.csr_matrix | None = None
    ) -> Best:
        """Return the ``n`` best users for each item, without users who have it or answered about it."""
        had = self._had(histories)[:, items]
        had = had if closed is None else union(had, closed[:, items])
        vectors = self.user_vectors(histories)
        return top_k(self.model.item_vectors()[items], vectors, n, masks=Masks(sparse.csr_matrix(had.T)))

    def pair_scores(self, histories: Histories, users: Numbers, items: Numbers) -> Scores:
        """Return the score of each pair of a user and an item."""
        V, n_users = self.model.item_vectors(), histories[self.target].shape[0]
        parts = [self.user_vectors(part) for _, part in chunks(histories, n_users)]
        vectors = np.concatenate(parts) if parts else np.zeros((0, V.shape[1]), np.float32)
        return chosen_scores(vectors, users, V, items)

    def contributions(self, histories: Histories, item: int) -> list[Part]:
        """Return the parts of the score of an item for one user, one part per answer; they sum to it."""
        answers, past, groups = histories[ANSWERS], _past(histories), self.liked(histories)
        values = self.prior.contributions(answers, self.scales(histories), item, groups).tolist()
        told = [
            (int(at), LIKED if given > 0 else NOT)
            for at, given in zip(answers.indices, answers.data, strict=True)
        ]
        names = list(self.groups)
        # a group is no item, so its route names it
        told += [(-1, f"{LIKED} {names[at]}") for at in (groups.liked.indices if groups else ())]
        parts = [Part(self.target, *pair, value) for pair, value in zip(told, values, strict=True)]
        return parts_of(self.model, past, item) + parts

    def scales(self, histories: Histories) -> Array:
        """Return the scale (n_users,) of each user's deviation by answers, times the personal share."""
        past = _past(histories)
        shares = [self.shares.get(kind, 1.0) for kind in self.model.kinds(past)]
        return np.array(shares, dtype=np.float64) * scale_of(events_of(past))

    def liked(self, histories: Histories) -> Groups | None:
        """Return the liked groups; None if there are none."""
        if not self.groups:
            return None
        return Groups(np.array(list(self.groups.values())), histories[GROUPS])

    def _had(self, histories: Histories) -> sparse.csr_matrix:
        """Return the items (n_users, n_items) users have or answered about."""
        return union(histories[self.target], abs(histories[ANSWERS]))


def events_of(histories: Histories) -> NDArray[np.int64]:
    """Return the number of events (n_users,) in users' histories, without their answers."""
    lengths = [np.diff(rows.indptr).astype(np.int64) for rows in _past(histories).values()]
    return np.asarray(np.add.reduce(lengths))


def _past(histories: Histories) -> Mapping[str, sparse.csr_matrix]:
    """Return the histories without the answers, which no route reads."""
    return {name: rows for name, rows in histories.items() if name not in (ANSWERS, GROUPS)}
