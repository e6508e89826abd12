"""ALS factors: weighted matrix factorisation of implicit feedback, trained by the package implicit."""

from __future__ import annotations

import warnings
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge._foundation.validation import check_count, check_number
from tastebridge._numerics.linalg import with_data
from tastebridge._numerics.threads import one_blas_thread
from tastebridge.exceptions import InvalidDataError
from tastebridge.factors._foldin import fold_in
from tastebridge.factors.base import Array, FactorModel, grown, placed

with warnings.catch_warnings():
    # implicit loads tqdm, whose bars are never shown here; it warns in notebooks without ipywidgets
    warnings.filterwarnings("ignore", message="IProgress not found")
    from implicit.cpu.als import AlternatingLeastSquares
    from implicit.recommender_base import ModelFitError


_ALONE = 10_000
"""Interactions below which one thread trains: starting others takes longer than they save."""


class ALSFactors(FactorModel):
    r"""Weighted matrix factorisation of implicit feedback by alternating least squares.

    .. math:: \min_{Z, Y} \sum_{u,i} c_{ui} (p_{ui} - z_u^\top y_i)^2
              + \lambda \Big(\sum_u \lVert z_u \rVert^2 + \sum_i \lVert y_i \rVert^2\Big)

    with :math:`p = 1` and :math:`c = \alpha r` where there is an interaction of weight r, and :math:`p = 0`,
    :math:`c = 1` elsewhere. The items are trained by implicit's conjugate gradients in float32. ``transform``
    is the exact minimiser for a user given the items,
    :math:`z_u = (Y^\top C_u Y + \lambda I)^{-1} Y^\top C_u p_u`, in float64. No user factors are kept.

    Parameters
    ----------
    n_components : int, default=64
        Rank, at most the number of users and of items.
    regularization : float, default=0.1
        Penalty :math:`\lambda`, above 0.
    alpha : float, default=5.0
        Confidence of an interaction of weight 1, above 0.
    iterations : int, default=8
        Rounds of alternation; more rounds did not improve recommendations.
    random_state : int, default=0
        Seed of the starting factors.
    n_jobs : int, optional
        Threads; None or -1 for all cores. The result does not depend on it.

    Attributes
    ----------
    item_factors_ : ndarray of shape (n_items, n_components)
        :math:`Y`. Items without interactions are zeros.
    gram_ : ndarray of shape (n_components, n_components)
        :math:`Y^\top Y + \lambda I`, used by the fold-in of users.
    user_gram_ : ndarray of shape (n_components, n_components)
        :math:`\sum_u z_u z_u^\top` over the users of the fit, used by the fold-in of new items.
    n_features_in_ : int

    Raises
    ------
    InvalidParameterError
        If ``n_components`` is above the number of users or items, or another parameter is out of range.
    InvalidDataError
        If the weights are too large for float32.

    References
    ----------
    Y. Hu, Y. Koren and C. Volinsky, "Collaborative filtering for implicit feedback datasets", ICDM (2008).
    G. Takács, I. Pilászy and D. Tikk, "Applications of the conjugate gradient method for implicit feedback
    collaborative filtering", RecSys (2011).

    Examples
    --------
    >>> import numpy as np
    >>> from tastebridge.factors import ALSFactors
    >>> X = np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]])
    >>> model = ALSFactors(n_components=2, alpha=10.0).fit(X)
    >>> abs(model.transform([[1, 0, 0, 0]]) @ model.item_factors_.T).round(1)
    array([[0.9, 0.9, 0. , 0. ]])
    """

    user_gram_: Array

    def __init__(
        self,
        n_components: int = 64,
        regularization: float = 0.1,
        alpha: float = 5.0,
        iterations: int = 8,
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.regularization = regularization
        self.alpha = alpha
        self.iterations = iterations
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _check(self, R: sparse.csr_matrix) -> None:
        self._check_rank(self.n_components, R.shape)
        check_number("regularization", self.regularization, 0.0, open_minimum=True)
        check_number("alpha", self.alpha, 0.0, open_minimum=True)
        check_count("iterations", self.iterations)
        check_count("random_state", self.random_state, 0, 2**32 - 1)
        if self.n_jobs not in (None, -1):
            check_count("n_jobs", self.n_jobs)

    def _fit(self, R: sparse.csr_matrix) -> None:
        Z, Y = (factors.astype(np.float64) for factors in self._train(R))
        self.adopt(Y, Z.T @ Z)

    def adopt(self, item_factors: Array, user_gram: Array) -> Self:
        """Set factors trained elsewhere; the fold-in is the same as after a fit.

        Parameters
        ----------
        item_factors : ndarray of shape (n_items, n_components)
        user_gram : ndarray of shape (n_components, n_components)
            The second moments of the users' factors, from which new items get their factors.
        """
        Y = np.asarray(item_factors, dtype=np.float64)
        self.item_factors_, self.n_features_in_ = Y, len(Y)
        self.gram_, self.user_gram_ = Y.T @ Y + self.regularization * np.eye(Y.shape[1]), user_gram
        return self

    def _train(self, R: sparse.csr_matrix) -> tuple[Array, Array]:
        """Return the factors of users and items of implicit, in float32."""
        C = sparse.csr_matrix((R.data.astype(np.float32), R.indices, R.indptr), shape=R.shape)
        with one_blas_thread():
            # a new model in every fit: implicit continues from the factors of an earlier one
            model = AlternatingLeastSquares(
                factors=int(self.n_components),
                regularization=float(self.regularization),
                alpha=float(self.alpha),
                iterations=int(self.iterations),
                num_threads=self._threads(R.nnz),
                random_state=int(self.random_state),
            )
            try:
                model.fit(C, show_progress=False)
            except ModelFitError as error:
                raise InvalidDataError(
                    f"ALSFactors ended in values that are not finite; the largest weight is {R.data.max():g} "
                    f"and alpha is {self.alpha:g}. Scale the weights down or raise regularization."
                ) from error
        return model.user_factors, model.item_factors

    def _threads(self, n_interactions: int) -> int:
        """Return the number of threads for implicit, where 0 means all cores."""
        if n_interactions < _ALONE:
            return 1
        return 0 if self.n_jobs in (None, -1) else int(self.n_jobs or 0)

    def _transform(self, R: sparse.csr_matrix) -> Array:
        return self._solve(R, self.item_factors_)

    def _plain(self, R: sparse.csr_matrix) -> Array:
        return self._solve(R, self._of_the_fit(self.item_factors_))

    @property
    def gram_(self) -> Array:
        """The part of the normal equations shared by all users; its inverse is kept too."""
        return self._gram

    @gram_.setter
    def gram_(self, gram: Array) -> None:
        try:
            with one_blas_thread():  # its bits depend on their number
                self._inverse = np.asarray(np.linalg.inv(gram), dtype=np.float64)
        except np.linalg.LinAlgError:
            raise InvalidDataError(
                "gram_ of ALSFactors has no inverse; it must be the second moments of the items plus the "
                "penalty. Fit the model again, or restore the saved file."
            ) from None
        self._gram = gram

    def _solve(self, R: sparse.csr_matrix, Y: Array) -> Array:
        return fold_in(with_data(R, self.alpha * R.data), Y, self.gram_, self._inverse)

    def _grow(self, new: NDArray[np.int64]) -> None:
        self.item_factors_ = grown(self.item_factors_, new)

    def _settle(self, R: sparse.csr_matrix, items: NDArray[np.int64]) -> Array:
        r"""Fold items in like users, :math:`y_i = (Z^\top C_i Z + \lambda I)^{-1} Z^\top C_i p_i`.

        The Gram matrix of the items stays, so that the factors of users without these items stay too.
        """
        G = self.user_gram_ + self.regularization * np.eye(len(self.user_gram_))
        inverse = np.asarray(np.linalg.inv(G), dtype=np.float64)
        takers = sparse.csr_matrix(R[:, items].T)
        Y = fold_in(with_data(takers, self.alpha * takers.data), self._plain(R), G, inverse)
        self.item_factors_ = placed(self.item_factors_, items, Y)
        return Y
