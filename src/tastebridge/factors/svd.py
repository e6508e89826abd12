"""Spectral factors: truncated SVD of the normalised interactions, with a filter on the spectrum."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from tastebridge._foundation.validation import check_choice, check_count, check_fitted, check_number
from tastebridge._numerics.svd import right_singular
from tastebridge.factors.base import Array
from tastebridge.factors.normalized import NormalizedFactors, at_most_1, degrees, power

_ZERO = 1e-7
"""Singular values below this share of the largest carry no information and get weight 0."""


class SVDFactors(NormalizedFactors):
    r"""Truncated SVD of the degree-normalised interactions, as a graph filter.

    .. math:: A = D_u^{-a} R D_i^{-b} \approx U \Sigma V^\top, \qquad
              z_u = d_u^{-a}\, r_u\, D_i^{-b}\, V f(\Sigma), \qquad \hat r_u = z_u V^\top D_i^{b}

    with the degrees :math:`D` (row and column sums of :math:`R`), :math:`a` = ``user_power`` and :math:`b` =
    ``item_power``. The filter :math:`f` is

    - ``"ideal"``: 1, the ideal low-pass filter;
    - ``"power"``: :math:`(\sigma/\sigma_1)^\beta`, which gives smooth directions more weight;
    - ``"heat"``: :math:`e^{-\beta (1 - (\sigma/\sigma_1)^2)}`, the heat kernel at time :math:`\beta` on the
      graph of users and items, whose Laplacian has the eigenvalues :math:`1 - \sigma^2`.

    The fold-in is exact: users of the fit and new users are encoded by the same product. Solved by block
    Lanczos on the smaller side (``tastebridge._numerics.svd``).

    Parameters
    ----------
    n_components : int, default=64
        Rank, at most the number of users and of items.
    user_power, item_power : float, default=0.5
        Powers a and b of the degrees, at least 0.
    filter : {"ideal", "power", "heat"}, default="ideal"
        The spectral filter.
    beta : float, default=1.0
        Power of the filter ``"power"`` or time of ``"heat"``, at least 0; 0 is ``"ideal"``.
    restore_popularity : bool, default=True
        Whether the decoder multiplies by the items' degrees, the factor :math:`D_i^b`.
    tol : float, default=0.01
        Relative gain in spectral energy at which the iteration stops; small for exact singular vectors.
    random_state : int, default=0
        Seed of the starting block.

    Attributes
    ----------
    singular_values_ : ndarray of shape (n_components,)
        :math:`\sigma`, descending.
    encoder_ : ndarray of shape (n_items, n_components)
        :math:`D_i^{-b} V f(\Sigma)`: ``transform(X)`` is ``normalize_rows(X) @ encoder_``.
    item_factors_ : ndarray of shape (n_items, n_components)
        :math:`D_i^{b} V`, or :math:`V` without ``restore_popularity``.
    item_degrees_ : ndarray of shape (n_items,)
    n_features_in_ : int

    Raises
    ------
    InvalidParameterError
        If ``n_components`` is above the number of users or items, or another parameter is out of range.

    References
    ----------
    Y. Shen et al., "How powerful is graph convolution for recommendation?" (GF-CF), CIKM (2021). For
    ``"heat"``: R. Kondor, J. Lafferty, "Diffusion kernels on graphs and other discrete input spaces", ICML
    (2002).

    Examples
    --------
    >>> import numpy as np
    >>> from tastebridge.factors import SVDFactors
    >>> X = np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 1, 1, 1]])
    >>> model = SVDFactors(n_components=2).fit(X)
    >>> scores = model.transform([[1, 0, 0, 0]]) @ model.item_factors_.T
    >>> bool(scores[0, 1] > scores[0, 2])
    True
    """

    singular_values_: Array

    def __init__(
        self,
        n_components: int = 64,
        user_power: float = 0.5,
        item_power: float = 0.5,
        filter: str = "ideal",
        beta: float = 1.0,
        restore_popularity: bool = True,
        tol: float = 0.01,
        random_state: int = 0,
    ) -> None:
        self.n_components = n_components
        self.user_power = user_power
        self.item_power = item_power
        self.filter = filter
        self.beta = beta
        self.restore_popularity = restore_popularity
        self.tol = tol
        self.random_state = random_state

    def _check(self, R: sparse.csr_matrix) -> None:
        super()._check(R)
        check_choice("filter", self.filter, ("ideal", "power", "heat"))
        check_number("beta", self.beta, 0.0)
        check_number("tol", self.tol, 0.0)
        check_choice("restore_popularity", self.restore_popularity, (True, False))
        check_count("random_state", self.random_state, 0)
        self._check_rank(self.n_components, R.shape)

    def _fit(self, R: sparse.csr_matrix) -> None:
        self.item_degrees_ = degrees(R, axis=0)
        inverse = power(self.item_degrees_, -self.item_power)
        # items without events have degree 0, and stay columns of zeros
        A = self._normalize(R) @ sparse.diags(inverse)
        rng = np.random.default_rng(self.random_state)
        self.singular_values_, Vt = right_singular(A, self.n_components, rng, self.tol)
        self.user_gram_ = np.diag(self.singular_values_**2)
        self.encoder_ = inverse[:, None] * Vt.T * self._filter()
        self.item_factors_ = self._decoder(Vt.T, self.item_degrees_)

    def cut(self, n_components: int, filter: str = "ideal", beta: float = 1.0) -> SVDFactors:
        """Return the fitted factors with a lower rank or another filter, without a new fit.

        Parameters
        ----------
        n_components : int
            The new rank, at most the present one.
        filter : {"ideal", "power", "heat"}
        beta : float
        """
        check_fitted(self)
        k = check_count("n_components", n_components, 1, len(self.singular_values_))
        params = {**self.get_params(), "n_components": k, "filter": filter, "beta": beta}
        lower = SVDFactors(**params)
        lower.n_features_in_, lower.item_degrees_ = self.n_features_in_, self.item_degrees_
        lower.singular_values_ = self.singular_values_[:k]
        lower.item_factors_, lower.user_gram_ = self.item_factors_[:, :k], self.user_gram_[:k, :k]
        # the filter acts on the columns: take this one off (where it left anything) and put that one on
        relative = lower._filter() * power(self._filter()[:k], -1.0)
        lower.encoder_ = self.encoder_[:, :k] * relative
        return lower

    def _filter(self) -> Array:
        """Return the filter f, (n_components,), 0 for directions of rounding only."""
        sigma = self.singular_values_
        relative = sigma / sigma[0] if sigma[0] > 0 else sigma
        kept = np.where(relative > _ZERO, relative, 0.0)
        if self.filter == "heat":
            return np.asarray(np.exp(self.beta * (kept**2 - 1.0)) * (kept > 0))
        return power(kept, self.beta if self.filter == "power" else 0.0)

    def _decoder(self, V: Array, degree: Array) -> Array:
        restored = power(degree, self.item_power if self.restore_popularity else 0.0)
        return np.asarray(restored[:, None] * V)

    def _new_rows(self, products: Array, degree: Array) -> tuple[Array, Array]:
        inverse = power(degree, -self.item_power)[:, None]
        V = at_most_1(inverse * self._new_directions(products))
        return inverse * V * self._filter(), self._decoder(V, degree)
