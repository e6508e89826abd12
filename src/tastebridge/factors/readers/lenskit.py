"""Matrix factorisation of LensKit: fitted objects of its 2025 and 0.14 interfaces."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tastebridge.factors.pretrained import PretrainedFactors
from tastebridge.factors.readers.damage import attribute


def from_lenskit(model: object) -> PretrainedFactors:
    r"""Return the item vectors of LensKit's ``ImplicitMFScorer`` or ``BiasedMFScorer``, with their settings.

    Implicit feedback is folded in with the confidence :math:`1 + w r`, ratings with a penalty per rating
    after the global mean and the biases of items and of the user. The names of LensKit 0.14
    (``ImplicitMF``, ``BiasedMF``) are known too. LensKit keeps its models as pickles, so only objects are
    taken: fit or load it yourself.

    Parameters
    ----------
    model : fitted object
        With ``item_embeddings`` and ``items`` (2025), or ``item_features_`` and ``item_index_`` (0.14).

    Returns
    -------
    PretrainedFactors

    Raises
    ------
    InvalidDataError
        If the object has no item vectors or no ids.

    References
    ----------
    M. D. Ekstrand, "LensKit for Python", CIKM (2020).

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> import numpy as np
    >>> from tastebridge.factors import from_lenskit
    >>> config = SimpleNamespace(weight=40.0, user_reg=0.1)
    >>> scorer = SimpleNamespace(item_embeddings=np.eye(2), items=["dune", "emma"], config=config)
    >>> found = from_lenskit(scorer)
    >>> found.alpha, found.base_confidence
    (40.0, 1.0)
    """
    Y = _array(attribute(model, ["item_embeddings", "item_features_"], "LensKit"))
    ids = _ids(attribute(model, ["items", "item_index_"], "LensKit"))
    bias = getattr(model, "bias", None)
    if bias is None:
        weight = float(_setting(model, ("weight",), 40.0))
        return PretrainedFactors(ids, Y, _penalty(model), weight, base_confidence=1.0).checked()
    return PretrainedFactors(
        ids,
        Y,
        _penalty(model),
        rule="explicit",
        scale_regularization=True,
        item_biases=_biases(bias, len(ids)),
        user_damping=_user_damping(bias),
    ).checked()


def _setting(model: object, names: tuple[str, ...], usual: float) -> Any:  # noqa: ANN401 - a number or a pair
    """Return a setting of a model, from its ``config`` or itself."""
    # 2025 keeps settings in a config, 0.14 in the model itself
    for owner in (getattr(model, "config", None), model):
        for name in names:
            if owner is not None and getattr(owner, name, None) is not None:
                return getattr(owner, name)
    return usual


def _penalty(model: object) -> float:
    """Return the penalty of users; LensKit may have two, of users and of items."""
    found = _setting(model, ("user_reg", "regularization", "reg"), 0.1)
    found = getattr(found, "user", found)
    return float(found[0] if isinstance(found, tuple | list) else found)


def _biases(bias: object, n_items: int) -> NDArray[np.float64]:
    """Return the global mean plus the biases of items."""
    mean = next((m for name in ("global_bias", "mean_") if (m := getattr(bias, name, None)) is not None), 0.0)
    names = ("item_biases", "item_offsets_")
    found = next((b for name in names if (b := getattr(bias, name, None)) is not None), None)
    return float(mean) + (np.zeros(n_items) if found is None else _array(found).astype(np.float64))


def _user_damping(bias: object) -> float | None:
    """Return the damping of the biases of users; None for a model without such biases."""
    users = next(
        (b for name in ("user_biases", "user_offsets_") if (b := getattr(bias, name, None)) is not None), None
    )
    if users is None:
        return None
    # one number, a pair of users and items, or a mapping, by version
    found: Any = next(
        (d for name in ("damping", "user_damping") if (d := getattr(bias, name, None)) is not None), 0.0
    )
    if isinstance(found, dict):
        return float(found.get("user", 0.0))
    found = getattr(found, "user", found)
    return float(found[0] if isinstance(found, tuple | list) else found)


def _ids(vocabulary: object) -> list[Any]:
    ids: Any = vocabulary.ids() if hasattr(vocabulary, "ids") else vocabulary
    return [one.item() if isinstance(one, np.generic) else one for one in np.asarray(ids).tolist()]


def _array(values: object) -> NDArray[Any]:
    """Return an array; a tensor is copied from its device."""
    for step in ("detach", "cpu", "numpy"):
        values = getattr(values, step)() if hasattr(values, step) else values
    return np.asarray(values)
