"""The parameters source_models and target_model, checked, and the model of each target among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypedDict, cast

from tastebridge._foundation.validation import check_category, check_type
from tastebridge.data import Panel, Weighting
from tastebridge.exceptions import InvalidParameterError
from tastebridge.factors import PretrainedFactors

if TYPE_CHECKING:
    from tastebridge.recommenders.interest_mapper import InterestMapper


class GivenParameters(TypedDict):
    """The parameters of a mapper that are models trained elsewhere."""

    source_models: Mapping[str, PretrainedFactors] | None
    target_model: PretrainedFactors | None


_EXAMPLE = "PretrainedFactors(items, factors)"


def check_given(mapper: InterestMapper, targets: Sequence[str]) -> None:
    """Refuse models, and other parameters next to them, that cannot be used.

    Parameters
    ----------
    mapper : InterestMapper
    targets : sequence of str
        All targets of the fit.
    """
    models, spaces = mapper.source_models, spaces_of(mapper, targets)
    if models is None and mapper.target_model is None:
        return
    if not isinstance(models, Mapping | None):
        raise InvalidParameterError(
            "source_models must be a mapping of category to PretrainedFactors; got a "
            f"{type(models).__name__}. "
            f'Write source_models={{"books": {_EXAMPLE}}}.'
        )
    given = {source_label(name): model for name, model in (models or {}).items()}
    given |= {target_label(mapper, name): model for name, model in spaces.items()}
    for name, model in given.items():
        _check_model(name, model, mapper.weighting)
    if mapper.routes is not None:
        raise InvalidParameterError(
            "source_models and target_model choose the routes, and routes are given. Leave one of them None."
        )
    if mapper.bridge not in ("auto", "users"):
        raise InvalidParameterError(
            "source_models and target_model need users in a source and the target, and bridge is "
            f"{mapper.bridge!r}. Use bridge='users'."
        )


def spaces_of(mapper: InterestMapper, targets: Sequence[str]) -> dict[str, PretrainedFactors]:
    """Return the target models by target; a single one is that of the only target.

    Raises
    ------
    InvalidParameterError
        If one model is given for several targets, or anything that is no model.
    UnknownCategoryError
        If a model is given for a category that is no target.
    """
    given = mapper.target_model
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        check_type("target_model", given, PretrainedFactors, _EXAMPLE)
    if len(targets) > 1 and not isinstance(given, Mapping):
        raise InvalidParameterError(
            "target_model must be a mapping of target to PretrainedFactors, as there are "
            f"{len(targets)} targets; got one model. Write target_model={{{targets[0]!r}: …}}."
        )
    # a type that mypy cannot tell from a mapping: scikit-learn's base class is untyped
    models = cast(
        Mapping[str, PretrainedFactors], given if isinstance(given, Mapping) else {targets[0]: given}
    )
    return {check_category("target_model", name, targets): model for name, model in models.items()}


def source_label(category: str) -> str:
    """Return the name of a source model in messages."""
    return f"source_models[{category!r}]"


def target_label(mapper: InterestMapper, target: str) -> str:
    """Return the name of a target model in messages."""
    return f"target_model[{target!r}]" if isinstance(mapper.target_model, Mapping) else "target_model"


def check_sources_given(mapper: InterestMapper, panel: Panel, sources: Mapping[str, Sequence[str]]) -> None:
    """Refuse source models of categories that are a source of no target.

    Parameters
    ----------
    mapper : InterestMapper
    panel : Panel
    sources : mapping of target to its sources
    """
    for name in mapper.source_models or {}:
        check_category("source_models", name, panel.categories)
        if any(name in names for names in sources.values()):
            continue
        if [name] == list(sources):
            raise InvalidParameterError(
                f"source_models has a model of the target {name!r}. Pass it as target_model."
            )
        raise InvalidParameterError(
            f"source_models has a model of {name!r}, which is a source of no target. Leave it out, or add "
            f"{name!r} to sources"
            + (
                f". As the space of this target it is target_model={{{name!r}: …}}."
                if name in sources
                else "."
            )
        )


def models_of_one(mapper: InterestMapper, target: str) -> GivenParameters:
    """Return the parameters of models for the mapper of one of several fitted targets."""
    categories = mapper.targets_[target].encoder.items
    models = {
        name: model
        for name, model in (mapper.source_models or {}).items()
        if name in categories and name != target
    }
    space = spaces_of(mapper, list(mapper.targets_)).get(target)
    return {"source_models": models or None, "target_model": space}


def _check_model(name: str, model: PretrainedFactors, weighting: Weighting | None) -> None:
    """Refuse a model without ids, or of ratings where weights are not ratings."""
    check_type(name, model, PretrainedFactors, _EXAMPLE).checked()
    if model.items is None:
        raise InvalidParameterError(f"{name} needs the ids of its items. Build it with items=[…].")
    if model.rule == "explicit" and (weighting or Weighting("binary")).scheme != "none":
        raise InvalidParameterError(
            f"{name} folds ratings in, and only weighting=Weighting('none') leaves them as they are. "
            "Pass it with ratings as weights, or a model of implicit feedback."
        )
