"""The contract of a factor model."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from sklearn.base import clone
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from tastebridge.factors import FactorModel, PretrainedFactors
from tastebridge.factors.base import Vectors, check_factor_model
from tastebridge.testing.estimator import dense, learned, require, require_parameters, require_same_learned


def histories(n: int = 60, m: int = 40, seed: int = 0) -> sparse.csr_matrix:
    """Return histories of two groups of users, each with a taste for half of the items; the last has none."""
    rng = np.random.default_rng(seed)
    taste = np.where((np.arange(n)[:, None] % 2) == (np.arange(m)[None, :] % 2), 0.3, 0.03)
    X = (rng.random((n, m)) < taste) * rng.integers(1, 4, (n, m)).astype(float)
    X[:, -1] = 0.0
    return sparse.csr_matrix(X)


def check_factors(model: FactorModel) -> None:
    """Check a factor model against the contract of :class:`tastebridge.factors.FactorModel`.

    - The constructor stores its parameters, and a fit replaces an earlier fit.
    - ``transform`` returns (n, n_components) in float64; an empty history becomes zeros.
    - The fold-in of a user does not depend on the batch, the order or the sparse format, bit for bit.
    - ``transform(X) @ item_factors_.T`` ranks the items of a history above others; an item without events has
      no factors.
    - No user is stored: no learned array has as many rows as there are users.
    - The result does not depend on the number of threads.

    Parameters
    ----------
    model : FactorModel
        Not fitted, with at most 8 components. ``PretrainedFactors`` have 40 item vectors of two groups, even
        and odd, of which the last is zero.

    Raises
    ------
    InvalidParameterError
        If it is not a factor model; the error names the missing methods.
    AssertionError
        If a guarantee is broken; the message names the first.

    Examples
    --------
    >>> from tastebridge.factors import SVDFactors
    >>> check_factors(SVDFactors(3))
    """
    check_factor_model("model", model)
    require_parameters(model)
    X, small = histories(), histories(30, 25, seed=1)
    fitted = clone(model).fit(X)
    Z = fitted.transform(X)
    _check_shapes(fitted, Z, X)
    _check_fold_in(fitted, Z, X)
    _check_scores(fitted, Z, X)
    require_same_learned(clone(model).fit(X.toarray()), fitted, "dense histories must be read as sparse ones")
    if not isinstance(model, PretrainedFactors):  # whose items are given
        again = clone(fitted).fit(X).fit(small)
        require_same_learned(clone(model).fit(small), again, "a fit must forget the one before")
    _check_threads(model, fitted, X)


def _check_shapes(fitted: FactorModel, Z: Vectors, X: sparse.csr_matrix) -> None:
    k = fitted.item_factors_.shape[1]
    right = fitted.n_features_in_ == X.shape[1] == fitted.item_factors_.shape[0]
    require(right, "n_features_in_ and the rows of item_factors_ must be the number of items")
    require(Z.shape == (X.shape[0], k), f"transform must return the shape {(X.shape[0], k)}; got {Z.shape}")
    require(Z.dtype == fitted.item_factors_.dtype == np.float64, "factors must be float64")
    kept = [name for name, value in learned(fitted).items() if X.shape[0] in np.shape(value)]
    require(not kept, f"a model must keep no user; {kept} is as long as there are users")


def _check_fold_in(fitted: FactorModel, Z: Vectors, X: sparse.csr_matrix) -> None:
    whole = dense(Z)
    for given in (X.toarray(), sparse.csc_array(X)):
        require(np.array_equal(dense(fitted.transform(given)), whole), "the format of X must not matter")
    rows = np.vstack([dense(fitted.transform(X[u])) for u in range(X.shape[0])])
    require(np.array_equal(rows, whole), "a user must be folded in alike, bit by bit, in any batch")
    # another order puts each user into another place of a block
    order = np.random.default_rng(0).permutation(X.shape[0])
    shuffled = dense(fitted.transform(X[order]))
    require(np.array_equal(shuffled, whole[order]), "the order of users must not matter")
    nothing = dense(fitted.transform(sparse.csr_matrix((2, X.shape[1]))))
    require(not nothing.any(), "an empty history must become zeros")


def _check_scores(fitted: FactorModel, Z: Vectors, X: sparse.csr_matrix) -> None:
    scores = dense(Z @ fitted.item_factors_.T)
    had = X.toarray() > 0
    require(not dense(fitted.item_factors_)[-1].any(), "an item without events must have no factors")
    require(np.isfinite(scores).all(), "scores must be finite")
    # twice as high is little for two clear groups, and much for noise
    higher = scores[had].mean() > 2 * scores[~had].mean()
    require(higher, "items of a history must score above others: transform(X) @ item_factors_.T")


def _check_threads(model: FactorModel, fitted: FactorModel, X: sparse.csr_matrix) -> None:
    with threadpool_limits(1):
        one = clone(model)
        if "n_jobs" in one.get_params(deep=False):
            one.set_params(n_jobs=1)
        one.fit(X)
    require_same_learned(one, fitted, "the number of threads must not matter", 1e-9, 1e-9)
