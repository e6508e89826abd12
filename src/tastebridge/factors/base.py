"""The contract of every factor model, and the checks they share."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from copy import copy
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_non_negative, validate_data

from tastebridge._foundation.validation import check_count, check_fitted
from tastebridge.exceptions import InvalidParameterError

Array = NDArray[np.float64]
Histories: TypeAlias = ArrayLike | sparse.spmatrix
"""Users × items, dense or sparse."""
Vectors: TypeAlias = NDArray[np.float64] | sparse.csr_matrix
"""Factors of users; sparse if the encoder of a model is."""


class FactorModel(TransformerMixin, BaseEstimator, metaclass=ABCMeta):
    """Base of the factor models of one category.

    The contract, which the tests check for every model:

    - ``fit(X)`` learns from the histories ``X`` (users × items, sparse or dense, weights at least 0) and
      forgets an earlier fit. No user is stored: the size of a model depends on the items only.
    - ``transform(X)`` folds users in, new ones or users of the fit: (n, n_components) in float64.
      A row depends on that row only, and an empty history becomes zeros.
    - ``item_factors_`` (n_items, n_components) decodes: ``transform(X) @ item_factors_.T`` are scores.
    - The same ``random_state`` gives the same factors whatever the number of threads.

    Attributes
    ----------
    item_factors_ : array or sparse matrix of shape (n_items, n_components)
    user_gram_ : ndarray of shape (n_components, n_components)
        The Gram matrix of the users' factors before any filter, from which new items get their factors.
    newcomers_ : ndarray of int
        The items added after the fit, if there are any.
    n_features_in_ : int
        The number of items.

    Notes
    -----
    A subclass implements ``_check`` (parameters), ``_fit`` (sets ``item_factors_`` and ``user_gram_``) and
    ``_transform``, all of clean histories. For items that come later it also implements ``_plain``, ``_grow``
    and ``_settle``. :func:`tastebridge.testing.check_factors` holds it to the contract.

    References
    ----------
    Y. Koren, R. Bell and C. Volinsky, "Matrix factorization techniques for recommender systems", Computer 42
    (2009).

    Examples
    --------
    >>> import numpy as np
    >>> from tastebridge.factors import FactorModel
    >>> class Counts(FactorModel):
    ...     def _check(self, R):
    ...         pass
    ...
    ...     def _fit(self, R):
    ...         self.item_factors_ = np.asarray(R.sum(axis=0)).reshape(-1, 1)
    ...         Z = self._plain(R)
    ...         self.user_gram_ = Z.T @ Z
    ...
    ...     def _transform(self, R):
    ...         return self._plain(R)
    ...
    ...     def _plain(self, R):
    ...         return np.asarray(R.sum(axis=1)).reshape(-1, 1)
    ...
    ...     def _grow(self, new):
    ...         self.item_factors_ = np.insert(self.item_factors_, new - np.arange(len(new)), 0.0, axis=0)
    ...
    ...     def _settle(self, R, items):
    ...         self.item_factors_[items] = np.asarray(R[:, items].sum(axis=0)).reshape(-1, 1)
    ...         return self.item_factors_[items]
    >>> model = Counts().fit([[1, 1, 0], [1, 0, 0]])
    >>> (model.transform([[0, 1, 0]]) @ model.item_factors_.T).tolist()
    [[2.0, 1.0, 0.0]]
    """

    item_factors_: Any
    user_gram_: Array
    newcomers_: NDArray[np.int64]
    n_features_in_: int

    def fit(self, X: Histories, y: None = None) -> Self:
        """Learn from the histories ``X`` (users × items); ``y`` is ignored.

        Raises
        ------
        InvalidParameterError
            If a parameter cannot be used, such as ``n_components`` above the number of users or items.
        ValueError
            If ``X`` is empty, negative or not finite.
        """
        R = self._read(X, reset=True)
        self._check(R)
        self._fit(R)
        return self

    def transform(self, X: Histories) -> Vectors:
        """Return the factors of the histories ``X`` (users × items), one row per user."""
        check_fitted(self)
        return self._transform(self._read(X, reset=False))

    def fold_in(self, rows: sparse.csr_matrix) -> Vectors:
        """Return :meth:`transform` without checks, of float64 histories that are sorted and above 0."""
        return self._transform(rows)

    def absorbed(self, after: sparse.csr_matrix, before: sparse.csr_matrix) -> Self:
        """Return the same factors with :attr:`user_gram_` updated for users whose histories changed.

        Parameters
        ----------
        after, before : csr_matrix of shape (n_users, n_items)
            The histories of the changed users, as for :meth:`fold_in`. A new user has an empty row in
            ``before``, a user who left has an empty row in ``after``.
        """
        model = copy(self)
        Z, was = (self._plain(rows) for rows in (after, before))
        model.user_gram_ = self.user_gram_ + Z.T @ Z - was.T @ was
        return model

    def extended(self, rows: sparse.csr_matrix, new: NDArray[np.int64]) -> tuple[Self, Array]:
        """Return the same factors over more items: the new ones get factors by a fold-in of the item side.

        The factors of the other items, and of users without a new item, stay as they are.

        Parameters
        ----------
        rows : csr_matrix of shape (n_users, n_items)
            The histories, over all items, of the users of the new items, as for :meth:`fold_in`. These users
            must be in :attr:`user_gram_` already.
        new : ndarray of int
            The columns of the new items, ascending.

        Returns
        -------
        model, item_factors : factor model, ndarray of shape (n_new, n_components)
            The model over all items, and the factors of the new items.
        """
        model = copy(self)
        model.n_features_in_ = self.n_features_in_ + len(new)
        # columns shift when new ones come between them: number k of the old items is moved[k] now
        moved = np.delete(np.arange(model.n_features_in_), new)
        model.newcomers_ = np.union1d(moved[getattr(self, "newcomers_", new[:0])], new)
        model._grow(new)
        return model, model._settle(rows, new)

    def settled(self, rows: sparse.csr_matrix, items: NDArray[np.int64]) -> tuple[Self, Array]:
        """Return the same factors, after a fold-in of items that had no user so far.

        Parameters
        ----------
        rows : csr_matrix of shape (n_users, n_items)
            As for :meth:`extended`.
        items : ndarray of int
            The columns of these items, ascending.

        Returns
        -------
        model, item_factors : factor model, ndarray of shape (n_some, n_components)
        """
        model = copy(self)
        model.newcomers_ = np.union1d(getattr(self, "newcomers_", items[:0]), items)
        return model, model._settle(rows, items)

    def _of_the_fit(self, rows: Array) -> Array:
        """Return rows of items with 0 for items added later: folding in uses the items of the fit alone."""
        if not hasattr(self, "newcomers_"):
            return rows
        rows = rows.copy()
        rows[self.newcomers_] = 0.0
        return rows

    def _read(self, X: Histories, reset: bool) -> sparse.csr_matrix:
        """Return ``X`` as a clean float64 ``csr_matrix`` of its own: sorted, summed, without stored zeros."""
        X = validate_data(self, X, accept_sparse="csr", dtype=np.float64, reset=reset)
        check_non_negative(X, f"{type(self).__name__} (histories hold weights of at least 0)")
        # a copy, because sum_duplicates works in place and X is the caller's
        R = sparse.csr_matrix(X, copy=True)
        R.sum_duplicates()
        R.eliminate_zeros()
        return R

    def _check_rank(self, n_components: object, shape: tuple[int, int]) -> int:
        k = check_count("n_components", n_components)
        if k > min(shape):
            raise InvalidParameterError(
                f"{type(self).__name__}(n_components={k}) needs at least {k} users and {k} items; "
                f"there are {shape[0]} and {shape[1]}. Lower n_components to at most {min(shape)}."
            )
        return k

    def __sklearn_tags__(self) -> Tags:
        """Declare that histories may be sparse and are never negative."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.positive_only = True
        return tags

    def check_parameters(self, n_users: int, n_items: int) -> None:
        """Refuse parameters that cannot be used on histories of so many users and items.

        Raises
        ------
        InvalidParameterError
            If one is out of range.
        """
        self._check(sparse.coo_matrix((n_users, n_items)))

    @abstractmethod
    def _check(self, R: sparse.csr_matrix) -> None:
        """Refuse parameters that cannot be used on these histories."""

    @abstractmethod
    def _fit(self, R: sparse.csr_matrix) -> None:
        """Learn from clean histories."""

    @abstractmethod
    def _transform(self, R: sparse.csr_matrix) -> Vectors:
        """Fold clean histories in."""

    @abstractmethod
    def _plain(self, R: sparse.csr_matrix) -> Array:
        """Return the factors of clean histories before any filter: the regressors of the item side."""

    @abstractmethod
    def _grow(self, new: NDArray[np.int64]) -> None:
        """Add rows of zeros for new items."""

    @abstractmethod
    def _settle(self, R: sparse.csr_matrix, items: NDArray[np.int64]) -> Array:
        """Set the factors of items without factors from clean histories, and return them."""


def grown(rows: Array, new: NDArray[np.int64]) -> Array:
    """Return the rows of old items with rows of zeros inserted for the new ones."""
    # np.insert counts places in the old array, ``new`` in the new one
    return np.insert(rows, new - np.arange(len(new)), 0.0, axis=0)


def placed(rows: Array, items: NDArray[np.int64], values: Array) -> Array:
    """Return a copy of the rows of items, some of them replaced."""
    out = rows.copy()
    out[items] = values
    return out


_METHODS = ("fit", "transform", "fold_in", "absorbed", "extended", "settled", "check_parameters")


def check_factor_model(name: str, model: object) -> None:
    """Refuse an object that is not a factor model, and name the missing methods.

    Raises
    ------
    InvalidParameterError
    """
    if isinstance(model, FactorModel):
        return
    lacking = [method for method in _METHODS if not callable(getattr(model, method, None))]
    told = f"lacks {', '.join(lacking)}" if lacking else "is not derived from FactorModel"
    raise InvalidParameterError(
        f"{name} must be a factor model; {type(model).__name__} {told}. Derive it from "
        "tastebridge.factors.FactorModel, or wrap an estimator of scikit-learn by "
        "tastebridge.factors.from_sklearn."
    )
