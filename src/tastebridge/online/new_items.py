r"""Items that come after the fit with features: what is known of them at once, and when takers take over.

As in the fit, a described item has rows in the spaces and profiles made of features, and as long as nobody
took it, the routes to new items (:mod:`tastebridge.routes.new_items`) lead to it: its factors are those the
regression of the fit predicts. Once four people take it for the first time, all in one update, it goes by
them: its factors are folded in on the item side, and the prediction is dropped. Fewer say less than its
features do, so that with fewer it is told by these until the next fit, while its popularity and its links to
other items grow with every taker. What this needs is the linear maps from features to vectors and the weights
of the routes to new items; it is of items alone, and small.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge._foundation.validation import nearest
from tastebridge.data import ItemFeatures, Vocabulary
from tastebridge.exceptions import InvalidDataError
from tastebridge.factors._base import placed
from tastebridge.model import LinearModel, Segment
from tastebridge.routes import Encoder, FitContext, Histories, Moves, Parts, RouteStatistics, width_of
from tastebridge.routes.counted import CountStatistics
from tastebridge.routes.derived import DerivedStatistics
from tastebridge.routes.new_items import NEW_ITEMS, with_one, without_items
from tastebridge.routes.profiles import ProfileEncoder
from tastebridge.routes.reader import Reading

Numbers = NDArray[np.int64]
FeaturesByName = Mapping[str, Mapping[str, ItemFeatures]]
"""For every category features by name."""
ENOUGH = 4
"""People who take an item for the first time, all at once, from whom on they say more than its features."""
_NEAR = 1e-3
"""Vectors, whose components have a variance of 1, are of other features if they are further apart."""


class Kind(NamedTuple):
    """What features of one name were like at the fit.

    Attributes
    ----------
    n_features : int
    columns : tuple of str or None
    thin : bool
        Whether they were a sparse matrix.
    encoder : object with encode, or None
        What made them of cells, such as texts.
    """

    n_features: int
    columns: tuple[str, ...] | None
    thin: bool
    encoder: Any = None

    @classmethod
    def of(cls, features: ItemFeatures) -> Kind:
        """Return the kind of some features."""
        return cls(features.shape[1], features.columns, sparse.issparse(features.matrix), features.encoder)


@dataclass(frozen=True, eq=False)
class Arrivals:
    """What a model needs to take items in by their features.

    Attributes
    ----------
    kinds : mapping of category to mapping of name to Kind
        All features of the fit.
    readings : mapping of key to Reading
        How rows of encoders and spaces are made of features, by the key of the encoder or space.
    untaken : mapping of category to ndarray of int
        The items that nobody has taken yet, ascending.
    waiting : mapping of {"cold", "warm", "empty"} to Segment
        The weights of all routes, those to new items last, as long as the model has no new item; then empty.
    """

    kinds: Mapping[str, Mapping[str, Kind]]
    readings: Mapping[str, Reading]
    untaken: Mapping[str, Numbers]
    waiting: Mapping[str, Segment]

    @classmethod
    def of(
        cls, context: FitContext, whole: LinearModel, model: LinearModel, encoders: Mapping[str, Encoder]
    ) -> Self | None:
        """Return what a model built in a context needs; None where nothing was described.

        Parameters
        ----------
        context : FitContext
        whole : LinearModel
            With the routes to new items.
        model : LinearModel
            Without them if there is no new item yet; otherwise the same.
        encoders : mapping of key to Encoder
            Those of the ledger.
        """
        if not context.features:
            return None
        used = {*whole.encoders, *whole.spaces, *encoders}
        return cls(
            kinds={
                category: {name: Kind.of(features) for name, features in given.items()}
                for category, given in context.features.items()
            },
            readings={key: part for key, part in context.readings.items() if key in used},
            untaken={
                name: np.setdiff1d(np.arange(rows.shape[1]), rows.indices)
                for name, rows in context.histories.items()
            },
            waiting={} if model is whole else whole.segments,
        )

    def check(self, given: FeaturesByName) -> None:
        """Refuse features that are not of the kinds of the fit."""
        for category, kinds in given.items():
            known = self.kinds.get(category, {})
            for name, features in kinds.items():
                if name not in known:
                    raise InvalidDataError(
                        f"the model was fitted without features {name!r} of {category!r}; it knows "
                        f"{sorted(known) or 'none'}.{nearest(name, list(known))} Give them under the names "
                        "of the fit, leave the others out, or fit again."
                    )
                if (came := Kind.of(features))[:3] != known[name][:3]:
                    raise InvalidDataError(
                        f"the features {name!r} of {category!r} are not of the space of the fit: "
                        f"{_difference(known[name], came)}. Make them as those of the fit were made, or fit "
                        "again."
                    )

    def differing(
        self, given: FeaturesByName, places: Mapping[str, Numbers], encoders: Mapping[str, Encoder]
    ) -> dict[str, int]:
        """Return for each category of how many known items other features came than the model knows.

        Parameters
        ----------
        given : mapping of category to mapping of name to ItemFeatures
            Of known items.
        places : mapping of category to ndarray of int
            Their numbers.
        encoders : mapping of key to Encoder
            Those of the model and the ledger.
        """
        found = {category: np.zeros(len(at), dtype=bool) for category, at in places.items()}
        for key, reading in self.readings.items():
            if reading.category in given and key in encoders:
                features, at = given[reading.category], places[reading.category]
                gap = np.abs(reading.rows(features, len(at)) - encoders[key].model.encoder_[at])
                found[reading.category] |= reading.covered(features, len(at)) & (gap > _NEAR).any(axis=1)
        return {category: int(some.sum()) for category, some in found.items() if some.any()}

    def predicts(self, category: str) -> bool:
        """Return whether items of a category that nobody took can be told by their features."""
        return NEW_ITEMS in self.readings and self.readings[NEW_ITEMS].category == category

    def told_by_takers(
        self, model: LinearModel, after: Histories, given: FeaturesByName, moves: Moves
    ) -> Histories:
        """Return the histories of the people of an update without the items that features go on telling.

        Parameters
        ----------
        model : LinearModel
            Before the update.
        after : mapping of category to csr_matrix
            What these people have now, over all items there are now.
        given : mapping of category to mapping of name to ItemFeatures
            Of the new items of a category, all of them, in their order.
        moves : mapping of category to Places
            Where items stand now, of categories with new ones.
        """
        target = model.target
        if not self.predicts(target):
            return after
        rows = after[target]
        told = np.zeros(rows.shape[1], dtype=bool)
        if NEW_ITEMS in model.spaces:
            on = model.spaces[NEW_ITEMS][:, -1] > 0
            told = moves[target].spread(on) if target in moves else on.copy()
        if target in given:
            new = moves[target].new
            told[new] = self.readings[NEW_ITEMS].rows(given[target], len(new)).any(axis=1)
        first = np.isin(np.arange(len(told)), self._idle(moves)[target])
        told &= ~first | (rows.getnnz(axis=0) < ENOUGH)
        if not told[rows.indices].any():
            return after
        rest = without_items(rows, np.flatnonzero(told))
        rest.sort_indices()
        return {**after, target: rest}

    def firsts(self, after: Histories, moves: Moves) -> dict[str, Numbers]:
        """Return the items of each category that nobody had taken before and that are in some histories.

        Parameters
        ----------
        after, moves : mapping of category
            As of :meth:`told_by_takers`.
        """
        return {name: np.intersect1d(items, after[name].indices) for name, items in self._idle(moves).items()}

    def welcome(
        self,
        parts: Parts,
        accounts: Mapping[str, RouteStatistics],
        given: FeaturesByName,
        moves: Moves,
        settled: Mapping[str, Numbers],
        taken: Mapping[str, Numbers],
    ) -> Self:
        """Put what features say of new items into the parts of a model, and return what is known now.

        Parameters
        ----------
        parts : Parts
            Of the model, over all items there are now; where the first new item comes, the routes to it join.
        accounts : mapping of name to RouteStatistics
            Those of the ledger.
        given : mapping of category to mapping of name to ItemFeatures
            Of the new items of a category, all of them, in their order.
        moves : mapping of category to Places
        settled : mapping of category to ndarray of int
            The items that go by their takers from now on.
        taken : mapping of category to ndarray of int
            All items of the update that nobody had taken before.
        """
        for key, reading in self.readings.items():
            if reading.category in given:
                new = moves[reading.category].new
                rows = reading.rows(given[reading.category], len(new))
                if key == NEW_ITEMS:
                    rows = with_one(rows) * ~np.isin(new, settled[reading.category])[:, None]
                    if not rows.any():
                        continue
                    self._join(parts, accounts)
                _put(parts, key, new, rows)
        if NEW_ITEMS in parts.spaces:
            gone = settled[self.readings[NEW_ITEMS].category]
            _put(parts, NEW_ITEMS, gone, np.zeros((len(gone), parts.spaces[NEW_ITEMS].shape[1])))
        idle = {name: np.setdiff1d(items, taken[name]) for name, items in self._idle(moves).items()}
        return replace(self, untaken=idle, waiting={} if NEW_ITEMS in parts.spaces else self.waiting)

    def temper(self, parts: Parts, accounts: Mapping[str, RouteStatistics]) -> None:
        """Let the popularity of items that features tell be the larger of what is counted and predicted.

        The prediction comes on top of what an item has, so it is taken off what its takers add.
        """
        if NEW_ITEMS not in parts.spaces:
            return
        told = parts.spaces[NEW_ITEMS]
        for part in accounts.values():
            counted = accounts.get(part.origin) if isinstance(part, DerivedStatistics) else None
            if isinstance(part, DerivedStatistics) and isinstance(counted, CountStatistics):
                at = np.flatnonzero((told[:, -1] > 0) & (counted.counts > 0))
                known = parts.spaces[part.origin]
                rest = np.maximum(counted.least, known[at] - told[at] @ part.W.T)
                parts.spaces[part.origin] = placed(known, at, rest)

    def _idle(self, moves: Moves) -> dict[str, Numbers]:
        """Return the items that nobody had taken before, by their numbers now, new ones too."""
        return {
            name: np.union1d(moves[name].moved[items], moves[name].new) if name in moves else items
            for name, items in self.untaken.items()
        }

    def _join(self, parts: Parts, accounts: Mapping[str, RouteStatistics]) -> None:
        """Add the routes to new items where the model does without so far."""
        if NEW_ITEMS in parts.spaces:
            return
        n_items = next(iter(parts.spaces.values())).shape[0]
        width = self.readings[NEW_ITEMS].reader.width + 1
        parts.spaces[NEW_ITEMS] = np.zeros((n_items, width), dtype=np.float32)
        for part in accounts.values():
            if isinstance(part, DerivedStatistics):
                origin = parts.routes[part.origin]
                k = width_of(parts.encoders[origin.encoder].model)
                parts.routes[part.route] = part.carried(origin, k, NEW_ITEMS)


def of_new_items(given: FeaturesByName, items: Mapping[str, Vocabulary], moves: Moves) -> FeaturesByName:
    """Return features of the new items of each category, of all of them and in their order.

    Parameters
    ----------
    given : mapping of category to mapping of name to ItemFeatures
    items : mapping of category to Vocabulary
        All items there are now.
    moves : mapping of category to Places
        Where items stand now, of categories with new ones.
    """
    new = {name: Vocabulary(items[name].ids[moves[name].new], "item_id") for name in given if name in moves}
    return {name: {kind: part.over(some) for kind, part in given[name].items()} for name, some in new.items()}


def of_known_items(
    given: FeaturesByName, known: Mapping[str, Vocabulary]
) -> tuple[FeaturesByName, dict[str, Numbers]]:
    """Return features of the items known, and the numbers of these, by category."""
    features, places = {}, {}
    for name, kinds in given.items():
        ids = next(iter(kinds.values())).items.ids
        numbers = known[name].numbers(ids, missing="negative")
        some = Vocabulary(ids[numbers >= 0], "item_id")
        features[name] = {kind: part.over(some) for kind, part in kinds.items()}
        places[name] = numbers[numbers >= 0]
    return features, places


def _put(parts: Parts, key: str, at: Numbers, rows: NDArray[np.float64]) -> None:
    """Replace rows of an encoder or a space, if it is there."""
    if key in parts.encoders:
        encoder = parts.encoders[key]
        matrix = placed(encoder.model.encoder_, at, rows)
        parts.encoders[key] = encoder._replace(model=ProfileEncoder(matrix))
    elif key in parts.spaces:
        parts.spaces[key] = placed(parts.spaces[key], at, rows)


def _difference(known: Kind, came: Kind) -> str:
    """Say in what features differ from those of the fit."""
    if came.thin != known.thin:
        told = {True: "a sparse matrix", False: "dense numbers"}
        return f"{told[came.thin]} came, and {told[known.thin]} were at the fit"
    if came.n_features != known.n_features:
        return f"{came.n_features} columns came, and {known.n_features} were at the fit"
    pairs = zip(came.columns or ("no names",), known.columns or ("no names",), strict=False)
    at, (new, old) = next((at, pair) for at, pair in enumerate(pairs) if pair[0] != pair[1])
    return f"column {at} is {new!r}, and was {old!r} at the fit"
