"""Factorisations of ratings by Surprise: fitted objects."""

from __future__ import annotations

from typing import Any

import numpy as np

from tastebridge.exceptions import InvalidDataError
from tastebridge.factors.pretrained import PretrainedFactors
from tastebridge.factors.readers.damage import attribute


def from_surprise(model: object) -> PretrainedFactors:
    r"""Return the item vectors of Surprise's ``SVD``, ``SVDpp`` or ``NMF``.

    Ratings are folded in after the global mean and the biases of items. The bias of the user is one more
    component: the vector of an item is :math:`[q_i, 1]`, that of a user :math:`[p_u, b_u]`, and one penalty
    holds for both. Surprise penalises every rating, so the penalty counts once for each. Surprise keeps its
    models as pickles, so only objects are taken: fit or load it yourself.

    Parameters
    ----------
    model : fitted object
        With ``qi`` and ``trainset``.

    Returns
    -------
    PretrainedFactors
        ``rule="explicit"``, with as many components as ``n_factors``, and one more if the model is biased.

    Raises
    ------
    InvalidDataError
        If the object has no item vectors or no training set.

    References
    ----------
    Y. Koren, R. Bell and C. Volinsky, "Matrix factorization techniques for recommender systems", Computer 42
    (2009).

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> import numpy as np
    >>> from tastebridge.factors import from_surprise
    >>> trainset = SimpleNamespace(global_mean=3.5, to_raw_iid=["dune", "emma"].__getitem__)
    >>> svd = SimpleNamespace(qi=np.eye(2), bi=np.zeros(2), biased=True, reg_pu=0.02, trainset=trainset)
    >>> from_surprise(svd).factors.tolist()
    [[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]]
    """
    Q = np.asarray(attribute(model, ["qi"], "Surprise"), dtype=np.float64)
    trainset: Any = attribute(model, ["trainset"], "Surprise")
    if not callable(getattr(trainset, "to_raw_iid", None)):
        raise InvalidDataError(
            "the trainset of a model of Surprise names its items by to_raw_iid; this one cannot. Fit the "
            "model with surprise.Trainset, or build PretrainedFactors(items, factors)."
        )
    ids = [trainset.to_raw_iid(number) for number in range(len(Q))]
    penalty = float(getattr(model, "reg_pu", 0.02))
    biases = getattr(model, "bi", None)
    biased = bool(getattr(model, "biased", biases is not None)) and biases is not None
    offsets = None
    if biased:
        offsets = float(trainset.global_mean) + np.asarray(biases, dtype=np.float64)
        # the bias of the user is a component that every item has in the same way
        Q = np.column_stack([Q, np.ones(len(Q))])
    return PretrainedFactors(
        ids, Q, penalty, rule="explicit", scale_regularization=True, item_biases=offsets
    ).checked()
