"""Parameters of estimators as JSON: plain values, and estimators of this package by name; nothing else."""

from __future__ import annotations

import math
from collections.abc import Mapping
from importlib import import_module
from typing import Any, TypeGuard, cast

import numpy as np
from sklearn.base import BaseEstimator

from tastebridge.data import Weighting
from tastebridge.exceptions import InvalidParameterError, ModelFileError
from tastebridge.factors import ALSFactors, EASEFactors, PretrainedFactors, SklearnFactors, SVDFactors
from tastebridge.maps import CCAMap, ProcrustesMap, RidgeMap, SklearnMap
from tastebridge.model.blend import StackingBlend
from tastebridge.privacy import Budget
from tastebridge.routes import (
    ContentRoute,
    ItemRegressionRoute,
    JointRoute,
    LikenessRoute,
    NeighbourRoute,
    PopularityRoute,
    RecentPopularityRoute,
    SharedItemsRoute,
    TargetRoute,
    TransferRoute,
)

KINDS: Mapping[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        ALSFactors,
        Budget,
        CCAMap,
        ContentRoute,
        EASEFactors,
        ItemRegressionRoute,
        JointRoute,
        LikenessRoute,
        NeighbourRoute,
        PopularityRoute,
        PretrainedFactors,
        ProcrustesMap,
        RecentPopularityRoute,
        RidgeMap,
        SVDFactors,
        SharedItemsRoute,
        SklearnFactors,
        SklearnMap,
        StackingBlend,
        TargetRoute,
        TransferRoute,
        Weighting,
    )
}
"""The only classes of this package that a saved model can name."""
_OF_SKLEARN = {
    "ElasticNet": "sklearn.linear_model",
    "Lasso": "sklearn.linear_model",
    "LinearRegression": "sklearn.linear_model",
    "MultiTaskElasticNet": "sklearn.linear_model",
    "MultiTaskLasso": "sklearn.linear_model",
    "PLSRegression": "sklearn.cross_decomposition",
    "Ridge": "sklearn.linear_model",
    "TruncatedSVD": "sklearn.decomposition",
}
"""The only classes of scikit-learn, and their modules: for maps and factor models of ``from_sklearn``."""
_LATER: Mapping[str, Mapping[str, object]] = {
    "InterestMapper": {"source_models": None, "target_model": None},
    "Weighting": {"shift": None, "undated": "error"},
}
"""Parameters added after the first files, with their defaults, at which they are not written."""
_ARRAYS = {"PretrainedFactors": {"items", "factors", "item_biases", "users", "user_factors"}}
"""Parameters that hold data: they are not written, and None after loading. Encoders hold the vectors."""

Json = str | bool | int | float | list[Any] | dict[str, Any] | None


def to_json(name: str, value: object) -> Json:
    """Return a parameter as JSON; ``name`` is its name in error messages."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, str | bool | int) or _finite(value):
        return value
    if isinstance(value, list | tuple):
        return [to_json(f"{name}[{place}]", part) for place, part in enumerate(value)]
    if isinstance(value, Mapping):
        # pairs, since the keys of a JSON object are texts, and event weights can have other keys
        pairs = [[to_json(f"{name} key", key), to_json(f"{name}[{key!r}]", value[key])] for key in value]
        return {"class": "dict", "pairs": pairs}
    if _class_named(type(value).__name__) is type(value):
        kind = type(value).__name__
        given = cast(BaseEstimator, value).get_params(deep=False)
        given = {key: given[key] for key in given if key not in _ARRAYS.get(kind, ())}
        parameters = to_write(kind, given)
        return {
            "class": kind,
            "parameters": {key: to_json(f"{name}.{key}", part) for key, part in parameters.items()},
        }
    raise InvalidParameterError(
        f"{name}={value!r} cannot be saved: a saved model holds plain values and estimators of tastebridge "
        "only. Replace it, or keep the model in memory."
    )


def to_write(kind: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a class without later ones at their defaults: files stay as they were."""
    later = _LATER.get(kind, {})
    return {key: part for key, part in parameters.items() if key not in later or part is not later[key]}


def from_json(value: Json) -> Any:  # noqa: ANN401 - any value that to_json was given
    """Return the parameter that :func:`to_json` wrote."""
    if isinstance(value, list):
        return [from_json(part) for part in value]
    if not isinstance(value, dict):
        return value
    if value.get("class") == "dict":
        return {from_json(key): from_json(part) for key, part in value["pairs"]}
    kind = _class_named(value.get("class"))
    if kind is None:
        raise ModelFileError(f"it names the class {value.get('class')!r}, which a model cannot hold.")
    return kind(**{key: from_json(part) for key, part in value["parameters"].items()})


def _class_named(name: object) -> type[Any] | None:
    """Return a class that a model can hold; modules of scikit-learn are loaded when they are needed."""
    if not isinstance(name, str):
        return None
    if name in _OF_SKLEARN:
        found: type[Any] = getattr(import_module(_OF_SKLEARN[name]), name)
        return found
    return KINDS.get(name)


def _finite(value: object) -> TypeGuard[float]:
    return isinstance(value, float) and math.isfinite(value)
