"""Scorers: they rank the items of one target for users, and users for an item."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge._numerics.cells import union
from tastebridge._numerics.dense import dense_top_k
from tastebridge._numerics.threads import one_blas_thread
from tastebridge._numerics.topk import Masks, chosen_scores, top_k
from tastebridge.model.chunks import chunks
from tastebridge.model.explanation import Part, parts_of
from tastebridge.model.filters import Filters
from tastebridge.model.linear import LinearModel
from tastebridge.model.similarity import ItemSimilarity
from tastebridge.routes import Histories

Numbers = NDArray[np.int64]
Scores = NDArray[np.float32]
Best = tuple[NDArray[np.int32], Scores]
"""Numbers (-1 for none) and scores, one row per user or item, best first."""

_SCORES = 2**22
"""The number of scores of item neighbours held at once."""


class Scorer(Protocol):
    """Scores the items of one target by histories; every row depends on its own user only.

    Histories are weighted rows by category, as :class:`tastebridge.data.history_encoder.HistoryEncoder` makes
    them. Items are numbers in the target's vocabulary.
    """

    @property
    def model(self) -> Any:  # noqa: ANN401 (a LinearModel or an ItemSimilarity: each caller knows which)
        """The part that is saved, such as routes and weights, or similarities; it holds no user."""

    @property
    def target(self) -> str:
        """The category of the items."""

    def top_items(self, histories: Histories, n: int, filters: Filters) -> Best:
        """Return the ``n`` best items of each user, without the items the user has."""

    def top_users(
        self, histories: Histories, items: Numbers, n: int, closed: sparse.csr_matrix | None = None
    ) -> Best:
        """Return the ``n`` best users (rows of ``histories``) for each item, without users who have it.

        Nor users to whom it is ``closed`` (n_users, n_items).
        """

    def pair_scores(self, histories: Histories, users: Numbers, items: Numbers) -> Scores:
        """Return the score of each pair of a user (a row of ``histories``) and an item."""

    def contributions(self, histories: Histories, item: int) -> list[Part]:
        """Return the parts of the score of an item for one user (histories of one row); they sum to it."""


@dataclass(frozen=True, eq=False)
class LinearScorer:
    """Scores by the inner product of a user's vector and an item's."""

    model: LinearModel

    @property
    def target(self) -> str:
        """The category of the items."""
        return self.model.target

    def top_items(self, histories: Histories, n: int, filters: Filters) -> Best:
        """Return the ``n`` best items of each user, without the items the user has."""
        sizes = {name: rows.shape[1] for name, rows in histories.items()}
        with one_blas_thread():  # entered once for both
            vectors, catalogue = self.model.user_vectors(histories), self.model.catalogue(sizes)
            return top_k(vectors, catalogue, n, masks=Masks(histories[self.target], **filters._asdict()))

    def top_users(
        self, histories: Histories, items: Numbers, n: int, closed: sparse.csr_matrix | None = None
    ) -> Best:
        """Return the ``n`` best users for each item, without users who have it or to whom it is closed."""
        # the same search with the sides exchanged: users are the catalogue here
        vectors, had = self.model.user_vectors(histories), _had(histories[self.target], items, closed)
        return top_k(self.model.item_vectors()[items], vectors, n, masks=Masks(sparse.csr_matrix(had.T)))

    def pair_scores(self, histories: Histories, users: Numbers, items: Numbers) -> Scores:
        """Return the score of each pair of a user and an item."""
        n_users = histories[self.target].shape[0]
        V = self.model.item_vectors()
        parts = [self.model.user_vectors(part) for _, part in chunks(histories, n_users)]
        vectors = np.concatenate(parts) if parts else np.zeros((0, V.shape[1]), np.float32)
        return chosen_scores(vectors, users, V, items)

    def contributions(self, histories: Histories, item: int) -> list[Part]:
        """Return the parts of the score of an item for one user; they sum to it."""
        return parts_of(self.model, histories, item)


@dataclass(frozen=True, eq=False)
class RatingScorer(LinearScorer):
    """Predicts ratings, held within the scale of the data; ranks by them, or by a model of preference.

    Attributes
    ----------
    model : LinearModel
        The model that ranks.
    ratings : LinearModel
        The model that predicts ratings: the same one, or another if a model of preference ranks.
    low, high : float
        The ends of the scale.
    """

    ratings: LinearModel
    low: float
    high: float

    @property
    def by_rating(self) -> bool:
        """Whether items are ranked by their predicted ratings."""
        return self.model is self.ratings

    def top_items(self, histories: Histories, n: int, filters: Filters) -> Best:
        """Return the ``n`` best items of each user; items predicted beyond the scale keep their order."""
        items, scores = super().top_items(histories, n, filters)
        return items, self._within_scale(scores) if self.by_rating else scores

    def pair_scores(self, histories: Histories, users: Numbers, items: Numbers) -> Scores:
        """Return the predicted rating of each pair; ``histories`` hold ratings as they are."""
        return self._within_scale(LinearScorer(self.ratings).pair_scores(histories, users, items))

    def contributions(self, histories: Histories, item: int) -> list[Part]:
        """Return the parts of a score, including the effect of the limits of the scale."""
        parts = super().contributions(histories, item)
        total = sum(part.contribution for part in parts)
        beyond = float(np.clip(total, self.low, self.high)) - total
        if self.by_rating and beyond:
            parts.append(Part("(scale)", -1, "limits of the scale", beyond))
        return parts

    def _within_scale(self, ratings: Scores) -> Scores:
        return np.clip(ratings, *np.array([self.low, self.high], dtype=np.float32))


@dataclass(frozen=True, eq=False)
class SimilarityScorer:
    """Scores by the similarity of items; without vectors, which would be as wide as the catalogue."""

    model: ItemSimilarity

    @property
    def target(self) -> str:
        """The category of the items."""
        return self.model.target

    def top_items(self, histories: Histories, n: int, filters: Filters) -> Best:
        """Return the ``n`` best items of each user, without the items the user has."""
        found = []
        for rows, part in self._parts(histories):
            scores = self.model.scores(part)
            scores[~filters.open(rows, scores.shape)] = -np.inf
            scores[part[self.target].nonzero()] = -np.inf
            found.append(dense_top_k(scores, n))
        return np.concatenate([best for best, _ in found]), np.concatenate([scores for _, scores in found])

    def top_users(
        self, histories: Histories, items: Numbers, n: int, closed: sparse.csr_matrix | None = None
    ) -> Best:
        """Return the ``n`` best users for each item, without users who have it or to whom it is closed."""
        scores = np.concatenate([self.model.scores(part)[:, items] for _, part in self._parts(histories)])
        scores[_had(histories[self.target], items, closed).nonzero()] = -np.inf
        return dense_top_k(np.ascontiguousarray(scores.T), n)

    def pair_scores(self, histories: Histories, users: Numbers, items: Numbers) -> Scores:
        """Return the score of each pair of a user and an item."""
        out = np.empty(len(users), dtype=np.float32)
        for rows, part in self._parts(histories):
            at = np.flatnonzero((users >= rows.start) & (users < rows.stop))
            out[at] = self.model.scores(part)[users[at] - rows.start, items[at]]
        return out

    def contributions(self, histories: Histories, item: int) -> list[Part]:
        """Return the parts of the score of an item for one user; they sum to it."""
        return self.model.parts_of(histories, item)

    def _parts(self, histories: Histories) -> Iterator[tuple[slice, Histories]]:
        """Yield runs of users whose scores fit in memory, with their histories."""
        n_users, n_items = histories[self.target].shape
        step = max(1, _SCORES // n_items)
        for start in range(0, n_users, step):
            rows = slice(start, start + step)
            yield rows, {name: part[rows] for name, part in histories.items()}


def _had(seen: sparse.csr_matrix, items: Numbers, closed: sparse.csr_matrix | None) -> sparse.csr_matrix:
    """Return which of some items (n_users, n_some) users have, or are closed to them."""
    had = seen[:, items]
    return had if closed is None else union(had, closed[:, items])
