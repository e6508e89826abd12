"""An attack on released moments, to measure what they give away."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from tastebridge.exceptions import InvalidDataError
from tastebridge.maps.moments import Array, Moments


def membership_auc(
    released: Moments,
    members: tuple[ArrayLike, ArrayLike],
    strangers: tuple[ArrayLike, ArrayLike],
    reference: Moments,
) -> float:
    r"""Return how well an attacker tells members from strangers by the cross moments: the AUC of the attack.

    The attacker knows the factors (x, y) of a candidate and, from others like them, the mean cross moments to
    expect. The score is the tracing statistic
    :math:`x^\top (M_{xy}/n - M^{\text{ref}}_{xy}/n^{\text{ref}})\, y`: a member is part of the sum and so
    leans towards it. 0.5 is guessing, 1 is certainty. It measures one attack, which is a floor and not a
    proof; the guarantee is the proof.

    Parameters
    ----------
    released : Moments
        Of the members, as released.
    members, strangers : (ndarray of shape (n, p), ndarray of shape (n, q))
        Factors of people who are in the moments, and of people alike who are not.
    reference : Moments
        Of further strangers.

    Returns
    -------
    float
        Between 0 and 1.

    References
    ----------
    C. Dwork et al., "Robust traceability from trace amounts", FOCS (2015).

    Examples
    --------
    >>> import numpy as np
    >>> from tastebridge.maps.moments import Moments
    >>> from tastebridge.privacy import PrivateMoments, membership_auc
    >>> rng = np.random.default_rng(0)
    >>> X, Y = (F / np.linalg.norm(F, axis=1, keepdims=True) for F in rng.normal(size=(2, 900, 20)))
    >>> sets = (X[:300], Y[:300]), (X[300:600], Y[300:600])
    >>> reference = Moments.from_arrays(X[600:], Y[600:])
    >>> membership_auc(Moments.from_arrays(X[:300], Y[:300]), *sets, reference) > 0.65
    True
    >>> private = PrivateMoments(epsilon=0.1, delta=1e-6).release(X[:300], Y[:300])
    >>> 0.4 < membership_auc(private, *sets, reference) < 0.6
    True
    """
    D = released.xy / released.n - reference.xy / reference.n
    inside, outside = (_scores(D, *pair) for pair in (members, strangers))
    if not len(inside) or not len(outside):
        raise InvalidDataError("members and strangers must both be there to be told apart.")
    return auc(inside, outside)


def auc(inside: Array, outside: Array) -> float:
    """Return the chance that one of ``inside`` scores above one of ``outside``; ties count half."""
    return float(stats.mannwhitneyu(inside, outside).statistic / (len(inside) * len(outside)))


def _scores(D: Array, X: ArrayLike, Y: ArrayLike) -> Array:
    return np.einsum("ij,ij->i", np.asarray(X, dtype=np.float64) @ D, np.asarray(Y, dtype=np.float64))
