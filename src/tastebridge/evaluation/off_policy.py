r"""Off-policy estimators: the reward of a policy from rewards that another one has logged; arrays only.

Row :math:`i` of a log holds a user :math:`x_i`, the item :math:`a_i` that was shown, its reward :math:`r_i`
and the propensity :math:`p_i`, the probability with which the logging system showed this item to this user.
:math:`\pi(a \mid x)` is the probability with which the policy to be judged would show it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Estimates(NamedTuple):
    r"""One value per row for each estimator; the estimate is their mean.

    Attributes
    ----------
    ips : ndarray of shape (n,)
        :math:`w_i r_i`.
    snips : ndarray of shape (n,)
        :math:`\hat V + w_i (r_i - \hat V) / \bar w`, whose mean is the estimate :math:`\hat V`, and whose
        variance is that of the ratio to first order; NaN where all weights are 0.
    dr : ndarray of shape (n,)
    """

    ips: Floats
    snips: Floats
    dr: Floats


def importance_weights(policy: Floats, propensity: Floats, clip: float | None = None) -> Floats:
    r"""Return :math:`w_i = \min(\pi(a_i \mid x_i)/p_i, c)`, without a clip :math:`c` where it is None.

    A clip makes the variance finite and the estimate too low (for rewards of at least 0): it leaves out
    :math:`E[(w - c)_+ r]`.

    Examples
    --------
    >>> importance_weights(np.array([0.5, 0.0]), np.array([0.1, 0.5]), clip=2.0).tolist()
    [2.0, 0.0]
    """
    weights = policy / propensity
    return weights if clip is None else np.minimum(weights, clip)


def estimates(rewards: Floats, weights: Floats, expected: Floats, expected_of_policy: Floats) -> Estimates:
    r"""Return the values of IPS, SNIPS and the doubly robust estimator.

    .. math:: \hat V_{IPS} = \frac1n \sum_i w_i r_i, \qquad
              \hat V_{SNIPS} = \frac{\sum_i w_i r_i}{\sum_i w_i}, \qquad
              \hat V_{DR} = \frac1n \sum_i \Bigl(\sum_a \pi(a \mid x_i) \hat q(x_i, a)
              + w_i (r_i - \hat q(x_i, a_i))\Bigr)

    IPS is unbiased if every item the policy may show had a propensity above 0. SNIPS has less variance and a
    bias that vanishes with n. DR is unbiased if either the propensities or the expected rewards
    :math:`\hat q` are right, and has less variance the better :math:`\hat q` is.

    Parameters
    ----------
    rewards, weights : ndarray of shape (n,)
    expected : ndarray of shape (n,)
        :math:`\hat q(x_i, a_i)`, learned without the row.
    expected_of_policy : ndarray of shape (n,)
        :math:`\sum_a \pi(a \mid x_i) \hat q(x_i, a)`.

    References
    ----------
    D. G. Horvitz and D. J. Thompson, "A generalization of sampling without replacement from a finite
    universe", JASA 47 (1952). A. Swaminathan and T. Joachims, "The self-normalized estimator for
    counterfactual learning", NeurIPS (2015). M. Dudík, J. Langford and L. Li, "Doubly robust policy
    evaluation and learning", ICML (2011). Y. Saito et al., "Open Bandit Dataset and Pipeline", NeurIPS
    (2021), for values to compare with.

    Examples
    --------
    >>> ones = np.ones(2)
    >>> found = estimates(np.array([1.0, 0.0]), np.array([2.0, 1.0]), 0.5 * ones, 0.5 * ones)
    >>> [round(float(values.mean()), 3) for values in found]
    [1.0, 0.667, 0.75]
    """
    ips, total = weights * rewards, weights.sum()
    ratio = ips.sum() / total if total else np.nan
    snips = ratio + weights * (rewards - ratio) * (len(weights) / total if total else np.nan)
    return Estimates(ips, snips, expected_of_policy + weights * (rewards - expected))


def effective_size(weights: Floats) -> float:
    r"""Return :math:`(\sum_i w_i)^2 / \sum_i w_i^2`, the effective number of rows.

    References
    ----------
    L. Kish, "Survey Sampling", 1965.

    Examples
    --------
    >>> effective_size(np.array([1.0, 1.0, 0.0]))
    2.0
    """
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares else 0.0


def expected_rewards(
    items: NDArray[np.int64],
    rewards: Floats,
    folds: NDArray[np.int64],
    shape: tuple[int, int],
    shrinkage: float = 10.0,
) -> Floats:
    r"""Return the expected reward of every item, learned without the rows of each fold.

    .. math:: \hat q_f(a) = \frac{\sum_{i \notin f, a_i = a} r_i + h \bar r_f}{n_{fa} + h}

    with the mean reward :math:`\bar r_f` and the rows :math:`n_{fa}` of the other folds, and h =
    ``shrinkage`` rows.

    Parameters
    ----------
    items, rewards, folds : ndarray of shape (n,)
        The item, the reward and the fold of each row.
    shape : (int, int)
        The numbers of folds and of items.
    shrinkage : float, default=10

    Returns
    -------
    ndarray of shape (n_folds, n_items)

    Examples
    --------
    >>> items, folds = np.array([0, 0, 1]), np.array([0, 1, 1])
    >>> expected_rewards(items, np.array([1.0, 1.0, 0.0]), folds, (2, 2), 1.0).tolist()
    [[0.75, 0.25], [1.0, 1.0]]
    """
    found = np.zeros(shape)
    for fold in range(shape[0]):
        rest = folds != fold
        mean = rewards[rest].mean() if rest.any() else 0.0
        sums = np.bincount(items[rest], rewards[rest], shape[1])
        counts = np.bincount(items[rest], minlength=shape[1])
        found[fold] = (sums + shrinkage * mean) / (counts + shrinkage)
    return found
