"""The blend of routes to ratings: ridge stacking on ratings hidden from the fit of the routes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from tastebridge.fitting.folds import Fold, dealt_anew
from tastebridge.metrics import mae, rmse
from tastebridge.metrics.intervals import Interval, paired_difference
from tastebridge.model import GATES, Array, Segment
from tastebridge.model.blend import StackingBlend
from tastebridge.routes.ratings import ITEMS

_PRIOR, _DEVIATION = 0.5, 0.5
"""Mean and deviation of the prior of a route's weight."""


class Rows(NamedTuple):
    """Hidden ratings, one per row.

    Attributes
    ----------
    X : ndarray of shape (n, n_routes)
        The part of each route in the prediction.
    y : ndarray of shape (n,)
        The ratings.
    users : ndarray of shape (n,)
        The number of the user of each row; the rows of a user in a fold follow each other.
    gates : ndarray of shape (n, n_gates)
        The meta-features of the user.
    shared : int
        The number of routes that are the same for all users. They come first, with the weight 1 in any blend.
    """

    X: Array
    y: Array
    users: NDArray[np.int64]
    gates: Array
    shared: int


def rows_of(folds: Sequence[Fold], shared: int, shift: float) -> Rows:
    """Return the hidden ratings of some folds, without items that no other user has rated.

    Parameters
    ----------
    folds : sequence of Fold
    shared : int
        The number of routes that are the same for all users.
    shift : float
        The shift added to the ratings in the histories.
    """
    parts = [_rows(fold) for fold in folds]
    X, y, users, gates = (np.concatenate([part[at] for part in parts]) for at in range(4))
    return Rows(X, y - shift, users, gates, shared)


def weigh_rows(blend: StackingBlend, rows: Rows, used: NDArray[np.bool_]) -> Segment:
    """Return the blend that predicts the rows best; routes that are not ``used`` have no part in it.

    The mean and the item effects have the weight 1. A :class:`~tastebridge.model.blend.StackingBlend` of the
    other routes predicts the residuals. Its weights have a prior of mean 0.5 and deviation 0.5, because each
    route is already shrunk and routes overlap. The mean is then moved so that RMSE plus MAE of these rows is
    least. Ratings are skewed: their mean minimises RMSE, and their median MAE.
    """
    kept = used | (np.arange(len(used)) < rows.shared)
    used_columns = np.flatnonzero(used & rows.X.any(axis=0))
    used_columns = used_columns[used_columns >= rows.shared]
    whole = StackingBlend.equal(len(used), len(GATES))
    if not len(used_columns) or not len(rows.y):
        return Segment(whole, kept)
    residuals = rows.y - rows.X[:, : rows.shared].sum(axis=1)
    # both sides are divided by the deviation: the penalty of the meta-features is in the unit of the target
    unit = float(residuals.std()) or 1.0
    blend.fit(*_with_prior(rows.X[:, used_columns] / unit, residuals / unit, rows))
    whole.gate_mean_, whole.gate_scale_ = blend.gate_mean_, blend.gate_scale_
    whole.gate_low_, whole.gate_high_ = blend.gate_low_, blend.gate_high_
    whole.scale_[used_columns], whole.coef_[:, used_columns] = blend.scale_, blend.coef_
    errors = residuals - (rows.X[:, used_columns] * blend.weights(rows.gates)).sum(axis=1)
    mean = float(rows.X[:, 0].mean())
    # the mean is a route like the others, moved by its weight; the softplus of a blend keeps that above 0
    whole.coef_[0, 0] = np.log(np.expm1(max(1.0 + _middle(errors) / mean, 1e-3)))
    return Segment(whole, kept)


def predict_rows(segment: Segment, rows: Rows, scale: tuple[float, float]) -> Array:
    """Return the predicted ratings, held within the lowest and the highest rating."""
    weights = segment.blend.weights(rows.gates) * segment.kept
    return np.asarray(np.clip((rows.X * weights).sum(axis=1), *scale))


@dataclass(frozen=True)
class Judged:
    """Routes evaluated on hidden ratings.

    Attributes
    ----------
    shrinkage : float
        The shrinkage of the items' effects during the fit.
    rows : mapping of {"cold", "warm"} to Rows or None
    segments : dict of {"cold", "warm", "empty"} to Segment
    gains : mapping of source to Interval
        The reduction of the squared error of users new to the target by each source alone.
    tells : frozenset of str
        The sources that are informative about single users, and not only about all users alike.
    scale : (float, float)
        The lowest and the highest rating.
    """

    shrinkage: float
    rows: Mapping[str, Rows | None]
    segments: dict[str, Segment]
    gains: Mapping[str, Interval]
    scale: tuple[float, float]
    tells: frozenset[str] = frozenset()

    @property
    def loss(self) -> float:
        """RMSE plus MAE of users new to the target; infinite without such users."""
        rows = self.rows["cold"]
        if rows is None:
            return float("inf")
        predicted = predict_rows(self.segments["cold"], rows, self.scale)
        return _loss(rows.y - predicted)

    def errors(self) -> pd.DataFrame:
        """Return RMSE and MAE by kind of user, for this blend and for item effects alone."""
        found = []
        for kind, rows in self.rows.items():
            if rows is not None:
                ours = predict_rows(self.segments[kind], rows, self.scale)
                items = predict_rows(self.segments["empty"], rows, self.scale)
                found.append((kind, len(rows.y), *(f(rows.y, p) for p in (ours, items) for f in (rmse, mae))))
        columns = ["people", "n", "rmse", "mae", "items_rmse", "items_mae"]
        return pd.DataFrame(found, columns=columns)


def tells_of(
    folds: Sequence[Fold],
    reads: Sequence[str],
    ends: tuple[str, str],
    as_rows: Callable[[Sequence[Fold]], Rows],
    scale: tuple[float, float],
) -> bool:
    """Return whether a source distinguishes single users.

    It does if the squared error is significantly larger with each other's histories in the source: see
    :func:`tastebridge.fitting.folds.dealt_anew`.

    Parameters
    ----------
    folds : list of Fold
        Of users new to the target.
    reads : list of str
        The category read by each route; "" for none.
    ends : (str, str)
        The source and the target.
    as_rows : callable
        Returns the hidden ratings of folds: :func:`rows_of`.
    scale : (float, float)
    """
    source, target = ends
    used, categories = np.array([name == source for name in reads]), [(name,) for name in reads]
    true_rows, others = (
        as_rows(folds),
        as_rows([dealt_anew(fold, categories, source, target) for fold in folds]),
    )
    segment = weigh_rows(StackingBlend("ridge"), true_rows, used)
    errors, without = (np.square(predict_rows(segment, rows, scale) - rows.y) for rows in (true_rows, others))
    return bool(paired_difference(without, errors, people=true_rows.users).low > 0)


def gain_of(rows: Rows, used: NDArray[np.bool_], scale: tuple[float, float]) -> Interval:
    """Return the reduction of the squared error by some routes over mean and items, with its interval."""
    segments = [weigh_rows(StackingBlend("ridge"), rows, mask) for mask in (np.zeros_like(used), used)]
    without, found = (np.square(predict_rows(one, rows, scale) - rows.y) for one in segments)
    return paired_difference(without, found, people=rows.users)


def _with_prior(X: Array, y: Array, rows: Rows) -> tuple[Array, Array, NDArray[np.int64], Array]:
    """Return parts, their targets, users and meta-features, with a row per route for its prior weight."""
    n_routes = X.shape[1]
    size = 1.0 / _DEVIATION  # so that such a row counts as much as the prior, where y has deviation 1
    return (  # a penalty as data: one row per route that asks for the weight 0.5, at mean meta-features
        np.concatenate([X, size * np.eye(n_routes)]),
        np.concatenate([y, np.full(n_routes, size * _PRIOR)]),
        np.concatenate([rows.users, -1 - np.arange(n_routes)]),
        np.concatenate([rows.gates, np.tile(rows.gates.mean(axis=0), (n_routes, 1))]),
    )


def _middle(errors: Array) -> float:
    """Return the number that makes RMSE plus MAE least; it lies between the mean and the median."""
    unit = float(errors.std()) or 1.0
    errors = errors / unit
    ends = sorted((float(errors.mean()), float(np.median(errors))))
    if ends[1] - ends[0] < 1e-9:
        return unit * ends[0]
    return unit * float(minimize_scalar(lambda c: _loss(errors - c), bounds=ends, method="bounded").x)


def _loss(errors: Array) -> float:
    return float(np.sqrt(np.square(errors).mean()) + np.abs(errors).mean())


def _rows(fold: Fold) -> tuple[Array, Array, NDArray[np.int64], Array]:
    hidden = fold.held.hidden
    row = np.repeat(np.arange(hidden.shape[0]), np.diff(hidden.indptr))
    known = _vectors(fold, ITEMS, hidden.indices)[:, 0] != 0.0  # an item without a rating has no effect
    row, item = row[known], hidden.indices[known]
    X = np.empty((len(row), len(fold.vectors)))
    for column, (Z, space) in enumerate(zip(fold.vectors, fold.spaces, strict=True)):
        X[:, column] = (Z[row] * _vectors(fold, space, item)[:, : Z.shape[1]]).sum(axis=1, dtype=np.float64)
    return X, hidden.data[known].astype(np.float64), fold.held.people[row], fold.gates[row]


def _vectors(fold: Fold, space: str, items: NDArray[np.integer]) -> NDArray[np.float32]:
    V = fold.items[space]
    return V[items] if isinstance(V, np.ndarray) else np.asarray(V[items].toarray())
