"""The context of a fit: the parts that routes are built of, each fitted once and shared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from threading import Lock
from typing import Any, ClassVar, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, clone

from tastebridge.factors import PretrainedFactors, SVDFactors
from tastebridge.factors.base import FactorModel
from tastebridge.routes.description import Described, ItemFeaturesByName, described_by
from tastebridge.routes.exact import ExactMoments
from tastebridge.routes.fitted import Array, Encoder, Histories, known_to, side_by_side
from tastebridge.routes.mapped import paired_moments
from tastebridge.routes.paired import Pairs
from tastebridge.routes.reader import Reading
from tastebridge.routes.statistics import RouteStatistics
from tastebridge.routes.twins import COLUMNS, Twins, rows_to_find, twins_in
from tastebridge.routes.user_factors import UserFactors

SameItems = Mapping[str, tuple[NDArray[np.int64], NDArray[np.int64]]]
"""For every source the numbers of the items shared with the target, in the source and in the target."""
_FEW = 2**22
"""The most factors of users that are kept rather than computed again: 32 MB."""

T = TypeVar("T")
Model = TypeVar("Model", bound=BaseEstimator)


class FitContext:
    """The histories of one fit, and the encoders and spaces made of them.

    Parameters
    ----------
    histories : mapping of category to csr_matrix
        Weighted interactions of all users, in the target without the held-out rows.
    target : str
    rank : int, default=0
        The maximum rank of SVD factors of one category that routes request; lower ranks are cut from it.
    parent : FitContext, optional
        A context with the same histories of some categories, which shares the factors of these categories.
    features : mapping of category to mapping of name to ItemFeatures, optional
        The features of the items.
    same : mapping of source to pair of ndarray, optional
        The numbers of the shared items in the source and in the target.
    seed : int, optional
        Seed of the search for twins (:mod:`tastebridge.routes.twins`); None for no search.
    """

    learns_from_twins: ClassVar[bool] = False
    """Whether factors and maps are learned from target rows that are twins too."""

    def __init__(
        self,
        histories: Histories,
        target: str,
        rank: int = 0,
        parent: FitContext | None = None,
        features: ItemFeaturesByName | None = None,
        same: SameItems | None = None,
        seed: int | None = None,
    ) -> None:
        self.histories = dict(histories)
        self.target = target
        self.rank, self.seed = rank, seed
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
        """The number of users of each target item."""
        return self.counts(()).astype(np.float64)

    def linked(self, source: str) -> NDArray[np.int64]:
        """Return the numbers of the users with a history in the source and in the target."""
        in_source, in_target = (np.diff(self.histories[name].indptr) > 0 for name in (source, self.target))
        return np.flatnonzero(in_source & in_target)

    def linked_to_any(self) -> NDArray[np.int64]:
        """Return the numbers of the users with a history in the target and in any source."""
        return np.unique(np.concatenate([self.linked(name) for name in self.sources]))

    def hiding(self, target: sparse.csr_matrix) -> FitContext:
        """Return a context with other rows in the target, some hidden; factors of sources are shared."""
        histories = {**self.histories, self.target: target}
        return FitContext(histories, self.target, self.rank, self, self.features, self.same, self.seed)

    def stacked(self, categories: Iterable[str]) -> sparse.csr_matrix:
        """Return the histories of some categories side by side."""
        return side_by_side(self.histories, categories)

    def factors(self, categories: tuple[str, ...], estimator: Model) -> Model:
        """Return the factor model fitted on some categories; equal models are fitted once."""
        if (owner := self._owner(categories)) is not self:
            return owner.factors(categories, estimator)
        if isinstance(estimator, PretrainedFactors) and self._parent is not None:
            return self._parent.factors(categories, estimator)  # hidden rows do not change given vectors
        if isinstance(estimator, SVDFactors):
            return self._svd(categories, estimator)
        return self.once(f"{categories} {estimator!r}", lambda: self._train(categories, estimator))

    def moments(self, source: str, phi: FactorModel, psi: FactorModel) -> ExactMoments:
        """Return the moments of the linked users' factors in a source and in the target."""
        taught = self.taught
        linked = np.flatnonzero(known_to((source,), taught) & known_to((self.target,), taught))
        here = (partial(self.encoded, (source,), phi), linked)
        if taught is self.histories:
            return paired_moments(here, (partial(self.encoded, (self.target,), psi), linked))
        return paired_moments(here, (psi.transform, taught[self.target][linked]))

    @property
    def twin_table(self) -> pd.DataFrame:
        """The twins of the target's items, as :func:`tastebridge.routes.twins.twins_in` gives them."""
        if self.seed is None:
            return pd.DataFrame(columns=COLUMNS)
        seed = self.seed
        return self.once("table of twins", lambda: twins_in(self.histories, self.target, seed, self._rows()))

    @property
    def twins(self) -> Twins:
        """The twins of the target's items."""
        sizes = {name: rows.shape[1] for name, rows in self.histories.items()}
        return self.once("twins", lambda: Twins.of_table(self.twin_table, sizes, self.target))

    @property
    def taught(self) -> Histories:
        """The histories from which factors and maps are learned: without target rows that are twins.

        If more than half of the rows are twins, all rows are used.
        """
        return self.once("taught", self._without_twins)

    def _rows(self) -> dict[str, NDArray[np.int64]] | None:
        """Return the numbers of rows of all users before any was hidden; None where nothing is hidden."""
        first = self
        while first._parent is not None:
            first = first._parent
        return (
            None
            if first is self
            else {name: np.diff(first.histories[name].indptr) for name in self.histories}
        )

    def _without_twins(self) -> Histories:
        if self.learns_from_twins or not self.twins:
            return self.histories
        rows = self.histories[self.target]
        left = rows_to_find(rows, self.twins.reached(self.histories))
        return self.histories if 2 * left.nnz < rows.nnz else {**self.histories, self.target: left}

    def pairs(self, name: str) -> Pairs:
        """Return the numbers of users of each item of a category, of each target item, and of both."""
        return Pairs.of(self.histories, name, self.target)

    def counts(self, among: tuple[str, ...]) -> NDArray[Any]:
        """Return the number of users of each target item, among users with a history in some categories."""
        rows = self.histories[self.target][known_to(among, self.histories)]
        return np.bincount(rows.indices, minlength=rows.shape[1])

    def n_people(self, name: str) -> int:
        """Return the number of users with a history in a category."""
        return int(np.count_nonzero(np.diff(self.histories[name].indptr)))

    @property
    def lasting(self) -> bool:
        """Whether the parts built here can go into a model, as no rows are hidden."""
        return self._owner(tuple(self.histories))._parent is None

    def encoded(self, categories: tuple[str, ...], model: FactorModel, users: NDArray[np.int64]) -> Array:
        """Return the factors (n_users, k) of some users; they are kept if those of all would be few."""
        owner = self._owner(categories)
        parts = {name: owner.histories[name] for name in categories}
        n_users, k = next(iter(parts.values())).shape[0], model.item_factors_.shape[1]

        def compute(some: NDArray[np.int64]) -> Array:
            if not len(some):
                return np.zeros((0, k))
            rows = side_by_side({name: part[some] for name, part in parts.items()}, categories)
            return np.asarray(model.transform(rows))

        if n_users * k > _FEW:
            return compute(users)
        # routes and folds ask for the same users again and again
        key = f"factors by {categories} {model!r}"
        return owner.once(key, lambda: UserFactors(n_users, compute)).of(users)

    def _owner(self, categories: tuple[str, ...]) -> FitContext:
        """Return the furthest parent with the very same histories of some categories."""
        parent = self._parent
        # by identity: a hidden row makes another matrix, and comparing entries would cost a pass
        if parent is None or any(
            self.histories[name] is not parent.histories.get(name) for name in categories
        ):
            return self
        return parent._owner(categories)

    def limit(self, categories: Iterable[str]) -> int:
        """Return the highest possible rank of factors of some categories."""
        names = tuple(categories)
        taught = self.taught
        n_users = np.count_nonzero(known_to(names, taught))
        return int(min(n_users, sum(taught[name].shape[1] for name in names)))

    def once(self, key: str, make: Callable[[], T]) -> T:
        """Return the result of ``make``, which is called once per key over all threads."""
        # a lock for each key: one thread fits while others wait for it alone, or fit other parts
        with self._guard:
            lock = self._locks.setdefault(key, Lock())
        with lock:
            if key not in self._fitted:
                self._fitted[key] = make()
            found: T = self._fitted[key]
            return found

    def described(self, name: str | None, n_components: int) -> Mapping[str, Described]:
        """Return the item vectors made of the features of a name, or of all: :func:`described_by`."""
        if self._parent is not None:  # features do not depend on the hidden rows
            return self._parent.described(name, n_components)
        key = f"features {name!r} {n_components}"
        return self.once(key, lambda: described_by(self.features, name, n_components))

    def shared(self, key: str, make: Callable[[], T]) -> T:
        """Return the result of ``make``, which depends on no target; made once for contexts of one fit."""
        owner = self._owner(tuple(self.histories))
        return owner.once(f"{key} of {sorted(self.histories)}", make)

    def encoder(self, categories: tuple[str, ...], model: object, key: str) -> str:
        """Keep an encoder under a key and return the key."""
        self.encoders.setdefault(key, Encoder(categories, model))
        return key

    def space(self, key: str, item_vectors: Array | sparse.csr_matrix, decoder: str | None = None) -> str:
        """Keep the item vectors of a space under a key, and of two with one key the wider.

        They are dense, or sparse if most entries are 0. ``decoder`` is the key of the encoder whose item
        factors they are, if there is one.
        """
        known = self.spaces.get(key)
        # SVD factors of a lower rank are the first columns of those of a higher one
        if known is None or known.shape[1] < item_vectors.shape[1]:
            few = sparse.issparse(item_vectors)
            kept = item_vectors if few else np.ascontiguousarray(item_vectors)
            self.spaces[key] = kept.astype(np.float32, copy=False)
            if decoder is not None:
                self.decoders[key] = decoder
        return key

    def keep(self, key: str, account: RouteStatistics) -> None:
        """Keep the statistics of a route, unless some rows are hidden, as in a fold."""
        if self.lasting:
            self.accounts[key] = account

    def _train(self, categories: tuple[str, ...], estimator: Model) -> Model:
        """Return a factor model fitted on some categories."""
        fitted: Model = clone(estimator).fit(self._active(categories))
        return fitted

    def _svd(self, categories: tuple[str, ...], estimator: SVDFactors) -> SVDFactors:
        """Return SVD factors; for a single category they are cut from the largest rank of the fit."""
        limit = self.limit(categories)
        if self._parent is None and estimator.n_components > limit:
            clone(estimator).fit(self._active(categories))  # raises the error that names the limit
        # all ranks of one category are cut from one SVD; several together are fitted as they are asked for
        most = self.rank if len(categories) == 1 else 0
        rank = min(max(estimator.n_components, most), limit)
        widest = clone(estimator).set_params(n_components=rank, filter="ideal", beta=0.0)
        fitted = self.once(f"{categories} {widest!r}", lambda: widest.fit(self._active(categories)))
        return fitted.cut(min(estimator.n_components, limit), estimator.filter, estimator.beta)

    def _active(self, categories: Iterable[str]) -> sparse.csr_matrix:
        """Return the rows of the users with any history there; empty rows would teach nothing."""
        rows = side_by_side(self.taught, categories)
        return rows[np.diff(rows.indptr) > 0]
