"""Fitted estimators of a model, stored with the attributes that scoring needs and no others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from tastebridge._foundation.validation import check_count, check_number
from tastebridge.exceptions import InvalidParameterError, ModelFileError
from tastebridge.factors import ALSFactors, EASEFactors, PretrainedFactors, SklearnFactors, SVDFactors
from tastebridge.factors.base import FactorModel
from tastebridge.factors.rating import RatingFactors
from tastebridge.model import GATES
from tastebridge.model.blend import StackingBlend
from tastebridge.persist.arrays import Arrays
from tastebridge.persist.parameters import from_json, to_json
from tastebridge.routes import width_of
from tastebridge.routes.links import LinearEncoder
from tastebridge.routes.popularity import Constant
from tastebridge.routes.profiles import ProfileEncoder
from tastebridge.routes.recent import CURRENT_AGES, Current

ENCODERS: Mapping[str, tuple[type[Any], tuple[str, ...]]] = {
    "ALSFactors": (ALSFactors, ("item_factors_", "gram_")),
    "Constant": (Constant, ()),
    "Current": (Current, ()),
    "EASEFactors": (EASEFactors, ("encoder_",)),
    "LinearEncoder": (LinearEncoder, ("encoder_",)),
    "PretrainedFactors": (PretrainedFactors, ("item_factors_", "gram_")),
    "ProfileEncoder": (ProfileEncoder, ("encoder_",)),
    "RatingFactors": (RatingFactors, ("item_factors_", "offsets_")),
    "SVDFactors": (SVDFactors, ("encoder_",)),
    "SklearnFactors": (SklearnFactors, ("encoder_",)),
}
"""The encoders a saved model can hold, and the attributes that ``transform`` of each reads."""
_TO_GROW: Mapping[str, tuple[str, ...]] = {
    "ALSFactors": ("user_gram_", "newcomers_"),
    "EASEFactors": ("singular_values_", "user_gram_", "newcomers_"),
    "PretrainedFactors": ("biases_", "user_gram_", "newcomers_"),
    "SVDFactors": ("singular_values_", "user_gram_", "newcomers_"),
    "SklearnFactors": ("singular_values_", "user_gram_", "newcomers_"),
}
"""Further attributes, from which new items get factors; older files lack them."""
_RANGE: Mapping[str, float] = {"gate_low_": -np.inf, "gate_high_": np.inf}
"""The ends of the range of the gating features, and their defaults for files without them."""
_MANY = 2**40
"""A number of users for the check of parameters; the number at the fit is not stored."""


def describe_factors(name: str, model: object, arrays: Arrays) -> dict[str, Any]:
    """Store a fitted encoder under a name and return its record."""
    kind = type(model).__name__
    known, attributes = ENCODERS.get(kind, (None, ()))
    if known is not type(model):
        raise InvalidParameterError(
            f"the encoder {model!r} cannot be saved; a saved model holds {', '.join(ENCODERS)}. Use one of "
            "these in the routes, or keep the model in memory."
        )
    to_grow = [attribute for attribute in _TO_GROW.get(kind, ()) if hasattr(model, attribute)]
    for attribute in (*attributes, *to_grow):
        arrays.add(f"{name}/{attribute}", getattr(model, attribute))
    parameters = model.get_params(deep=False) if isinstance(model, BaseEstimator) else {}
    if isinstance(model, PretrainedFactors):
        parameters = model.settings()
    if type(model) is LinearEncoder and model.min_users > 1:
        parameters = {"min_users": model.min_users}
    if type(model) is Current and model.age != CURRENT_AGES[0]:
        parameters = {"age": model.age}
    return {"class": kind, "parameters": {key: to_json(key, value) for key, value in parameters.items()}}


def revive_factors(name: str, record: dict[str, Any], arrays: Arrays, n_items: int) -> object:
    """Return the fitted encoder of a record, which reads histories of ``n_items`` items."""
    if record["class"] not in ENCODERS:
        raise ModelFileError(f"it names the encoder {record['class']!r}, which a model cannot hold.")
    kind, attributes = ENCODERS[record["class"]]
    # the encoders that are no estimators have no parameters; their constructors would ask for arrays
    model: Any = object.__new__(kind)
    if issubclass(kind, BaseEstimator):
        model = kind(**{key: from_json(value) for key, value in record["parameters"].items()})
        model.n_features_in_ = n_items
    if isinstance(model, PretrainedFactors) and set(record["parameters"]) != set(model.settings()):
        raise ModelFileError("its pretrained factors have other settings than those of a fold-in.")
    if isinstance(model, RatingFactors):
        _check_numeric(model)
    if kind is LinearEncoder:  # older files kept links of single users
        model.min_users = check_count("min_users", record["parameters"].get("min_users", 1))
    if kind is Current:  # older files know one age only
        age = record["parameters"].get("age", CURRENT_AGES[0])
        model.age = check_number("age", age, 0.0, open_minimum=True)
    if isinstance(model, FactorModel):
        # the checks of fit, a file can hold any parameters, and transform uses them
        model.check_parameters(_MANY, n_items)
    for attribute in attributes:
        shape = (model.item_factors_.shape[1],) * 2 if attribute == "gram_" else (n_items, None)
        setattr(model, attribute, arrays.get(f"{name}/{attribute}", *shape))
    k = width_of(model)
    to_grow: dict[str, tuple[int | None, ...]] = {
        "user_gram_": (k, k),
        "singular_values_": (k,),
        "biases_": (n_items,),
        "newcomers_": (None,),
    }
    for attribute in _TO_GROW.get(record["class"], ()):
        if arrays.has(f"{name}/{attribute}"):
            setattr(model, attribute, arrays.get(f"{name}/{attribute}", *to_grow[attribute]))
    check_numbers(getattr(model, "newcomers_", np.zeros(0, dtype=np.int64)), n_items)
    return model


def _check_numeric(model: RatingFactors) -> None:
    """Refuse penalties that are not numbers: these factors check them only at a fit."""
    for name in ("user_shrinkage", "penalty"):
        value = getattr(model, name)
        # type(), not isinstance: True is an int
        if type(value) not in (int, float) or not 0 <= value < float("inf"):
            raise ModelFileError(f"its {name} is {value!r:.80}, not a number of at least 0.")


def check_numbers(numbers: NDArray[Any], n_items: int) -> None:
    """Refuse an array that does not hold ascending numbers of items."""
    within = numbers.dtype == np.int64 and ((numbers >= 0) & (numbers < n_items)).all()
    if not within or (np.diff(numbers) <= 0).any():
        raise ModelFileError("its new items are not ascending numbers of items.")


def describe_blend(name: str, blend: StackingBlend, arrays: Arrays) -> dict[str, Any]:
    """Store a fitted blend under a name and return its record."""
    for attribute in ("scale_", "coef_", "gate_mean_", "gate_scale_"):
        arrays.add(f"{name}/{attribute}", getattr(blend, attribute))
    for attribute in _RANGE:  # neither a blend that was not learned nor an older file has a range
        if np.isfinite(limits := getattr(blend, attribute)).all():
            arrays.add(f"{name}/{attribute}", limits)
    return {
        "blend": to_json("blend", blend),
        "intercept": float(blend.intercept_),
        "n_iter": int(blend.n_iter_),
    }


def revive_blend(name: str, record: dict[str, Any], arrays: Arrays, n_routes: int) -> StackingBlend:
    """Return the fitted blend of a record, over ``n_routes`` routes."""
    blend = from_json(record["blend"])
    if not isinstance(blend, StackingBlend):
        raise ModelFileError(f"its blend is a {type(blend).__name__}, not a StackingBlend.")
    blend.scale_ = arrays.get(f"{name}/scale_", n_routes)
    blend.coef_ = arrays.get(f"{name}/coef_", 1 + len(GATES), n_routes)
    blend.gate_mean_ = arrays.get(f"{name}/gate_mean_", len(GATES))
    blend.gate_scale_ = arrays.get(f"{name}/gate_scale_", len(GATES))
    for attribute, unknown in _RANGE.items():
        limits = np.full(len(GATES), unknown)
        if arrays.has(f"{name}/{attribute}"):
            limits = arrays.get(f"{name}/{attribute}", len(GATES))
        setattr(blend, attribute, limits)
    blend.intercept_, blend.n_iter_ = float(record["intercept"]), int(record["n_iter"])
    blend.n_features_in_ = n_routes
    return blend
