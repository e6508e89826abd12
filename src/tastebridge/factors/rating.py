"""Factors of ratings: effects of items and users, and an inner product for the residuals."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import validate_data

from tastebridge._foundation.validation import check_count, check_fitted, check_number
from tastebridge.exceptions import InvalidDataError, InvalidParameterError
from tastebridge.factors.base import Histories
from tastebridge.factors.rating_als import alternate, posterior
from tastebridge.factors.rating_effects import item_effects, item_features

Array = NDArray[np.float64]


class RatingFactors(TransformerMixin, BaseEstimator):
    r"""Matrix factorisation of explicit ratings, with effects of items shrunk to the effects of like items.

    .. math:: \hat r_{ui} = \mu + b_i + b_u + z_u^\top v_i

    First the effects, by one penalised least squares. The effect of an item is
    :math:`b_i = c + y_i^\top g + \delta_i` with features :math:`y_i` of its raters. So an item with few
    ratings is near the items that the same users rated: see
    :func:`tastebridge.factors.rating_effects.item_effects`. Then :math:`v` by alternating least squares on
    the residuals. Given the items, a user's :math:`(b_u, z_u)` is a ridge regression of the centred ratings,
    in closed form. ``transform`` solves it, for users of the fit and others alike.

    Parameters
    ----------
    n_components : int, default=8
        Rank of z; 0 for effects alone.
    item_shrinkage : float, default=3.0
        Number of ratings at which an item's effect is half the mean of its own residuals; above 0.
    user_shrinkage : float, default=10.0
        The same for users; above 0.
    penalty : float, default=10.0
        Of the factors, in ratings, where these are counted in their standard deviation: the same ratings in
        another unit give the same factors. Above 0.
    feature_rank : int, default=64
        Number of factors of the user–item pattern among the features of items; lowered where the data allow
        less.
    feature_shrinkage : float, default=300.0
        Penalty of their weights, in ratings; above 0.
    iterations : int, default=8
        Rounds of alternating least squares.
    random_state : int, default=0

    Attributes
    ----------
    item_factors_ : ndarray of shape (n_items, 1 + n_components)
        A column of ones, which meets the effect of a user, and v.
    offsets_ : ndarray of shape (n_items, 1)
        :math:`\mu + b_i`.
    mean_ : float
        :math:`\mu`.
    n_features_in_ : int

    Raises
    ------
    InvalidParameterError
        If a parameter is out of range, or there are fewer users or items than components.
    InvalidDataError
        If there is no rating.

    References
    ----------
    Y. Koren, R. Bell and C. Volinsky, "Matrix factorization techniques for recommender systems", Computer 42
    (2009). D. Agarwal and B.-C. Chen, "Regression-based latent factor models", KDD (2009).

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import sparse
    >>> from tastebridge.factors.rating import RatingFactors
    >>> R = sparse.csr_matrix(np.array([[5.0, 4.0, 0.0], [3.0, 2.0, 1.0], [0.0, 4.0, 3.0], [5.0, 0.0, 3.0]]))
    >>> model = RatingFactors(n_components=0, feature_rank=0, item_shrinkage=0.01, user_shrinkage=0.01).fit(R)
    >>> (model.offsets_.T + model.transform(R) @ model.item_factors_.T).round(1)[0].tolist()
    [5.0, 4.0, 3.0]
    """

    item_factors_: Array
    offsets_: Array
    mean_: float

    def __init__(
        self,
        n_components: int = 8,
        item_shrinkage: float = 3.0,
        user_shrinkage: float = 10.0,
        penalty: float = 10.0,
        feature_rank: int = 64,
        feature_shrinkage: float = 300.0,
        iterations: int = 8,
        random_state: int = 0,
    ) -> None:
        self.n_components = n_components
        self.item_shrinkage = item_shrinkage
        self.user_shrinkage = user_shrinkage
        self.penalty = penalty
        self.feature_rank = feature_rank
        self.feature_shrinkage = feature_shrinkage
        self.iterations = iterations
        self.random_state = random_state

    def fit(self, X: Histories, y: None = None) -> Self:
        """Learn from ratings: a sparse matrix of users by items, whose stored entries are ratings."""
        R = self._read(X, reset=True)
        self._check(R)
        seed = self.random_state
        Y = item_features(R, min(self.feature_rank, min(R.shape) - 1), seed)
        shrink = (self.user_shrinkage, self.item_shrinkage, self.feature_shrinkage)
        self.mean_, effects, people = item_effects(R, Y, *shrink)
        effects[np.bincount(R.indices, minlength=R.shape[1]) == 0] = 0.0
        self.offsets_ = (self.mean_ + effects)[:, None]
        self.item_factors_ = np.ones((R.shape[1], 1))
        if self.n_components:
            left = self.residuals(R)
            left.data -= np.repeat(people, np.diff(left.indptr))
            # a penalty on both sides is no ridge: the fit depends on the unit of the ratings
            left.data /= R.data.std(dtype=np.float64) or 1.0
            V = alternate(left, self.n_components, self.penalty, self.iterations, seed)
            self.item_factors_ = np.column_stack([self.item_factors_, V])
        return self

    def transform(self, X: Histories) -> Array:
        """Return :math:`(b_u, z_u)` of users by their ratings, (n_users, 1 + n_components)."""
        check_fitted(self)
        R = self._read(X, reset=False)
        return posterior(self.residuals(R), self.item_factors_, self.penalties)

    def parts(self, row: sparse.csr_matrix) -> Array:
        """Return the part of each rating of one user in ``transform``, (n_ratings, 1 + n_components)."""
        E, V = self.residuals(row), self.item_factors_[row.indices]
        A = V.T @ V + np.diag(self.penalties)
        return np.asarray(np.linalg.solve(A, V.T).T * E.data[:, None])

    def residuals(self, R: sparse.csr_matrix) -> sparse.csr_matrix:
        """Return the ratings less the mean and the effects of items, in float64 and of the same pattern."""
        data = R.data.astype(np.float64) - self.offsets_[R.indices, 0]
        return sparse.csr_matrix((data, R.indices, R.indptr), shape=R.shape)

    @property
    def penalties(self) -> Array:
        """The penalties of a user's effect and factors."""
        k = self.item_factors_.shape[1] - 1
        return np.array([self.user_shrinkage] + [self.penalty] * k, dtype=np.float64)

    def _read(self, X: Histories, reset: bool) -> sparse.csr_matrix:
        X = validate_data(self, X, accept_sparse="csr", dtype=np.float64, reset=reset)
        R = sparse.csr_matrix(X)
        # Stored zeros stay: a rating of 0 is a rating.
        if not R.has_canonical_format:
            R = R.copy()
            R.sum_duplicates()
        return R

    def _check(self, R: sparse.csr_matrix) -> None:
        for name in ("item_shrinkage", "user_shrinkage", "penalty", "feature_shrinkage"):
            check_number(name, getattr(self, name), 0.0, open_minimum=True)
        check_count("feature_rank", self.feature_rank, 0)
        check_count("iterations", self.iterations)
        k = check_count("n_components", self.n_components, 0)
        if k > min(R.shape):
            raise InvalidParameterError(
                f"RatingFactors(n_components={k}) needs at least {k} users and {k} items; there are "
                f"{R.shape[0]} and {R.shape[1]}. Lower n_components to at most {min(R.shape)}."
            )
        if not R.nnz:
            raise InvalidDataError("RatingFactors needs ratings to learn from; there are none.")

    def __sklearn_tags__(self) -> Tags:
        """Say that ratings come as a sparse matrix."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
