"""Attacks on releases that measure their leak: membership inference, and a lower bound of epsilon."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from tastebridge._foundation.validation import check_count, check_number
from tastebridge.exceptions import InvalidDataError
from tastebridge.maps.moments import Array, Moments


def membership_auc(
    released: Moments,
    members: tuple[ArrayLike, ArrayLike],
    strangers: tuple[ArrayLike, ArrayLike],
    reference: Moments,
) -> float:
    r"""Return the AUC of an attack that distinguishes members from strangers by the cross moments.

    The attacker knows the factors (x, y) of a candidate and, from users like it, the mean cross moments to
    expect. The score is the tracing statistic
    :math:`x^\top (M_{xy}/n - M^{\text{ref}}_{xy}/n^{\text{ref}})\, y`: a member is part of the sum and so
    leans towards it. 0.5 is guessing, 1 is certainty. It measures one attack, which is a lower bound of the
    leak and not a proof; the guarantee is the proof. :func:`audited_epsilon` gives a bound in the units of
    the guarantee.

    Parameters
    ----------
    released : Moments
        The released moments of the members.
    members, strangers : (ndarray of shape (n, p), ndarray of shape (n, q))
        Factors of users who are in the moments, and of similar users who are not.
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
        raise InvalidDataError("members and strangers need at least one user each; one of the two is empty.")
    return auc(inside, outside)


def audited_epsilon(
    scores: ArrayLike,
    included: ArrayLike,
    delta: float,
    n_guesses: int | None = None,
    confidence: float = 0.95,
) -> float:
    r"""Return a lower bound of the epsilon of a mechanism, from one run with canaries.

    Each of m canaries, users made up to be easily recognised, is included by a fair coin of its own. The
    mechanism runs once, and an attack gives each canary a score from the release. The r canaries with the
    most extreme scores are guessed: the r/2 highest to be in, the r/2 lowest to be out. If the mechanism is
    :math:`(\varepsilon, \delta)`-private, at least v guesses are right with chance at most

    .. math:: \beta + 2 m \delta \alpha, \qquad \beta = \Pr[B \ge v], \quad
              \alpha = \max_{1 \le i \le v} \tfrac1i \Pr[v - i \le B < v],

    for :math:`B \sim \text{Binomial}(r, e^\varepsilon / (1 + e^\varepsilon))`. The bound is the largest
    epsilon for which this is at most one minus the confidence. It says nothing about stronger attacks, and
    a bound above the claim refutes the claim.

    Parameters
    ----------
    scores : array-like of shape (m,)
        Higher for canaries that look included; made without knowledge of ``included``.
    included : array-like of bool, shape (m,)
        Which canaries were in, each by a fair coin.
    delta : float
        The delta of the claim.
    n_guesses : int, optional
        The number r, chosen before looking at the scores; None for all canaries.
    confidence : float, default=0.95

    Returns
    -------
    float
        At least 0.

    Raises
    ------
    InvalidDataError
        If scores and included do not pair up.

    References
    ----------
    T. Steinke, M. Nasr and M. Jagielski, "Privacy auditing with one (1) training run", NeurIPS (2023),
    theorem 5.2 and appendix D.

    Examples
    --------
    >>> import numpy as np
    >>> from tastebridge.privacy import audited_epsilon
    >>> rng = np.random.default_rng(0)
    >>> included = rng.random(1000) < 0.5
    >>> 3.2 < audited_epsilon(included, included, delta=1e-6) < 3.3  # a thousand canaries show no more
    True
    >>> audited_epsilon(rng.random(1000), included, delta=1e-6)
    0.0
    """
    S, held = np.asarray(scores, dtype=np.float64), np.asarray(included, dtype=bool)
    m = len(S)
    if S.shape != held.shape or S.ndim != 1 or not m or not np.isfinite(S).all():
        raise InvalidDataError(f"scores and included must pair up; got shapes {S.shape} and {held.shape}.")
    check_number("delta", delta, 0.0, 1.0)
    check_number("confidence", confidence, 0.5, 1.0 - 1e-12)
    r = m if n_guesses is None else check_count("n_guesses", n_guesses, 2)
    # Ties are broken by a draw of their own: canaries may stand in the order of their coins.
    order = np.lexsort((np.random.default_rng(0).random(m), S))
    low = min(r, m) // 2
    high = min(r, m) - low
    v = int((~held[order[:low]]).sum() + held[order[m - high :]].sum())
    return _largest(lambda epsilon: _chance(m, low + high, v, epsilon, delta) <= 1.0 - confidence)


def _chance(m: int, r: int, v: int, epsilon: float, delta: float) -> float:
    """Return the most that the chance of ``v`` right guesses of ``r`` can be."""
    hits = stats.binom(r, 1.0 / (1.0 + np.exp(-epsilon)))
    # Entry i - 1 is Pr[v - i <= B < v] / i: the sum runs downwards from v - 1.
    below = np.cumsum(hits.pmf(np.arange(v - 1, -1, -1))) / np.arange(1, v + 1)
    return float(hits.sf(v - 1) + 2 * m * delta * below.max(initial=0.0))


def _largest(refuted: Callable[[float], bool]) -> float:
    """Return the largest epsilon that is refuted, to one in ten thousand; 0 if none is."""
    # The chance falls as epsilon grows, so doubling and then halving finds the edge.
    if not refuted(0.0):
        return 0.0
    low, high = 0.0, 1.0
    while refuted(high):
        low, high = high, 2 * high
    while high - low > 1e-4:
        middle = (low + high) / 2
        low, high = (middle, high) if refuted(middle) else (low, middle)
    return low


def auc(inside: Array, outside: Array) -> float:
    """Return the chance that one of ``inside`` scores above one of ``outside``; ties count half."""
    return float(stats.mannwhitneyu(inside, outside).statistic / (len(inside) * len(outside)))


def _scores(D: Array, X: ArrayLike, Y: ArrayLike) -> Array:
    return np.einsum("ij,ij->i", np.asarray(X, dtype=np.float64) @ D, np.asarray(Y, dtype=np.float64))
