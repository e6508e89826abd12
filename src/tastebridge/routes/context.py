"""The context: what routes are built of, each part fitted once and shared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import clone

from tastebridge.factors import SVDFactors
from tastebridge.routes.description import Described, ItemFeaturesByName, described_by
from tastebridge.routes.exact import ExactMoments
from tastebridge.routes.fitted import Array, Encoder, Histories, known_to, side_by_side
from tastebridge.routes.mapped import paired_moments
from tastebridge.routes.paired import Pairs
from tastebridge.routes.reader import Reading
from tastebridge.routes.statistics import RouteStatistics

SameItems = Mapping[str, tuple[NDArray[np.int64], NDArray[np.int64]]]
"""For every source the numbers of the items it shares with the target, there and in the target."""
_FEW = 2**22
"""Numbers that are kept rather than made again: 32 MB."""


class FitContext:
    """The histories of one fit, and the encoders and spaces made of them.

    Parameters
    ----------
    histories : mapping of category to csr_matrix
        Weighted interactions of all people, the target's without what is held out.
    target : str
    rank : int, default=0
        The largest rank that will be asked of SVD factors of one category: lower ones are cut from it.
    parent : FitContext, optional
        One that has the same histories of some categories: factors of these alone are taken from there.
    features : mapping of category to mapping of name to ItemFeatures, optional
        What describes the items.
    same : mapping of source to pair of ndarray, optional
        The numbers, in the source and in the target, of the items that are in both.
    """

    def __init__(
        self,
        histories: Histories,
        target: str,
        rank: int = 0,
        parent: FitContext | None = None,
        features: ItemFeaturesByName | None = None,
        same: SameItems | None = None,
    ) -> None:
        self.histories = dict(histories)
        self.target = target
        self.rank = rank
        self.encoders: dict[str, Encoder] = {}
        self.spaces: dict[str, NDArray[np.float32] | sparse.csr_matrix] = {}
        self.decoders: dict[str, str] = {}
        self.accounts: dict[str, RouteStatistics] = {}
        self.readings: dict[str, Reading] = {}
        self.features = dict(features or {})
        self.same = dict(same or {})
        self._fitted: dict[str, Any] = {}
        self._locks: dict[str, Lock] = {}
        self._guard = Lock()
        self._parent = parent

    @property
    def sources(self) -> tuple[str, ...]:
        """All categories but the target."""
        return tuple(name for name in self.histories if name != self.target)

    @property
    def popularity(self) -> Array:
        """The number of people of each target item."""
        return self.counts(()).astype(np.float64)

    def linked(self, source: str) -> NDArray[np.int64]:
        """Return the numbers of the people with a history in the source and in the target."""
        here, there = (np.diff(self.histories[name].indptr) > 0 for name in (source, self.target))
        return np.flatnonzero(here & there)

    def linked_to_any(self) -> NDArray[np.int64]:
        """Return the numbers of the people with a history in the target and in any source."""
        return np.unique(np.concatenate([self.linked(name) for name in self.sources]))

    def hiding(self, target: sparse.csr_matrix) -> FitContext:
        """Return a context with these rows in the target, some hidden; factors of sources are shared."""
        histories = {**self.histories, self.target: target}
        return FitContext(histories, self.target, self.rank, self, self.features, self.same)

    def stacked(self, categories: Iterable[str]) -> sparse.csr_matrix:
        """Return the histories of some categories side by side."""
        return side_by_side(self.histories, categories)

    def factors(self, categories: tuple[str, ...], estimator: Any) -> Any:
        """Return the factor model fitted on some categories; the same is never fitted twice."""
        if (owner := self._owner(categories)) is not self:
            return owner.factors(categories, estimator)
        if isinstance(estimator, SVDFactors):
            return self._svd(categories, estimator)
        return self.once(f"{categories} {estimator!r}", lambda: self._train(categories, estimator))

    def moments(self, source: str, phi: Any, psi: Any) -> ExactMoments:
        """Return the moments of the linked people's factors in a source and in the target."""
        linked = self.linked(source)
        return paired_moments(
            (partial(self.encoded, (source,), phi), linked),
            (partial(self.encoded, (self.target,), psi), linked),
        )

    def pairs(self, name: str) -> Pairs:
        """Return how many people took an item of a category, one of the target, and both."""
        return Pairs.of(self.histories, name, self.target)

    def counts(self, among: tuple[str, ...]) -> NDArray[Any]:
        """Return how many people took each target item, of those with a history in any of some categories."""
        rows = self.histories[self.target][known_to(among, self.histories)]
        return np.bincount(rows.indices, minlength=rows.shape[1])

    def n_people(self, name: str) -> int:
        """Return how many people have a history in a category."""
        return int(np.count_nonzero(np.diff(self.histories[name].indptr)))

    @property
    def lasting(self) -> bool:
        """Whether what is built here can go into a model: nothing is hidden."""
        return self._owner(tuple(self.histories))._parent is None

    def encoded(self, categories: tuple[str, ...], model: Any, people: NDArray[np.int64]) -> Array:
        """Return the factors (n_people, k) of some people; those of everybody are kept where they are few."""
        owner = self._owner(categories)
        rows = owner.stacked(categories)
        if rows.shape[0] * model.item_factors_.shape[1] > _FEW:
            return np.asarray(model.transform(rows[people]))
        return np.asarray(
            owner.once(f"factors by {categories} {model!r}", lambda: model.transform(rows))[people]
        )

    def _owner(self, categories: tuple[str, ...]) -> FitContext:
        """Return the first of the parents that has the very histories of some categories."""
        parent = self._parent
        if parent is None or any(
            self.histories[name] is not parent.histories.get(name) for name in categories
        ):
            return self
        return parent._owner(categories)

    def limit(self, categories: Iterable[str]) -> int:
        """Return the highest rank factors of some categories can have."""
        return int(min(self._active(categories).shape))

    def once(self, key: str, make: Callable[[], Any]) -> Any:
        """Return what ``make`` gives, made at the first call with this key, whichever thread asks."""
        with self._guard:
            lock = self._locks.setdefault(key, Lock())
        with lock:
            if key not in self._fitted:
                self._fitted[key] = make()
            return self._fitted[key]

    def described(self, name: str | None, n_components: int) -> Mapping[str, Described]:
        """Return the item vectors made of features of a name, or of all: :func:`described_by`."""
        if self._parent is not None:
            return self._parent.described(name, n_components)
        key = f"features {name!r} {n_components}"
        return self.once(key, lambda: described_by(self.features, name, n_components))

    def shared(self, key: str, make: Callable[[], Any]) -> Any:
        """Return what depends on the histories and no target, made once for contexts that share them all."""
        owner = self._owner(tuple(self.histories))
        return owner.once(f"{key} of {sorted(self.histories)}", make)

    def encoder(self, categories: tuple[str, ...], model: Any, key: str) -> str:
        """Keep an encoder under a key and return the key."""
        self.encoders.setdefault(key, Encoder(categories, model))
        return key

    def space(self, key: str, item_vectors: Array | sparse.csr_matrix, decoder: str | None = None) -> str:
        """Keep the item vectors of a space under a key, the wider where they are kept already.

        They are dense, or sparse where few items have a part in it. ``decoder`` is the key of the encoder
        whose item factors they are, if they are any's.
        """
        known = self.spaces.get(key)
        if known is None or known.shape[1] < item_vectors.shape[1]:
            few = sparse.issparse(item_vectors)
            kept = item_vectors if few else np.ascontiguousarray(item_vectors)
            self.spaces[key] = kept.astype(np.float32, copy=False)
            if decoder is not None:
                self.decoders[key] = decoder
        return key

    def keep(self, key: str, account: RouteStatistics) -> None:
        """Keep what routes learned as sums; where people are hidden it is of no use and not kept."""
        if self.lasting:
            self.accounts[key] = account

    def _train(self, categories: tuple[str, ...], estimator: Any) -> Any:
        """Return a factor model fitted on some categories."""
        return clone(estimator).fit(self._active(categories))

    def _svd(self, categories: tuple[str, ...], estimator: SVDFactors) -> Any:
        """Return SVD factors, those of a single category cut from the largest rank that will be wanted."""
        limit = self.limit(categories)
        if self._parent is None and estimator.n_components > limit:
            clone(estimator).fit(self._active(categories))  # says what the data allow
        most = self.rank if len(categories) == 1 else 0
        rank = min(max(estimator.n_components, most), limit)
        widest = clone(estimator).set_params(n_components=rank, filter="ideal", beta=0.0)
        fitted = self.once(f"{categories} {widest!r}", lambda: widest.fit(self._active(categories)))
        return fitted.cut(min(estimator.n_components, limit), estimator.filter, estimator.beta)

    def _active(self, categories: Iterable[str]) -> sparse.csr_matrix:
        """Return the rows of the people with any history there: the others would teach nothing."""
        rows = self.stacked(categories)
        return rows[np.diff(rows.indptr) > 0]
