"""EASE factors: the item-item ridge of shallow autoencoders, truncated to a rank."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from tastebridge._foundation.validation import check_count, check_number
from tastebridge._numerics.svd import right_singular
from tastebridge.factors.base import Array
from tastebridge.factors.normalized import NormalizedFactors, at_most_1, degrees, power


class EASEFactors(NormalizedFactors):
    r"""Linear autoencoder with a zero diagonal, from the leading singular vectors of the interactions.

    EASE regresses every item on all others, :math:`\min_B \lVert R - RB \rVert^2 + \lambda \lVert B \rVert^2`
    with :math:`\mathrm{diag}(B) = 0`. With :math:`R = U \Sigma V^\top` and the ridge filter
    :math:`f(\sigma) = \sigma^2 / (\sigma^2 + \lambda)` its solution is, off the diagonal,

    .. math:: B_{ij} = \frac{(V f V^\top)_{ij}}{1 - (V f V^\top)_{jj}}, \qquad
              z_u = r_u V f(\Sigma), \qquad \hat r_{uj} = \frac{z_u^\top v_j}{1 - v_j^\top f v_j}

    so that an item outside the history gets the exact score of EASE, as an inner product. For items in the
    history, the diagonal that EASE forbids is left in. With all directions the scores are exact; with
    ``n_components`` the directions of largest filter value are kept.

    Parameters
    ----------
    n_components : int, default=128
        Directions, at most the number of users and of items.
    regularization : float, default=300.0
        Penalty :math:`\lambda` in squared weight, above 0; it does not scale with the number of users.
    tol : float, default=0.01
        Relative gain in spectral energy at which the iteration stops; small for exact singular vectors.
    random_state : int, default=0
        Seed of the starting block.

    Attributes
    ----------
    singular_values_ : ndarray of shape (n_components,)
        :math:`\sigma`, descending.
    encoder_ : ndarray of shape (n_items, n_components)
        :math:`V f(\Sigma)`.
    item_factors_ : ndarray of shape (n_items, n_components)
        Rows :math:`v_j / (1 - v_j^\top f v_j)`.
    item_degrees_ : ndarray of shape (n_items,)
    n_features_in_ : int

    Raises
    ------
    InvalidParameterError
        If ``n_components`` is above the number of users or items, or another parameter is out of range.

    References
    ----------
    H. Steck, "Embarrassingly shallow autoencoders for sparse data", WWW (2019).

    Examples
    --------
    >>> import numpy as np
    >>> from tastebridge.factors import EASEFactors
    >>> X = np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 1, 1, 1]])
    >>> model = EASEFactors(n_components=3, regularization=1.0).fit(X)
    >>> scores = model.transform([[1, 0, 0, 0]]) @ model.item_factors_.T
    >>> bool(scores[0, 1] > scores[0, 2])
    True
    """

    singular_values_: Array
    encoder_: Array
    user_power, item_power = 0.0, 0.0

    def __init__(
        self,
        n_components: int = 128,
        regularization: float = 300.0,
        tol: float = 0.01,
        random_state: int = 0,
    ) -> None:
        self.n_components = n_components
        self.regularization = regularization
        self.tol = tol
        self.random_state = random_state

    def _check(self, R: sparse.csr_matrix) -> None:
        super()._check(R)
        check_number("regularization", self.regularization, 0.0, open_minimum=True)
        check_number("tol", self.tol, 0.0)
        check_count("random_state", self.random_state, 0)
        self._check_rank(self.n_components, R.shape)

    def _fit(self, R: sparse.csr_matrix) -> None:
        self.item_degrees_ = degrees(R, axis=0)
        rng = np.random.default_rng(self.random_state)
        self.singular_values_, Vt = right_singular(R, self.n_components, rng, self.tol)
        # R V = U Sigma, whose Gram matrix is diagonal
        self.user_gram_ = np.diag(self.singular_values_**2)
        self.encoder_ = Vt.T * self._filter()
        # an item alone in a direction would explain itself: the filter, below 1, keeps the divisor above 0
        own = np.einsum("ik,ik->i", self.encoder_, Vt.T)
        self.item_factors_ = Vt.T / (1.0 - own)[:, None]

    def _filter(self) -> Array:
        energy = self.singular_values_**2
        return np.asarray(energy / (energy + self.regularization))

    def _new_rows(self, products: Array, degree: Array) -> tuple[Array, Array]:
        r"""Return as item factors the ridge regression of the new items on the others.

        Within the kept directions it is :math:`r_i^\top T (T^\top T + \lambda I)^{-1}`. The item factor is
        this divided by the filter, because the user factors hold the filter already. A new item is not among
        its own regressors, so there is no diagonal to correct.
        """
        G = self.user_gram_ + self.regularization * np.eye(products.shape[1])
        decoder = np.linalg.solve(G, products.T).T * power(self._filter(), -1.0)
        return at_most_1(self._new_directions(products)) * self._filter(), np.asarray(decoder)
