r"""A user's taste in the target, given answers about items: a Gaussian posterior, linear in the answers.

A user's score of an item i is the score by the history plus a deviation :math:`\gamma_u\, t^\top x_i`. Here
:math:`x_i` holds the item's vectors in the model's factors of the target. Each space is divided by the root
mean square length of its vectors, and multiplied by the root of its share :math:`\pi_s`; the shares sum to 1.
SVD of the target alone has four times the share of other factors, and joint ALS twice. The prior is
:math:`t \sim N(0, I)`: its mean is the model's own score. The more events a user has, the less is left to
learn: with n events :math:`\gamma_u = \gamma / \sqrt{1 + n / h}`, the deviation after n observations of which
h are worth the prior. An answer about item j observes the direction of the item,

.. math:: a_j = w_j^\top t + \varepsilon, \qquad w_j = x_j / \lVert x_j \rVert, \qquad
          \varepsilon \sim N(0, \lambda),

with a = 1 for "liked" and :math:`a = -\delta` for "not". An item the user does not know observes nothing. The
directions have length 1, so an answer about a popular item is as noisy, in its own direction, as any other.
With the answers' directions as rows of W the posterior mean is

.. math:: \hat t = W^\top \alpha, \qquad (W W^\top + \lambda I)\, \alpha = a.

A liked *group* of items (:mod:`tastebridge.model.item_tree`) is one pseudo-observation: one of its items is
liked, and it is not known which. Its direction is the mean direction of the group's items weighted by
popularity, with a length below 1. The remaining uncertainty is added to the noise:

.. math:: w_g = \sum_{i \in g} q_i w_i, \quad \lambda_g = \lambda + 1 - \lVert w_g \rVert^2, \quad a = 1,

because :math:`\operatorname{Var}(w_i^\top t)` given the group is :math:`1 - \lVert w_g \rVert^2` under the
prior. So every observation has the variance :math:`1 + \lambda`, an item or a group.

The score stays an inner product: :math:`\gamma_u \hat t` is added to the user's vector, in components that
the items' vectors have already, and no item's vector changes. Where a blend counts less next to recent
popularity (:mod:`tastebridge.fitting.personal_share`), answers count less too. Each answer contributes
:math:`\gamma_u\, \alpha_j\, w_j^\top x_i` to the score of item i.

References
----------
C. E. Rasmussen and C. K. I. Williams, "Gaussian processes for machine learning", MIT Press (2006), chapter 2.
O. Anava et al., "Budget-constrained item cold-start handling in collaborative filtering recommenders via
optimal design", WWW (2015), for the Gaussian model of answers. K. Christakopoulou, F. Radlinski and K.
Hofmann, "Towards conversational recommender systems", KDD (2016), for a prior that is the model's own score.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge.exceptions import InvalidDataError
from tastebridge.factors import ALSFactors, SVDFactors
from tastebridge.model.linear import Array, LinearModel, Vectors32
from tastebridge.routes import RouteKind

SCALE, EVENTS, NOISE, DISLIKE = 6.0, 2.0, 1.0, 0.3
r"""The constants :math:`\gamma`, h, :math:`\lambda` and :math:`\delta`, chosen on ``valid`` rows.

See ``benchmarks/questions.py``. With 80 events in a history a larger scale gains nothing, with fewer it does.
On MovieLens a dislike of 0.1 to 1 changes little.
"""
_OWN_SVD, _JOINT_ALS, _OTHER = 2.0, 1.0, 0.5
"""The shares of spaces, chosen on ``valid`` rows: joint SVD of few components hardly tells items apart."""

_ROWS = 4096
"""The number of items that are read at once."""
_NO_FACTORS = frozenset(
    {
        RouteKind.POPULARITY,
        RouteKind.LINKED_POPULARITY,
        RouteKind.NEIGHBOURS,
        RouteKind.ITEM_REGRESSION,
        RouteKind.RATING,
        RouteKind.NEW_ITEMS,
    }
)
"""Routes to spaces in which nearness of items says nothing about taste, or that few items have."""


class Groups(NamedTuple):
    """Groups of items that users like.

    Attributes
    ----------
    directions : ndarray of shape (n_groups, k)
    liked : csr_matrix of shape (n_users, n_groups)
        An entry for each group a user likes.
    """

    directions: Array
    liked: sparse.csr_matrix

    def of(self, user: int) -> Groups:
        """Return the groups of one user."""
        return Groups(self.directions, self.liked[user])


@dataclass(frozen=True, eq=False)
class TastePrior:
    """The components of item vectors that answers move.

    Attributes
    ----------
    model : LinearModel
    columns : ndarray of shape (k,)
        Places in the vectors of the model.
    scale : ndarray of shape (k,)
        The divisor of each component, with the share of its space.
    """

    model: LinearModel
    columns: NDArray[np.int64]
    scale: Array

    @classmethod
    def of(cls, model: LinearModel) -> Self:
        """Return the prior of a model.

        Raises
        ------
        InvalidDataError
            If the model has no factors of the target's items.
        """
        plain = {route.space for route in model.routes if route.kind in _NO_FACTORS}
        columns, scale, shares, start = [], [], [], 0
        for name, V in model.spaces.items():
            k = V.shape[1]
            size = float(np.sqrt(np.square(V, dtype=np.float64).sum(axis=1).mean()))
            # a space of one component orders all items alike for everyone
            if name not in plain and k > 1 and size > 0:
                columns.append(np.arange(start, start + k))
                scale.append(np.full(k, size))
                shares.append(np.full(k, _share(model, name)))
            start += k
        if not columns:
            raise InvalidDataError(
                f"answers need factors of the items of {model.target!r} alone, and this model has none: it "
                "was compressed, has a target_model whose space holds popularity too, or knows popularity "
                "alone. Ask with the model before it was compressed, or fit on more users without "
                "target_model."
            )
        total = sum(float(share[0]) for share in shares)
        scales = np.concatenate(scale) / np.sqrt(np.concatenate(shares) / total)
        return cls(model, np.concatenate(columns), scales)

    def vectors(self, items: NDArray[np.integer]) -> Array:
        """Return the scaled vectors (n, k) of some items."""
        V = self.model.item_vectors()[np.ix_(items, self.columns)]
        return np.asarray(V.astype(np.float64) / self.scale)

    def directions(self, items: NDArray[np.integer]) -> Array:
        """Return the directions (n, k) of some items, of length 1; 0 for an item without factors."""
        X = self.vectors(items)
        size = np.sqrt(np.square(X).sum(axis=1, keepdims=True))
        return np.divide(X, size, out=np.zeros_like(X), where=size > 0)

    def mean_direction(self, items: NDArray[np.integer], shares: Array) -> Array:
        """Return the mean direction (k,) of some items, whose shares sum to 1."""
        out = np.zeros(len(self.columns))
        for start in range(0, len(items), _ROWS):
            rows = slice(start, start + _ROWS)
            out += (self.directions(items[rows]) * shares[rows, None]).sum(axis=0)
        return out

    def shifts(self, answers: sparse.csr_matrix, scales: Array, groups: Groups | None = None) -> Vectors32:
        """Return the vectors (n_users, n_components) that answers add to users' vectors.

        Parameters
        ----------
        answers : csr_matrix of shape (n_users, n_items)
            1 where the user likes the item, -1 where not.
        scales : ndarray of shape (n_users,)
            The scales of users' deviations, as of :func:`scale_of`.
        groups : Groups, optional
            The groups of items that users like.
        """
        out = np.zeros((answers.shape[0], self.model.item_vectors().shape[1]), dtype=np.float32)
        lengths = np.diff(answers.indptr) + (0 if groups is None else np.diff(groups.liked.indptr))
        for user in np.flatnonzero(lengths).tolist():
            mean = self.mean(answers[user], groups and groups.of(user))
            out[user, self.columns] = scales[user] * mean / self.scale
        return out

    def mean(self, answers: sparse.csr_matrix, groups: Groups | None = None) -> Array:
        r"""Return the posterior mean :math:`\hat t` (k,) of the taste, given the answers of one user."""
        alpha, W = self.weights(answers, groups)
        # added one by one: the bits depend on this user's answers alone
        taste = np.zeros(len(self.columns))
        for weight, direction in zip(alpha.tolist(), W, strict=True):
            taste += weight * direction
        return taste

    def weights(self, answers: sparse.csr_matrix, groups: Groups | None = None) -> tuple[Array, Array]:
        r"""Return the weights :math:`\alpha` and directions of the answers of one user.

        Answers about items come first, in sorted order, then the groups.
        """
        W = self.directions(answers.indices)
        seen = np.where(answers.data > 0, 1.0, -DISLIKE)
        if groups is not None:
            W = np.concatenate([W, groups.directions[groups.liked.indices]])
            seen = np.append(seen, np.ones(len(groups.liked.indices)))
        K, first = gram(W, W), len(answers.indices)
        # the variance of a group too is 1 + NOISE: see above
        at = np.arange(first, len(K))
        K[at, at] = 1.0
        return solved(K, seen), W

    def contributions(
        self, answers: sparse.csr_matrix, scales: Array, item: int, groups: Groups | None = None
    ) -> Array:
        """Return the contributions (n_answers,) of one user's answers to the score of an item."""
        alpha, W = self.weights(answers, groups)
        return scales * alpha * gram(W, self.vectors(np.array([item])))[:, 0]


def _share(model: LinearModel, space: str) -> float:
    """Return the share of a space in the prior variance, before division by the sum over all spaces."""
    routes = [route for route in model.routes if route.space == space]
    # a map can start from factors of another class than those it ends in
    plain = [route for route in routes if route.kind is RouteKind.WITHIN] or routes
    classes = [type(model.encoders[route.encoder].model) for route in plain]
    joint = any(route.kind is RouteKind.JOINT for route in routes)
    if SVDFactors in classes and not joint:
        return _OWN_SVD
    return _JOINT_ALS if ALSFactors in classes and joint else _OTHER


def scale_of(n_events: NDArray[np.integer]) -> Array:
    r"""Return :math:`\gamma_u` of users with so many events."""
    return np.asarray(SCALE / np.sqrt(1.0 + n_events / EVENTS))


def gram(A: Array, B: Array) -> Array:
    """Return ``A @ B.T``, where no entry depends on the other rows."""
    return np.asarray((A[:, None, :] * B[None, :, :]).sum(axis=2))


def solved(K: Array, a: Array) -> Array:
    r"""Return the solution of :math:`(K + \lambda I) \alpha = a` for a few answers.

    By elimination without pivots, which a positive definite matrix does not need; no product of BLAS.
    """
    n = len(a)
    A = np.column_stack([K + NOISE * np.eye(n), a])
    for row in range(n):
        A[row] /= A[row, row]
        others = np.arange(n) != row
        A[others] -= A[others, row][:, None] * A[row]
    return np.ascontiguousarray(A[:, -1])
