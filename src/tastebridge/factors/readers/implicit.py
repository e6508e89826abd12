"""Models of the package implicit 0.7: files of ``model.save``, and fitted objects."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tastebridge.exceptions import InvalidParameterError
from tastebridge.factors.pretrained import PretrainedFactors
from tastebridge.factors.readers.damage import attribute, reading

_CONTENT = "a model saved by implicit"


class _Parts(NamedTuple):
    """The parts of a model of implicit that the fold-in needs."""

    item_factors: NDArray[np.floating]
    regularization: float
    alpha: float
    items: ArrayLike | None
    user_factors: NDArray[np.floating] | None


def from_implicit(
    model: object, items: ArrayLike | None = None, users: ArrayLike | None = None
) -> PretrainedFactors:
    r"""Return the item vectors of a model of implicit, with its regularisation and confidence.

    The fold-in is that of implicit's ALS, with the confidence :math:`c = \alpha r`. It equals
    ``recalculate_user`` up to rounding. Other models of implicit with vectors, such as BPR, have no least
    squares of their own: their users are folded in with ``alpha=1`` and ``regularization`` as it was trained.

    Parameters
    ----------
    model : str, Path or fitted object
        The path of ``model.save``, a ``.npz`` file, or the fitted model.
    items : list or ndarray of ids
        The item of each column of the matrix the model was fitted on. A file may hold them as ``items``.
    users : list or ndarray of ids, optional
        The user of each row, to compare the model's vectors of users with the fold-in.

    Returns
    -------
    PretrainedFactors

    Raises
    ------
    InvalidDataError
        If the file is damaged or of another kind, or the object has no item vectors.
    InvalidParameterError
        If ids are lacking or not one per vector.

    References
    ----------
    Y. Hu, Y. Koren and C. Volinsky, "Collaborative filtering for implicit feedback datasets", ICDM (2008).

    Examples
    --------
    >>> from implicit.cpu.als import AlternatingLeastSquares
    >>> from scipy import sparse
    >>> X = sparse.csr_matrix([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]])
    >>> als = AlternatingLeastSquares(factors=2, random_state=0, num_threads=1)
    >>> als.fit(X, show_progress=False)
    >>> from_implicit(als, items=["dune", "emma", "ulysses"]).n_components
    2
    """
    parts = _of_file(model) if isinstance(model, str | Path) else _of_object(model)
    ids = parts.items if items is None else items
    if ids is None:
        # a shell reads files alone, and has no parameter for the ids
        subject = f"{str(model)!r} has" if isinstance(model, str | Path) else "implicit keeps"
        place = " as one more array items of the file, or" if isinstance(model, str | Path) else ""
        raise InvalidParameterError(
            f"{subject} no ids of its {len(parts.item_factors)} items. Give them in the order of the columns "
            f"it was fitted on,{place} as items=[…] in Python."
        )
    return PretrainedFactors(
        ids,
        parts.item_factors,
        parts.regularization,
        parts.alpha,
        users=users,
        user_factors=None if users is None else parts.user_factors,
    ).checked()


def _of_file(path: str | Path) -> _Parts:
    # without pickles: an array of objects in the file is an error
    with reading(path, _CONTENT) as found, np.load(found, allow_pickle=False) as stored:
        return _Parts(
            stored["item_factors"],
            float(stored["regularization"]) if "regularization" in stored else 0.1,
            float(stored["alpha"]) if "alpha" in stored else 1.0,
            stored["items"].tolist() if "items" in stored else None,
            stored.get("user_factors"),
        )


def _of_object(model: object) -> _Parts:
    item_factors = _plain(attribute(model, ["item_factors"], "implicit"))
    given = getattr(model, "user_factors", None)
    return _Parts(
        item_factors,
        float(getattr(model, "regularization", 0.1)),
        float(getattr(model, "alpha", 1.0)),
        None,
        None if given is None else _plain(given),
    )


def _plain(factors: object) -> NDArray[np.floating]:
    """Return vectors as an array; those of a GPU model are copied from it."""
    return np.asarray(factors.to_numpy() if hasattr(factors, "to_numpy") else factors)
