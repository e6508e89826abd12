"""The models trained elsewhere that a mapper is given, laid over the items of its panel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import sparse

from tastebridge._foundation.warnings import warn
from tastebridge.data import Panel, Vocabulary
from tastebridge.data.alignment import with_items
from tastebridge.exceptions import InvalidDataError, InvalidParameterError
from tastebridge.factors import PretrainedFactors
from tastebridge.recommenders.given_checks import source_label, spaces_of, target_label
from tastebridge.routes import Histories

if TYPE_CHECKING:
    from tastebridge.recommenders.interest_mapper import InterestMapper

_COVERED, _ALIKE = 0.5, 0.9
"""The share of events on items with a vector, and the mean cosine between vectors of users given and folded
in, below which there is a warning."""


class GivenModels(NamedTuple):
    """The models trained elsewhere that the fit of one target is given, over the items of its panel.

    Attributes
    ----------
    sources : mapping of category to PretrainedFactors
    target : PretrainedFactors or None
        Its item vectors are the space of the mapper.
    """

    sources: Mapping[str, PretrainedFactors] = {}
    target: PretrainedFactors | None = None


class LaidModels(NamedTuple):
    """The models of all sources and targets of a fit, over the items of its panel.

    Attributes
    ----------
    sources : mapping of category to PretrainedFactors
        A category that is a target too has its model here as a source of the other targets.
    targets : mapping of target to PretrainedFactors
    """

    sources: Mapping[str, PretrainedFactors]
    targets: Mapping[str, PretrainedFactors]

    def into(self, target: str, sources: Sequence[str]) -> GivenModels:
        """Return the models for one target and its sources."""
        own = {name: model for name, model in self.sources.items() if name in sources}
        return GivenModels(own, self.targets.get(target))


def laid_over(mapper: InterestMapper, panel: Panel, targets: Sequence[str]) -> tuple[Panel, LaidModels]:
    """Return the panel and the given models over its items.

    A target with a model has exactly the items of that model, as a source of other targets too: events on
    others are left out, and items without events join.

    Parameters
    ----------
    mapper : InterestMapper
    panel : Panel
    targets : sequence of str
        All targets of the fit.
    """
    spaces = spaces_of(mapper, targets)
    for target, model in spaces.items():
        panel = _of_items(panel, target, target_label(mapper, target), model)
    laid = {
        name: _over(source_label(name), model, panel, name)
        for name, model in (mapper.source_models or {}).items()
        # a source may be gone, as its items are those of a target
        if name in panel.categories
    }
    into = {name: _over(target_label(mapper, name), model, panel, name) for name, model in spaces.items()}
    return panel, LaidModels(laid, into)


def _of_items(panel: Panel, target: str, label: str, model: PretrainedFactors) -> Panel:
    """Return the panel with the items of a model in the target."""
    items = _vocabulary(label, model, panel, target)
    part, lost = with_items(panel[target], items)
    if not part.matrix.nnz:
        raise InvalidDataError(_strangers(label, model, panel, target))
    if lost:
        warn(
            f"{label} has no vector for the items of {lost:,} of {lost + part.matrix.nnz:,} events in "
            f"{target!r}. These events are left out, and the items are never recommended."
        )
    features = {
        name: {kind: one.over(items) for kind, one in kinds.items()} if name == target else kinds
        for name, kinds in panel.item_features.items()
    }
    return replace(panel, interactions={**panel.interactions, target: part}, item_features=features)


def _over(name: str, model: PretrainedFactors, panel: Panel, category: str) -> PretrainedFactors:
    """Return a model over the items of a category; enough of them must have a vector."""
    _vocabulary(name, model, panel, category)
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
            "other events are ignored; check the ids, or give the newest model."
        )
    return laid


def _vocabulary(name: str, model: PretrainedFactors, panel: Panel, category: str) -> Vocabulary:
    """Return the items of a model, whose ids must be of the kind of the panel's, each there once."""
    try:
        items = Vocabulary.from_ids(model.items, "item_id")
    except InvalidDataError as error:
        raise InvalidDataError(f"the ids of {name}: {error}") from error
    if items.kind != panel[category].items.kind:
        raise InvalidDataError(_strangers(name, model, panel, category))
    if len(items) < len(np.asarray(model.factors)):
        raise InvalidParameterError(f"{name} has items twice. Give one vector for each item.")
    return items


def _strangers(name: str, model: PretrainedFactors, panel: Panel, category: str) -> str:
    mine, theirs = panel[category].items.ids[:1].tolist(), np.asarray(model.items).tolist()[:1]
    return (
        f"{name} has no vector for any item of {category!r}: its ids are such as {theirs[0]!r}, those of the "
        f"panel such as {mine[0]!r}. Give the ids of the panel by items=."
    )


def compare(mapper: InterestMapper, given: LaidModels, panel: Panel, histories: Histories) -> None:
    """Warn if users given by id are folded in to other directions than their given vectors."""
    models = [(source_label(category), category, model) for category, model in given.sources.items()]
    models += [(target_label(mapper, category), category, model) for category, model in given.targets.items()]
    for name, category, model in models:
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
