r"""New items: items with features that arrive after the fit, ranked by features first and by events later.

An item with features has rows in the spaces and profiles of the features, as in the fit. As long as it has no
events, the routes to new items (:mod:`tastebridge.routes.new_items`) score it: the regression of the fit
predicts its factors from its features. If at least four users interact with it in its first update, its
factors are folded in from these users and replace the prediction. Fewer users are less informative than the
features, so the item then keeps its prediction until the next fit, while its popularity and its links to
other items grow with every event. For this, a model keeps the linear maps from features to vectors, and the
weights of the routes to new items. Both describe items only, and are small.
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
from tastebridge.factors.base import placed
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
# benchmarks/few_takers.py, MovieLens films: NDCG@10 by users and by features was 0.16 and 0.18 with three
# users, 0.20 and 0.18 with four
ENOUGH = 4
"""First users of an item, all in one update, from which their events predict better than its features."""
_TOLERANCE = 1e-3
"""Distance of vectors, whose components have variance 1, above which the features have changed."""


class Kind(NamedTuple):
    """The format of the features of one name at the fit.

    Attributes
    ----------
    n_features : int
    columns : tuple of str or None
    thin : bool
        Whether they were a sparse matrix.
    encoder : object with encode, or None
        The encoder that turned cells, such as texts, into these features.
    """

    n_features: int
    columns: tuple[str, ...] | None
    thin: bool
    encoder: Any = None

    @classmethod
    def of(cls, features: ItemFeatures) -> Kind:
        """Return the format of some features."""
        return cls(features.shape[1], features.columns, sparse.issparse(features.matrix), features.encoder)


@dataclass(frozen=True, eq=False)
class Arrivals:
    """The part of a model that adds new items by their features.

    Attributes
    ----------
    kinds : mapping of category to mapping of name to Kind
        All features of the fit.
    readings : mapping of key to Reading
        The maps from features to rows of encoders and spaces, by the key of the encoder or space.
    untaken : mapping of category to ndarray of int
        The items without any event yet, ascending.
    waiting : mapping of {"cold", "warm", "empty"} to Segment
        The weights of all routes, the routes to new items last. Empty once the model has a new item.
    """

    kinds: Mapping[str, Mapping[str, Kind]]
    readings: Mapping[str, Reading]
    untaken: Mapping[str, Numbers]
    waiting: Mapping[str, Segment]

    @classmethod
    def of(
        cls, context: FitContext, whole: LinearModel, model: LinearModel, encoders: Mapping[str, Encoder]
    ) -> Self | None:
        """Return this part for a model built in a context; None if no item has features.

        Parameters
        ----------
        context : FitContext
        whole : LinearModel
            With the routes to new items.
        model : LinearModel
            Without them if there is no new item yet; otherwise the same.
        encoders : mapping of key to Encoder
            The encoders of the model statistics.
        """
        if not context.features:
            return None
        # a context also holds readings of routes that the weights dropped
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
        """Refuse features whose name or format differs from the fit."""
        for category, kinds in given.items():
            known = self.kinds.get(category, {})
            for name, features in kinds.items():
                if name not in known:
                    raise InvalidDataError(
                        f"the model was fitted without features {name!r} of {category!r}; it knows "
                        f"{sorted(known) or 'none'}.{nearest(name, list(known))} Give them under the names "
                        "of the fit, leave the others out, or fit again."
                    )
                if (came := Kind.of(features))[:3] != known[name][:3]:  # the encoder may be another object
                    raise InvalidDataError(
                        f"the features {name!r} of {category!r} do not match the features of the fit: "
                        f"{_difference(known[name], came)}. Make them in the same way as for the fit, or fit "
                        "again."
                    )

    def differing(
        self, given: FeaturesByName, places: Mapping[str, Numbers], encoders: Mapping[str, Encoder]
    ) -> dict[str, int]:
        """Return for each category the number of known items whose features differ from the model's.

        Parameters
        ----------
        given : mapping of category to mapping of name to ItemFeatures
            Features of known items.
        places : mapping of category to ndarray of int
            The numbers of these items.
        encoders : mapping of key to Encoder
            The encoders of the model and of its statistics.
        """
        found = {category: np.zeros(len(at), dtype=bool) for category, at in places.items()}
        for key, reading in self.readings.items():
            if reading.category in given and key in encoders:
                features, at = given[reading.category], places[reading.category]
                gap = np.abs(reading.rows(features, len(at)) - encoders[key].model.encoder_[at])
                # a kind that is not given has the part 0, which would look like a change
                found[reading.category] |= reading.covered(features, len(at)) & (gap > _TOLERANCE).any(axis=1)
        return {category: int(some.sum()) for category, some in found.items() if some.any()}

    def predicts(self, category: str) -> bool:
        """Return whether features predict the factors of a category's items without events."""
        return NEW_ITEMS in self.readings and self.readings[NEW_ITEMS].category == category

    def without_predicted(
        self, model: LinearModel, after: Histories, given: FeaturesByName, moves: Moves
    ) -> Histories:
        """Return the histories of an update without the items that keep the prediction by their features.

        Parameters
        ----------
        model : LinearModel
            Before the update.
        after : mapping of category to csr_matrix
            The histories of these users after the update, over all current items.
        given : mapping of category to mapping of name to ItemFeatures
            Features of all new items of a category, in their order.
        moves : mapping of category to Places
            The current item numbers, for categories with new items.
        """
        target = model.target
        if not self.predicts(target):
            return after
        rows = after[target]
        predicted = np.zeros(rows.shape[1], dtype=bool)
        if NEW_ITEMS in model.spaces:
            was_predicted = (
                model.spaces[NEW_ITEMS][:, -1] > 0
            )  # the last component marks items ranked by features
            predicted = moves[target].spread(was_predicted) if target in moves else was_predicted.copy()
        if target in given:
            new = moves[target].new
            predicted[new] = self.readings[NEW_ITEMS].rows(given[target], len(new)).any(axis=1)
        first = np.isin(np.arange(len(predicted)), self._idle(moves)[target])
        # only first users count: a later fold-in would change what earlier ones added to the sums
        predicted &= ~first | (rows.getnnz(axis=0) < ENOUGH)
        if not predicted[rows.indices].any():
            return after
        rest = without_items(rows, np.flatnonzero(predicted))
        rest.sort_indices()
        return {**after, target: rest}

    def firsts(self, after: Histories, moves: Moves) -> dict[str, Numbers]:
        """Return the items of each category whose first events are in some histories.

        Parameters
        ----------
        after, moves : mapping of category
            As in :meth:`without_predicted`.
        """
        return {name: np.intersect1d(items, after[name].indices) for name, items in self._idle(moves).items()}

    def with_new_items(
        self,
        parts: Parts,
        accounts: Mapping[str, RouteStatistics],
        given: FeaturesByName,
        moves: Moves,
        settled: Mapping[str, Numbers],
        taken: Mapping[str, Numbers],
    ) -> Self:
        """Write the vectors of new items, made of their features, into a model; return the state after it.

        Parameters
        ----------
        parts : Parts
            The parts of the model over all current items. The first new item adds the routes to new items.
        accounts : mapping of name to RouteStatistics
            The accounts of the model statistics.
        given : mapping of category to mapping of name to ItemFeatures
            Features of all new items of a category, in their order.
        moves : mapping of category to Places
        settled : mapping of category to ndarray of int
            The items that are ranked by their events from now on.
        taken : mapping of category to ndarray of int
            All items with their first events in this update.
        """
        for key, reading in self.readings.items():
            if reading.category in given:
                new = moves[reading.category].new
                rows = reading.rows(given[reading.category], len(new))
                if key == NEW_ITEMS:
                    rows = with_one(rows) * ~np.isin(new, settled[reading.category])[:, None]
                    if not rows.any():  # the routes join only for an item that needs them
                        continue
                    self._join(parts, accounts)
                _put(parts, key, new, rows)
        if NEW_ITEMS in parts.spaces:
            # zeros drop the prediction: otherwise such an item would be scored twice
            gone = settled[self.readings[NEW_ITEMS].category]
            _put(parts, NEW_ITEMS, gone, np.zeros((len(gone), parts.spaces[NEW_ITEMS].shape[1])))
        idle = {name: np.setdiff1d(items, taken[name]) for name, items in self._idle(moves).items()}
        return replace(self, untaken=idle, waiting={} if NEW_ITEMS in parts.spaces else self.waiting)

    def correct_popularity(self, parts: Parts, accounts: Mapping[str, RouteStatistics]) -> None:
        """Set the popularity of items ranked by features to the larger of its count and its prediction.

        The prediction is added to the counted popularity at scoring, so it is subtracted here.
        """
        if NEW_ITEMS not in parts.spaces:
            return
        predicted = parts.spaces[NEW_ITEMS]
        for part in accounts.values():
            counted = accounts.get(part.origin) if isinstance(part, DerivedStatistics) else None
            if isinstance(part, DerivedStatistics) and isinstance(counted, CountStatistics):
                at = np.flatnonzero((predicted[:, -1] > 0) & (counted.counts > 0))
                # popularity is a logarithm, and ``least`` is its value for an item without events
                known = parts.spaces[part.origin]
                rest = np.maximum(counted.least, known[at] - predicted[at] @ part.W.T)
                parts.spaces[part.origin] = placed(known, at, rest)

    def _idle(self, moves: Moves) -> dict[str, Numbers]:
        """Return the current numbers of all items without events before the update, new items included."""
        return {
            name: np.union1d(moves[name].moved[items], moves[name].new) if name in moves else items
            for name, items in self.untaken.items()
        }

    def _join(self, parts: Parts, accounts: Mapping[str, RouteStatistics]) -> None:
        """Add the routes to new items to a model that has none yet."""
        if NEW_ITEMS in parts.spaces:
            return
        n_items = next(iter(parts.spaces.values())).shape[0]
        width = self.readings[NEW_ITEMS].reader.width + 1  # and the constant that marks such an item
        parts.spaces[NEW_ITEMS] = np.zeros((n_items, width), dtype=np.float32)
        for part in accounts.values():
            if isinstance(part, DerivedStatistics):
                origin = parts.routes[part.origin]
                k = width_of(parts.encoders[origin.encoder].model)
                parts.routes[part.route] = part.carried(origin, k, NEW_ITEMS)


def of_new_items(given: FeaturesByName, items: Mapping[str, Vocabulary], moves: Moves) -> FeaturesByName:
    """Return the features of all new items of each category, in their order.

    Parameters
    ----------
    given : mapping of category to mapping of name to ItemFeatures
    items : mapping of category to Vocabulary
        All current items.
    moves : mapping of category to Places
        The current item numbers, for categories with new items.
    """
    new = {name: Vocabulary(items[name].ids[moves[name].new], "item_id") for name in given if name in moves}
    return {name: {kind: part.over(some) for kind, part in given[name].items()} for name, some in new.items()}


def of_known_items(
    given: FeaturesByName, known: Mapping[str, Vocabulary]
) -> tuple[FeaturesByName, dict[str, Numbers]]:
    """Return the features and the numbers of the known items, by category."""
    features, places = {}, {}
    for name, kinds in given.items():
        ids = next(iter(kinds.values())).items.ids
        numbers = known[name].numbers(ids, missing="negative")
        some = Vocabulary(ids[numbers >= 0], "item_id")
        features[name] = {kind: part.over(some) for kind, part in kinds.items()}
        places[name] = numbers[numbers >= 0]
    return features, places


def _put(parts: Parts, key: str, at: Numbers, rows: NDArray[np.float64]) -> None:
    """Replace rows of an encoder or a space, if the model has it."""
    if key in parts.encoders:
        encoder = parts.encoders[key]
        matrix = placed(encoder.model.encoder_, at, rows)
        parts.encoders[key] = encoder._replace(model=ProfileEncoder(matrix))
    elif key in parts.spaces:
        parts.spaces[key] = placed(parts.spaces[key], at, rows)


def _difference(known: Kind, came: Kind) -> str:
    """Return a description of how features differ from the fit."""
    if came.thin != known.thin:
        shown = {True: "a sparse matrix", False: "dense numbers"}
        return f"{shown[came.thin]} came, and {shown[known.thin]} were at the fit"
    if came.n_features != known.n_features:
        return f"{came.n_features} columns were given, and the fit had {known.n_features}"
    pairs = zip(came.columns or ("no names",), known.columns or ("no names",), strict=False)
    at, (new, old) = next((at, pair) for at, pair in enumerate(pairs) if pair[0] != pair[1])
    return f"column {at} is {new!r}, and was {old!r} at the fit"
