"""Identity factors: the normalised interactions themselves, at full rank."""

from __future__ import annotations

from typing import Any

from scipy import sparse

from tastebridge.factors._normalized import NormalizedFactors, degrees, power


class IdentityFactors(NormalizedFactors):
    r"""The normalised history itself as the factors, one an item: nothing compressed, nothing lost.

    .. math:: z_u = d_u^{-a}\, r_u\, D_i^{-b}, \qquad \hat r_u = z_u D_i^{b}

    It serves full-rank maps solved in the dual, which need the interactions and not a summary of them.
    Factors and decoder are sparse.

    Parameters
    ----------
    user_power : float, default=0.5
        Power a of the person's degree, at least 0.
    item_power : float, default=0.0
        Power b of the item's degree in the training, at least 0.

    Attributes
    ----------
    encoder_, item_factors_ : csr_matrix of shape (n_items, n_items)
        The diagonals :math:`D_i^{-b}` and :math:`D_i^{b}`; items never seen in the training are 0 in both.
    item_degrees_ : ndarray of shape (n_items,)
    n_features_in_ : int

    Raises
    ------
    InvalidParameterError
        If a power is negative or not a finite number.

    Examples
    --------
    >>> import numpy as np
    >>> from tastebridge.factors import IdentityFactors
    >>> X = np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]])
    >>> IdentityFactors(user_power=1.0).fit(X).transform(X).toarray()
    array([[0.5, 0.5, 0. ],
           [0. , 0.5, 0.5]])
    """

    def __init__(self, user_power: float = 0.5, item_power: float = 0.0) -> None:
        self.user_power = user_power
        self.item_power = item_power

    def _fit(self, R: Any) -> None:
        self.item_degrees_ = degrees(R, axis=0)
        self.encoder_ = sparse.diags(power(self.item_degrees_, -self.item_power), format="csr")
        self.item_factors_ = sparse.diags(power(self.item_degrees_, self.item_power), format="csr")
