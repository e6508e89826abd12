"""The Procrustes map: a rotation of the source factors onto the target factors."""

from __future__ import annotations

import numpy as np
from sklearn.utils import Tags

from tastebridge._foundation.validation import check_choice
from tastebridge._numerics.linalg import Array, procrustes
from tastebridge.maps.base import LinearMap
from tastebridge.maps.moments import CenteredMoments, Moments


class ProcrustesMap(LinearMap):
    r"""The orthogonal map nearest to the target factors.

    .. math:: \hat y = \bar y + c\, Q^\top (x - \bar x), \qquad Q = U V^\top, \quad S_{xy} = U \Sigma V^\top

    For p = q, :math:`Q` is the rotation (or reflection) that minimises
    :math:`\lVert Y - \bar Y - (X - \bar X) Q \rVert_F`; for p ≠ q it is the semi-orthogonal matrix that
    maximises :math:`\mathrm{tr}\, Q^\top S_{xy}`. The scale is the least-squares one,
    :math:`c = \mathrm{tr}\,\Sigma / \mathrm{tr}(Q^\top S_{xx} Q)`. It has far fewer degrees of freedom than
    ridge, and so needs far fewer linked users. It cannot shrink directions without correlation.

    Parameters
    ----------
    scaling : bool, default=True
        Whether to learn the scale c; otherwise c = 1.

    Attributes
    ----------
    coef_ : ndarray of shape (p, q)
        :math:`c\,Q`.
    scale_ : float
        The scale c; 0 where all source factors are constant.
    intercept_ : ndarray of shape (q,)

    References
    ----------
    P. H. Schönemann, "A generalized solution of the orthogonal Procrustes problem", Psychometrika 31 (1966).

    Examples
    --------
    >>> import numpy as np
    >>> from tastebridge.maps import ProcrustesMap
    >>> X = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> Y = 2.0 * X @ [[0.0, 1.0], [-1.0, 0.0]]
    >>> ProcrustesMap().fit(X, Y).coef_.round(6) + 0.0
    array([[ 0.,  2.],
           [-2.,  0.]])
    """

    scale_: float

    def __init__(self, scaling: bool = True) -> None:
        self.scaling = scaling

    def __sklearn_tags__(self) -> Tags:
        """Say that a rotation is a poor regressor in general: it cannot weigh its features."""
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        return tags

    def _check(self, moments: Moments) -> None:
        check_choice("scaling", self.scaling, (True, False))

    def _solve(self, S: CenteredMoments) -> Array:
        Q, gain = procrustes(S.Sxy)
        spread = float(np.sum(Q * (S.Sxx @ Q)))
        self.scale_ = (gain / spread if spread > 0 else 0.0) if self.scaling else 1.0
        return self.scale_ * Q
