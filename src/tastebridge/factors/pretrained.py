"""Factors trained elsewhere: the item vectors of a model in production, and its own fold-in of users."""

from __future__ import annotations

import hashlib
from copy import copy
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from tastebridge._foundation.validation import check_choice, check_number
from tastebridge._numerics.linalg import row_sums, with_data
from tastebridge._numerics.threads import one_blas_thread
from tastebridge.exceptions import InvalidDataError, InvalidParameterError
from tastebridge.factors._given_foldin import Rule
from tastebridge.factors.base import Array, FactorModel, Histories, grown, placed

RULES = ("implicit", "explicit", "mean")
SETTINGS = (
    "regularization",
    "alpha",
    "rule",
    "base_confidence",
    "scale_regularization",
    "user_damping",
)
"""The parameters of the fold-in, which a file of vectors can hold."""


class PretrainedFactors(FactorModel):
    r"""Item vectors of a model trained elsewhere, with the fold-in of users by its own least squares.

    No item vectors are learned here. With the item vectors :math:`Y` and a history :math:`r`, the vector of a
    user depends on ``rule``:

    - ``"implicit"``: :math:`z = (Y^\top Y + \sum_i (c_i - 1)\, y_i y_i^\top + \lambda I)^{-1} \sum_i c_i y_i`
      over the items of the history, with the confidence :math:`c_i = c_0 + \alpha r_i`, as in ALS of implicit
      feedback;
    - ``"explicit"``: :math:`z = (\sum_i y_i y_i^\top + \lambda I)^{-1} \sum_i (r_i - b_i)\, y_i`, as in the
      factorisation of ratings, with the ``item_biases`` :math:`b`;
    - ``"mean"``: :math:`z = \sum_i r_i y_i / \sum_i r_i`, for vectors of words or sessions.

    With ``user_damping`` :math:`\beta` the bias of the user, :math:`\sum_i (r_i - b_i) / (n + \beta)` over
    the n ratings, is subtracted from the ratings too. With ``scale_regularization`` the
    penalty is :math:`\lambda` times the number of events of the user. The
    readers :func:`tastebridge.factors.from_implicit` and others set these parameters as each package does.

    Parameters
    ----------
    items : list or ndarray of ids, optional
        The id of each vector, as in the panel. None for vectors in the order of the columns of histories.
    factors : ndarray of shape (n_items, n_components)
        :math:`Y`, finite.
    regularization : float, default=0.1
        :math:`\lambda`, above 0.
    alpha : float, default=1.0
        :math:`\alpha`, at least 0: the confidence that one unit of weight adds.
    rule : {"implicit", "explicit", "mean"}, default="implicit"
    base_confidence : float, default=0.0
        :math:`c_0`, at least 0: 0 as in implicit, 1 as in Spark and LensKit.
    scale_regularization : bool, default=False
    item_biases : ndarray of shape (n_items,), optional
        :math:`b`, the predicted rating of an item without a user vector; only with ``"explicit"``.
    user_damping : float, optional
        :math:`\beta`, at least 0, as in LensKit; None for no bias of users. Only with ``"explicit"``.
    users : list or ndarray of ids, optional
        The id of each of ``user_factors``.
    user_factors : ndarray of shape (n_users, n_components), optional
        User vectors of that model. A fit compares them with the fold-in, and warns if they differ, because
        the parameters above then differ from those of the training. They are not saved with a mapper.

    Attributes
    ----------
    item_factors_ : ndarray of shape (n_items, n_components)
        :math:`Y` in float64. Items added after the fit get the least squares of the item side.
    gram_ : ndarray of shape (n_components, n_components)
        :math:`Y^\top Y` at the fit; items added later do not change it, nor the vectors of other users.
    user_gram_ : ndarray of shape (n_components, n_components)
        :math:`\sum_u z_u z_u^\top` over the users of ``fit``; used by new items.
    n_features_in_ : int

    Raises
    ------
    InvalidParameterError
        If a parameter is out of range, or vectors, ids and biases do not have one length.
    InvalidDataError
        If vectors are not finite, or histories have another width.

    References
    ----------
    Y. Hu, Y. Koren and C. Volinsky, "Collaborative filtering for implicit feedback datasets", ICDM (2008).
    For ``scale_regularization``: Y. Zhou et al., "Large-scale parallel collaborative filtering for the
    Netflix prize", AAIM (2008). As a source model of a map: T. Man et al., "Cross-domain recommendation: an
    embedding and mapping approach", IJCAI (2017).

    Examples
    --------
    >>> import numpy as np
    >>> from tastebridge.factors import PretrainedFactors
    >>> books = PretrainedFactors(["dune", "emma"], np.array([[1.0, 0.0], [0.0, 1.0]]), alpha=2.0)
    >>> books.fit([[1.0, 0.0]]).transform([[1.0, 0.0], [0.0, 0.0]]).round(3)
    array([[0.952, 0.   ],
           [0.   , 0.   ]])
    """

    gram_: Array
    biases_: Array

    def __init__(
        self,
        items: ArrayLike | None = None,
        factors: NDArray[np.floating[Any]] | None = None,
        regularization: float = 0.1,
        alpha: float = 1.0,
        rule: str = "implicit",
        base_confidence: float = 0.0,
        scale_regularization: bool = False,
        item_biases: NDArray[np.floating[Any]] | None = None,
        users: ArrayLike | None = None,
        user_factors: NDArray[np.floating[Any]] | None = None,
        user_damping: float | None = None,
    ) -> None:
        self.items = items
        self.factors = factors
        self.regularization = regularization
        self.alpha = alpha
        self.rule = rule
        self.base_confidence = base_confidence
        self.scale_regularization = scale_regularization
        self.item_biases = item_biases
        self.users = users
        self.user_factors = user_factors
        self.user_damping = user_damping

    @property
    def n_components(self) -> int:
        """The number of components of the vectors."""
        return _matrix("factors", self.factors).shape[1]

    def checked(self) -> Self:
        """Return the same object if its vectors can be used.

        Raises
        ------
        InvalidParameterError, InvalidDataError
            As for the class.
        """
        self._check_settings()
        n, k = _matrix("factors", self.factors).shape
        _check_ids("items", self.items, "factors", n)
        if self.item_biases is not None:
            _check_biases(self.item_biases, n, self.rule)
        if (self.users is None) != (self.user_factors is None):
            raise InvalidParameterError("users and user_factors belong together. Give both, or neither.")
        if self.user_factors is not None:
            rows, width = _matrix("user_factors", self.user_factors).shape
            _check_ids("users", self.users, "user_factors", rows)
            if width != k:
                raise InvalidParameterError(
                    f"user_factors must have {k} columns as factors have; got {width}. Take both from "
                    "one model."
                )
        return self

    def over(self, numbers: NDArray[np.int64], n_items: int) -> PretrainedFactors:
        """Return the same model over ``n_items`` items; items without a vector are ignored.

        Parameters
        ----------
        numbers : ndarray of shape (len(factors),)
            The column of each vector; -1 for vectors that are left out.
        n_items : int
        """
        known = numbers >= 0
        Y = np.zeros((n_items, self.n_components))
        Y[numbers[known]] = np.asarray(self.factors)[known]
        # a copy, since the caller may lay the same model over another panel
        model = copy(self)
        model.items, model.factors = None, Y
        if self.item_biases is not None:
            model.item_biases = np.zeros(n_items)
            model.item_biases[numbers[known]] = np.asarray(self.item_biases)[known]
        return model

    def fit(self, X: Histories, y: None = None) -> Self:
        """Set the item vectors, and sum the user vectors of ``X`` for the fold-in of later items."""
        self.checked()
        return super().fit(X, y)

    def _check(self, R: sparse.csr_matrix) -> None:
        self._check_settings()
        if self.factors is not None and R.shape[1] != len(self.factors):
            raise InvalidDataError(
                f"PretrainedFactors has {len(self.factors)} item vectors, and the histories have "
                f"{R.shape[1]} items. Give one vector per column, or ids by items= within a mapper."
            )

    def _check_settings(self) -> None:
        check_choice("rule", self.rule, RULES)
        check_number("regularization", self.regularization, 0.0, open_minimum=True)
        check_number("alpha", self.alpha, 0.0)
        check_number("base_confidence", self.base_confidence, 0.0)
        check_choice("scale_regularization", self.scale_regularization, (True, False))
        if self.user_damping is not None:
            check_number("user_damping", self.user_damping, 0.0)
            if self.rule != "explicit":
                raise InvalidParameterError(
                    f"user_damping applies to ratings and needs rule='explicit'; got rule={self.rule!r}. "
                    "Leave it "
                    "None."
                )

    def _fit(self, R: sparse.csr_matrix) -> None:
        # in float64 whatever was given: the fold-in then has the same bits for float32 vectors
        self.item_factors_ = np.array(self.factors, dtype=np.float64)
        if self.item_biases is not None:
            self.biases_ = np.array(self.item_biases, dtype=np.float64)
        with one_blas_thread():  # its bits depend on their number
            self.gram_ = self.item_factors_.T @ self.item_factors_
        Z = self._transform(R)
        self.user_gram_ = Z.T @ Z

    def _transform(self, R: sparse.csr_matrix) -> Array:
        return self._solve(R, self.item_factors_)

    def _plain(self, R: sparse.csr_matrix) -> Array:
        return self._solve(R, self._of_the_fit(self.item_factors_))

    def _solve(self, R: sparse.csr_matrix, Y: Array) -> Array:
        # items without a vector say nothing of a user, and do not count as events either
        known = self._with_vector(Y)
        if not known[R.indices].all():
            R = with_data(R, R.data * known[R.indices]).copy()  # its pattern changes, and may be the caller's
            R.eliminate_zeros()
        # a rating that equals its bias stays an event, with the value 0
        if hasattr(self, "biases_"):
            R = with_data(R, R.data - self.biases_[R.indices])
        if self.user_damping is not None:
            counts = np.diff(R.indptr)
            weights = np.maximum(counts + self.user_damping, 1e-12)
            R = with_data(R, R.data - np.repeat(row_sums(R, R.data) / weights, counts))
        return self._rule().vectors(R, Y, self.gram_)

    def _with_vector(self, Y: Array) -> NDArray[np.bool_]:
        """Return which items have a vector; kept, as a request of one user should not read all vectors."""
        if self.__dict__.get("_seen", (None,))[0] is not Y:
            self.__dict__["_seen"] = Y, Y.any(axis=1)
        known: NDArray[np.bool_] = self.__dict__["_seen"][1]
        return known

    def settings(self) -> dict[str, float | str | bool]:
        """Return the parameters of the fold-in, without arrays and without a damping of None."""
        found = {name: getattr(self, name) for name in SETTINGS}
        return {name: value for name, value in found.items() if value is not None}

    def _rule(self) -> Rule:
        return Rule(
            self.rule, self.regularization, self.alpha, self.base_confidence, bool(self.scale_regularization)
        )

    def _grow(self, new: NDArray[np.int64]) -> None:
        self.item_factors_ = grown(self.item_factors_, new)
        if hasattr(self, "biases_"):
            self.biases_ = grown(self.biases_, new)

    def _settle(self, R: sparse.csr_matrix, items: NDArray[np.int64]) -> Array:
        """Fold items in by the vectors of their users, by the same rule."""
        Y = self._rule().vectors(sparse.csr_matrix(R[:, items].T), self._plain(R), self.user_gram_)
        self.item_factors_ = placed(self.item_factors_, items, Y)
        return Y

    def __sklearn_clone__(self) -> Self:
        """Return an unfitted model of the same arrays: they are read, and never written."""
        return type(self)(**self.get_params(deep=False))

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return a model of the same arrays."""
        return copy(self)

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        """Return the sizes and a digest of the arrays, which distinguishes models."""
        if self.factors is None:
            return "PretrainedFactors()"
        n, k = np.shape(self.factors)
        return f"PretrainedFactors({n} items, {k} components, {self.rule}, {self._digest()})"

    def _digest(self) -> str:
        """Return eight digits of a hash of the vectors and the settings, made once for these arrays."""
        parts = (self.factors, self.item_biases)
        settings = repr(self._rule()) + ("" if self.user_damping is None else repr(self.user_damping))
        # by identity: comparing arrays would cost as much as the hash
        made = self.__dict__.get("_made")
        if made is None or made[0] is not parts[0] or made[1] is not parts[1] or made[2] != settings:
            whole = hashlib.sha256(settings.encode())
            for part in parts:
                whole.update(b"" if part is None else np.ascontiguousarray(part, dtype=np.float64).data)
            made = (*parts, settings, whole.hexdigest()[:8])
            self.__dict__["_made"] = made
        return str(made[3])


def _matrix(name: str, value: object) -> NDArray[np.floating[Any]]:
    """Return a matrix of finite numbers, or refuse it."""
    if value is None:
        raise InvalidParameterError(
            f"PretrainedFactors needs {name}, an array of shape (n, n_components); got None. A saved "
            "mapper keeps no copy of the arrays it was given: give them again for another fit."
        )
    array = np.asarray(value)
    if array.dtype.kind not in "fiu" or array.ndim != 2 or not array.size:
        raise InvalidParameterError(
            f"{name} must be a matrix of numbers, one row each; got {array.dtype} of shape {array.shape}."
        )
    if not np.isfinite(array).all():
        bad = int(np.flatnonzero(~np.isfinite(array).all(axis=1))[0])
        raise InvalidDataError(
            f"{name} must be finite; row {bad} is not. Train the model again, or leave the row out."
        )
    return array


def _check_ids(name: str, ids: ArrayLike | None, of: str, n: int) -> None:
    if ids is not None and (np.ndim(ids) != 1 or len(np.asarray(ids)) != n):
        raise InvalidParameterError(
            f"{name} must be one id for each of the {n} rows of {of}; got shape {np.shape(ids)}."
        )


def _check_biases(biases: NDArray[np.floating[Any]], n: int, rule: str) -> None:
    if rule != "explicit":
        raise InvalidParameterError(
            f"item_biases apply to ratings and need rule='explicit'; got rule={rule!r}. Leave them None."
        )
    if np.shape(biases) != (n,) or not np.isfinite(biases).all():
        raise InvalidParameterError(
            f"item_biases must be {n} finite numbers, one per item; got shape {np.shape(biases)}."
        )
