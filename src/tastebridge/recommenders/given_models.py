"""The models trained elsewhere that a mapper is given, laid over the items of its panel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import sparse

from tastebridge._foundation.validation import check_category, check_type
from tastebridge._foundation.warnings import warn
from tastebridge.data import Panel, Vocabulary, Weighting
from tastebridge.data.alignment import with_items
from tastebridge.exceptions import InvalidDataError, InvalidParameterError
from tastebridge.factors import PretrainedFactors
from tastebridge.routes import Histories

if TYPE_CHECKING:
    from tastebridge.recommenders.interest_mapper import InterestMapper

_EXAMPLE = "PretrainedFactors(items, factors)"
_COVERED, _ALIKE = 0.5, 0.9
"""The share of events on items with a vector, and the mean cosine between vectors of users given and folded
in, below which there is a warning."""


class GivenModels(NamedTuple):
    """Models trained elsewhere, over the items of the panel of a fit.

    Attributes
    ----------
    sources : mapping of category to PretrainedFactors
    target : PretrainedFactors or None
        Its item vectors are the space of the mapper.
    """

    sources: Mapping[str, PretrainedFactors] = {}
    target: PretrainedFactors | None = None


def check_given(mapper: InterestMapper, several: bool) -> None:
    """Refuse models, and other parameters next to them, that cannot be used.

    Parameters
    ----------
    mapper : InterestMapper
    several : bool
        Whether there are several targets.
    """
    models, space = mapper.source_models, mapper.target_model
    if models is None and space is None:
        return
    if not isinstance(models, Mapping | None):
        raise InvalidParameterError(
            "source_models must be a mapping of category to PretrainedFactors; got a "
            f"{type(models).__name__}. "
            f'Write source_models={{"books": {_EXAMPLE}}}.'
        )
    given = {f"source_models[{name!r}]": model for name, model in (models or {}).items()}
    given |= {} if space is None else {"target_model": space}
    for name, model in given.items():
        check_type(name, model, PretrainedFactors, _EXAMPLE).checked()
        if model.items is None:
            raise InvalidParameterError(f"{name} needs the ids of its items. Build it with items=[…].")
        if model.rule == "explicit" and (mapper.weighting or Weighting("binary")).scheme != "none":
            raise InvalidParameterError(
                f"{name} folds ratings in, and only weighting=Weighting('none') leaves them as they are. "
                "Pass it with ratings as weights, or a model of implicit feedback."
            )
    # several targets share the factors of every category, as sources and as targets
    if several:
        raise InvalidParameterError(
            "source_models and target_model are for one target. Fit a mapper for each target."
        )
    if mapper.routes is not None:
        raise InvalidParameterError(
            "source_models and target_model choose the routes, and routes are given. Leave one of them None."
        )
    if mapper.bridge not in ("auto", "users"):
        raise InvalidParameterError(
            "source_models and target_model need users in a source and the target, and bridge is "
            f"{mapper.bridge!r}. Use bridge='users'."
        )


def laid_over(mapper: InterestMapper, panel: Panel, target: str) -> tuple[Panel, GivenModels]:
    """Return the panel and the given models over its items.

    With a target model the target has exactly the items of that model: events on others are left out, and
    items without events join.
    """
    if mapper.target_model is not None:
        panel = _of_items(panel, target, mapper.target_model)
    given = {name: model for name, model in (mapper.source_models or {}).items() if name != target}
    if given.keys() != (mapper.source_models or {}).keys():
        raise InvalidParameterError(
            f"source_models has a model of the target {target!r}. Pass it as target_model."
        )
    sources = {
        check_category("source_models", name, panel.categories): _over(
            f"source_models[{name!r}]", model, panel, name
        )
        for name, model in given.items()
    }
    space = mapper.target_model
    return panel, GivenModels(sources, None if space is None else _over("target_model", space, panel, target))


def _of_items(panel: Panel, target: str, model: PretrainedFactors) -> Panel:
    """Return the panel with the items of a model in the target."""
    items = _vocabulary("target_model", model)
    part, lost = with_items(panel[target], items)
    if not part.matrix.nnz:
        raise InvalidDataError(_strangers("target_model", model, panel, target))
    if lost:
        warn(
            f"target_model has no vector for the items of {lost:,} of {lost + part.matrix.nnz:,} events in "
            f"{target!r}. These events are left out, and the items are never recommended."
        )
    features = {
        name: {kind: one.over(items) for kind, one in kinds.items()} if name == target else kinds
        for name, kinds in panel.item_features.items()
    }
    return replace(panel, interactions={**panel.interactions, target: part}, item_features=features)


def _over(name: str, model: PretrainedFactors, panel: Panel, category: str) -> PretrainedFactors:
    """Return a model over the items of a category, of which enough must have a vector."""
    _vocabulary(name, model)
    part = panel[category]
    numbers = part.items.numbers(model.items, missing="negative")
    laid = model.over(numbers, len(part.items))
    # by events, not by items: a model may well lack items that hardly any user has
    known = np.isin(part.matrix.indices, numbers[numbers >= 0])
    if not known.any():
        raise InvalidDataError(_strangers(name, model, panel, category))
    if known.mean() < _COVERED:
        warn(
            f"{name} has vectors for the items of only {known.mean():.0%} of the events in {category!r}. The "
            "other events are passed over; check the ids, or give the newest model."
        )
    return laid


def _vocabulary(name: str, model: PretrainedFactors) -> Vocabulary:
    items = Vocabulary.from_ids(model.items, "item_id")
    if len(items) < len(np.asarray(model.factors)):
        raise InvalidParameterError(f"{name} has items twice. Give one vector for each item.")
    return items


def _strangers(name: str, model: PretrainedFactors, panel: Panel, category: str) -> str:
    mine, theirs = panel[category].items.ids[:1].tolist(), np.asarray(model.items).tolist()[:1]
    return (
        f"{name} has no vector for any item of {category!r}: its ids are such as {theirs[0]!r}, those of the "
        f"panel such as {mine[0]!r}. Give the ids of the panel by items=."
    )


def compare(given: GivenModels, panel: Panel, histories: Histories, target: str) -> None:
    """Warn if users given by id are folded in to other directions than their given vectors."""
    models = {f"source_models[{name!r}]": (name, model) for name, model in given.sources.items()}
    if given.target is not None:
        models["target_model"] = (target, given.target)
    for name, (category, model) in models.items():
        cosine = _cosine(model, panel, histories[category])
        if cosine < _ALIKE:
            warn(
                f"the users of {name} are folded in to vectors unlike those given: their mean cosine is "
                f"{cosine:.2f}. Set regularization, alpha, rule and base_confidence as in the training."
            )


def _cosine(model: PretrainedFactors, panel: Panel, rows: sparse.csr_matrix) -> float:
    """Return the mean cosine between the vectors of users given and folded in; 1 where there are none."""
    if model.user_factors is None:
        return 1.0
    numbers = panel.users.numbers(model.users, missing="negative")
    # users of that model who are not in the panel cannot be compared
    own = rows[numbers[numbers >= 0]]
    folded = np.asarray(model.fit(own).transform(own)) if own.shape[0] else np.zeros((0, model.n_components))
    wanted = np.asarray(model.user_factors, dtype=np.float64)[numbers >= 0]
    lengths = np.linalg.norm(folded, axis=1) * np.linalg.norm(wanted, axis=1)
    real = lengths > 0
    return float(((folded * wanted).sum(axis=1)[real] / lengths[real]).mean()) if real.any() else 1.0
