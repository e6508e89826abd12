"""Sufficient statistics of a model: its routes as sums over users, to which users are added and subtracted.

Everything a model learned across categories is additive:

- the moments of the linked users' factors, from which maps are solved;
- the number of linked users with both items of a pair, from which links are made;
- the number of users of each item.

A changed history is therefore one subtraction and one addition. The model solved from the new sums equals the
model solved from fresh sums over all users, with the same item factors, bit for bit, because all sums are
sums of integers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge.exceptions import InvalidDataError
from tastebridge.factors.base import FactorModel
from tastebridge.model import LinearModel, Segment
from tastebridge.online.new_items import Arrivals, FeaturesByName, Numbers
from tastebridge.routes import (
    Encoder,
    FitContext,
    Histories,
    Moves,
    Parts,
    RouteStatistics,
    side_by_side,
    sound,
)
from tastebridge.routes.links import LinearEncoder
from tastebridge.routes.popularity import Constant
from tastebridge.routes.profiles import ProfileEncoder
from tastebridge.routes.recent import Current
from tastebridge.routes.twins import NO_TWINS, Twins, rows_to_find


@dataclass(frozen=True, eq=False)
class ModelStatistics:
    """The sums over users behind a model's routes.

    Attributes
    ----------
    accounts : mapping of name to RouteStatistics
        The sums of the routes the model kept.
    encoders : mapping of key to Encoder
        Encoders that the accounts need or that decode a space, and that the model itself does not have.
    decoders : mapping of space to key of the encoder whose item factors it holds
    people : mapping of category to int
        The number of users with a history there at the fit.
    arrivals : Arrivals or None
        The part that adds new items by their features; None if the fit had no features.
    apart : bool, default=False
        Whether maps and factors were learned without target rows that are twins:
        :attr:`tastebridge.routes.FitContext.taught`.
    """

    accounts: Mapping[str, RouteStatistics]
    encoders: Mapping[str, Encoder]
    decoders: Mapping[str, str]
    people: Mapping[str, int]
    arrivals: Arrivals | None = None
    apart: bool = False

    @classmethod
    def of(cls, context: FitContext, model: LinearModel, whole: LinearModel | None = None) -> ModelStatistics:
        """Return the statistics of a model built in a context.

        Parameters
        ----------
        context : FitContext
        model : LinearModel
        whole : LinearModel, optional
            The same model with the routes to new items, if ``model`` leaves them out until one comes.
        """
        whole = whole or model
        names = {route.name for route in whole.routes}
        accounts = {key: part for key, part in context.accounts.items() if names & part.serves}
        decoders = {space: key for space, key in context.decoders.items() if space in model.spaces}
        wanted = {key for part in accounts.values() for key in part.reads} | set(decoders.values())
        # sorted, since the order of a set of strings differs from process to process
        encoders = {key: context.encoders[key] for key in sorted(wanted - set(model.encoders))}
        people = {name: context.n_people(name) for name in context.histories}
        arrivals = Arrivals.of(context, whole, model, encoders)
        apart = context.taught is not context.histories
        return cls(accounts, encoders, decoders, people, arrivals, apart)

    def updated(
        self,
        model: LinearModel,
        before: Histories,
        after: Histories,
        moves: Moves,
        features: FeaturesByName | None = None,
        twins: Twins = NO_TWINS,
    ) -> tuple[ModelStatistics, LinearModel]:
        """Return the statistics and the model after some users' histories changed.

        Parameters
        ----------
        model : LinearModel
            The model so far.
        before, after : mapping of category to csr_matrix
            The whole histories of the same users before and after, one row per user, over all current items.
            New users have empty rows before, forgotten users after.
        moves : mapping of category to Places
            The current item numbers, for categories with new items.
        features : mapping of category to mapping of name to ItemFeatures, optional
            Features of all new items of a category, in their order.
        twins : Twins
            The twins of the target's items, over all current items.

        Raises
        ------
        InvalidDataError
            If the rows to subtract cannot have been in the sums, or a route cannot take new items.
        """
        parts = Parts(
            {**self.encoders, **model.encoders},
            {route.name: route for route in model.routes},
            dict(model.spaces),
        )
        # the order matters: new items are folded in over the users as they are now, and sums are solved
        # last, from users' factors over all current items
        taught_before, taught = (self._taught(rows, model.target, twins) for rows in (before, after))
        self._absorb(parts, taught_before, taught, moves)
        arrivals, segments, ranked_by_events, given = self.arrivals, model.segments, after, features or {}
        if self.arrivals is not None:
            ranked_by_events = self.arrivals.without_predicted(model, after, given, moves)
        if moves:
            self._widen(parts, model.target, ranked_by_events, moves)
        if self.arrivals is not None:
            # of the first events, only items that features no longer predict are folded in
            settled, taken = (self.arrivals.firsts(rows, moves) for rows in (ranked_by_events, after))
            self._settle(parts, model.target, ranked_by_events, _known(settled, moves))
            arrivals = self.arrivals.with_new_items(parts, self.accounts, given, moves, settled, taken)
            # with the first new item its routes join, and the weights that were learned for them
            segments = segments if arrivals.waiting else self.arrivals.waiting or segments
        known = parts.encoders
        rows = {False: (before, after), True: (taught_before, taught)}
        accounts = {
            key: part.widened(moves).changed(*rows[part.of_taught_rows], known)
            for key, part in self.accounts.items()
        }
        for key, part in accounts.items():
            part.resolve(parts, self.accounts[key], moves)
        if self.arrivals is not None:
            self.arrivals.correct_popularity(parts, accounts)
        encoders = {key: parts.encoders[key] for key in self.encoders}
        statistics = replace(self, accounts=accounts, encoders=encoders, arrivals=arrivals)
        return statistics, _rebuilt(model, parts, segments)

    def _taught(self, histories: Histories, target: str, twins: Twins) -> Histories:
        """Return the histories that maps and factors are learned from."""
        if not self.apart:
            return histories
        return {**histories, target: rows_to_find(histories[target], twins.reached(histories))}

    def _absorb(self, parts: Parts, before: Histories, after: Histories, moves: Moves) -> None:
        """Update the user side of the factor models, over which new items are folded in."""
        for key, encoder in parts.encoders.items():
            if _grows(encoder):
                rows = (_of_known_items(encoder, part, moves) for part in (after, before))
                parts.encoders[key] = encoder._replace(model=encoder.model.absorbed(*rows))

    def _widen(self, parts: Parts, target: str, after: Histories, moves: Moves) -> None:
        """Add a row for each new item to every encoder and space: factors by fold-in, elsewhere zeros."""
        rows: dict[str, NDArray] = {}
        new = _new(moves)
        for key, encoder in parts.encoders.items():
            columns = np.concatenate(encoder.columns_of(new, after))
            if len(columns):
                parts.encoders[key], rows[key] = _extended(encoder, after, columns)
        if target in moves:
            for space, V in parts.spaces.items():
                parts.spaces[space] = moves[target].spread(V if sparse.issparse(V) else np.asarray(V))
            self._decode(parts, target, after, new, rows)

    def _settle(self, parts: Parts, target: str, after: Histories, items: Mapping[str, Numbers]) -> None:
        """Fold in the factors of known items that have their first events now."""
        rows: dict[str, NDArray] = {}
        for key, encoder in parts.encoders.items():
            columns = np.concatenate(encoder.columns_of(items, after))
            if len(columns) and _grows(encoder):
                model, rows[key] = encoder.model.settled(_rows_with(encoder, after, columns), columns)
                parts.encoders[key] = encoder._replace(model=model)
        for space in self.decoders:  # a copy, because the spaces may still be the old model's arrays
            parts.spaces[space] = parts.spaces[space].copy() if rows else parts.spaces[space]
        self._decode(parts, target, after, items, rows)

    def _decode(
        self,
        parts: Parts,
        target: str,
        after: Histories,
        items: Mapping[str, Numbers],
        rows: Mapping[str, NDArray],
    ) -> None:
        """Write the new factors of the target's items into the spaces that hold item factors."""
        for space, decoder in self.decoders.items():
            if decoder in rows:
                encoder = parts.encoders[decoder]
                columns = encoder.columns_of(items, after)
                place = encoder.categories.index(target)
                start = sum(len(part) for part in columns[:place])
                found = rows[decoder][start : start + len(columns[place])]
                parts.spaces[space][items[target], : found.shape[1]] = found


def _rebuilt(model: LinearModel, parts: Parts, segments: Mapping[str, Segment]) -> LinearModel:
    return replace(
        model,
        encoders={key: parts.encoders[key] for key in model.encoders},
        routes=tuple(parts.routes.values()),
        spaces=parts.spaces,
        segments=segments,
    )


def _new(moves: Moves) -> dict[str, Numbers]:
    return {name: places.new for name, places in moves.items()}


def _known(items: Mapping[str, Numbers], moves: Moves) -> dict[str, Numbers]:
    """Return the items that are not new."""
    new = _new(moves)
    return {name: np.setdiff1d(some, new[name]) if name in new else some for name, some in items.items()}


def _grows(encoder: Encoder) -> bool:
    """Return whether an encoder can fold in new items."""
    return isinstance(encoder.model, FactorModel) and hasattr(encoder.model, "user_gram_")


def _rows_with(encoder: Encoder, histories: Histories, columns: Numbers) -> sparse.csr_matrix:
    """Return the rows an encoder reads, for users with an item of some columns."""
    X = sound(side_by_side(histories, encoder.categories))
    return X[np.diff(X[:, columns].indptr) > 0]


def _of_known_items(encoder: Encoder, histories: Histories, moves: Moves) -> sparse.csr_matrix:
    """Return the rows an encoder reads, without the items that are new to it."""
    X = sound(side_by_side(histories, encoder.categories))
    old = np.setdiff1d(np.arange(X.shape[1]), np.concatenate(encoder.columns_of(_new(moves), histories)))
    return X if len(old) == X.shape[1] else sparse.csr_matrix(X[:, old])


def _extended(encoder: Encoder, histories: Histories, new: Numbers) -> tuple[Encoder, NDArray]:
    """Return an encoder that also reads the new columns, and the item factors of these columns."""
    nothing = np.zeros((len(new), 0))
    if isinstance(encoder.model, ProfileEncoder):  # zeros; features, where given, are written later
        return encoder._replace(model=encoder.model.extended(new)), nothing
    # links are made anew from counts in ``solve``, and the other two read no item
    if isinstance(encoder.model, LinearEncoder | Constant | Current):
        return encoder, nothing
    if not _grows(encoder):
        raise InvalidDataError(
            f"the events have new items, and {encoder.model!r} in the model cannot give them factors. Leave "
            "events of new items out, or fit again."
        )
    model, factors = encoder.model.extended(_rows_with(encoder, histories, new), new)
    return encoder._replace(model=model), factors
