"""The ledger of a model: what its routes learned of people, as sums that people join and leave.

Everything a model learned across categories is additive: the moments of the linked people's factors, from
which maps are solved; how many of them took both items of a pair, from which links are made; how many people
took an item. So a changed person is a subtraction and an addition, and the model solved from the new sums is
the one that would be solved from sums over all people anew, with the same item factors. All sums are of whole
numbers, so it is that to the last bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge.exceptions import InvalidDataError
from tastebridge.factors._base import FactorModel
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


@dataclass(frozen=True, eq=False)
class ModelStatistics:
    """What a model's routes learned of people, as sums.

    Attributes
    ----------
    accounts : mapping of name to RouteStatistics
        The sums of the routes the model kept.
    encoders : mapping of key to Encoder
        Those the accounts need, or that decode a space, beside the model's own.
    decoders : mapping of space to key of the encoder whose item factors it holds
    people : mapping of category to int
        How many people with a history there the fit saw.
    arrivals : Arrivals or None
        What new items need that come with features; None if the fit had none.
    """

    accounts: Mapping[str, RouteStatistics]
    encoders: Mapping[str, Encoder]
    decoders: Mapping[str, str]
    people: Mapping[str, int]
    arrivals: Arrivals | None = None

    @classmethod
    def of(cls, context: FitContext, model: LinearModel, whole: LinearModel | None = None) -> ModelStatistics:
        """Return the ledger of a model built in a context.

        Parameters
        ----------
        context : FitContext
        model : LinearModel
        whole : LinearModel, optional
            The model with routes to new items, where it does without as long as there is none.
        """
        whole = whole or model
        names = {route.name for route in whole.routes}
        accounts = {key: part for key, part in context.accounts.items() if names & part.serves}
        decoders = {space: key for space, key in context.decoders.items() if space in model.spaces}
        wanted = {key for part in accounts.values() for key in part.reads} | set(decoders.values())
        encoders = {key: context.encoders[key] for key in sorted(wanted - set(model.encoders))}
        people = {name: context.n_people(name) for name in context.histories}
        arrivals = Arrivals.of(context, whole, model, encoders)
        return cls(accounts, encoders, decoders, people, arrivals)

    def updated(
        self,
        model: LinearModel,
        before: Histories,
        after: Histories,
        moves: Moves,
        features: FeaturesByName | None = None,
    ) -> tuple[ModelStatistics, LinearModel]:
        """Return the ledger and the model after some people's histories changed.

        Parameters
        ----------
        model : LinearModel
            The model so far.
        before, after : mapping of category to csr_matrix
            All that was and is known of the same people, a row each, over the items there are now. New people
            have empty rows before, forgotten ones after.
        moves : mapping of category to Places
            Where items stand now, of categories with new ones.
        features : mapping of category to mapping of name to ItemFeatures, optional
            What describes these, of a category all of them, in their order.

        Raises
        ------
        InvalidDataError
            If what is taken out cannot have been in, or a route cannot take new items.
        """
        parts = Parts(
            {**self.encoders, **model.encoders},
            {route.name: route for route in model.routes},
            dict(model.spaces),
        )
        self._absorb(parts, before, after, moves)
        arrivals, segments, told, given = self.arrivals, model.segments, after, features or {}
        if self.arrivals is not None:
            told = self.arrivals.told_by_takers(model, after, given, moves)
        if moves:
            self._widen(parts, model.target, told, moves)
        if self.arrivals is not None:
            settled, taken = (self.arrivals.firsts(rows, moves) for rows in (told, after))
            self._settle(parts, model.target, told, _known(settled, moves))
            arrivals = self.arrivals.welcome(parts, self.accounts, given, moves, settled, taken)
            segments = segments if arrivals.waiting else self.arrivals.waiting or segments
        known = parts.encoders
        accounts = {
            key: part.widened(moves).plus(before, known, -1).plus(after, known, 1)
            for key, part in self.accounts.items()
        }
        for part in accounts.values():
            part.solve(parts)
        if self.arrivals is not None:
            self.arrivals.temper(parts, accounts)
        encoders = {key: parts.encoders[key] for key in self.encoders}
        ledger = replace(self, accounts=accounts, encoders=encoders, arrivals=arrivals)
        return ledger, _rebuilt(model, parts, segments)

    def _absorb(self, parts: Parts, before: Histories, after: Histories, moves: Moves) -> None:
        """Bring the factor models to the people there are now, of whom new items are told."""
        for key, encoder in parts.encoders.items():
            if _grows(encoder):
                rows = (_of_known_items(encoder, part, moves) for part in (after, before))
                parts.encoders[key] = encoder._replace(model=encoder.model.absorbed(*rows))

    def _widen(self, parts: Parts, target: str, after: Histories, moves: Moves) -> None:
        """Give new items a row in every encoder and space: of factors by fold-in, elsewhere zeros."""
        rows: dict[str, NDArray] = {}
        new = _new(moves)
        for key, encoder in parts.encoders.items():
            columns = np.concatenate(encoder.columns_of(new, after))
            if len(columns):
                parts.encoders[key], rows[key] = _extended(encoder, after, columns)
        if target in moves:
            for space, V in parts.spaces.items():
                parts.spaces[space] = moves[target].spread(np.asarray(V))
            self._decode(parts, target, after, new, rows)

    def _settle(self, parts: Parts, target: str, after: Histories, items: Mapping[str, Numbers]) -> None:
        """Give known items, which nobody had taken before, factors by fold-in."""
        rows: dict[str, NDArray] = {}
        for key, encoder in parts.encoders.items():
            columns = np.concatenate(encoder.columns_of(items, after))
            if len(columns) and _grows(encoder):
                model, rows[key] = encoder.model.settled(_takers(encoder, after, columns), columns)
                parts.encoders[key] = encoder._replace(model=model)
        for space in self.decoders:
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
        """Write the factors encoders gave to items, of the target those, into the spaces that hold them."""
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
    """Return those of the items that are not new."""
    new = _new(moves)
    return {name: np.setdiff1d(some, new[name]) if name in new else some for name, some in items.items()}


def _grows(encoder: Encoder) -> bool:
    """Return whether the factors of an encoder take items in by a fold-in."""
    return isinstance(encoder.model, FactorModel) and hasattr(encoder.model, "user_gram_")


def _takers(encoder: Encoder, histories: Histories, columns: Numbers) -> sparse.csr_matrix:
    """Return what an encoder reads of the people who took any item of some columns."""
    X = sound(side_by_side(histories, encoder.categories))
    return X[np.diff(X[:, columns].indptr) > 0]


def _of_known_items(encoder: Encoder, histories: Histories, moves: Moves) -> sparse.csr_matrix:
    """Return what an encoder reads of histories, without the items that are new to it."""
    X = sound(side_by_side(histories, encoder.categories))
    old = np.setdiff1d(np.arange(X.shape[1]), np.concatenate(encoder.columns_of(_new(moves), histories)))
    return X if len(old) == X.shape[1] else sparse.csr_matrix(X[:, old])


def _extended(encoder: Encoder, histories: Histories, new: Numbers) -> tuple[Encoder, NDArray]:
    """Return an encoder that reads the new columns too, and the item factors of these."""
    nothing = np.zeros((len(new), 0))
    if isinstance(encoder.model, ProfileEncoder):  # nothing is known of what they are like
        return encoder._replace(model=encoder.model.extended(new)), nothing
    if isinstance(encoder.model, LinearEncoder | Constant):  # made anew from counts, and of no items
        return encoder, nothing
    if not _grows(encoder):
        raise InvalidDataError(
            f"the events have new items, and {encoder.model!r} in the model cannot give them factors. Leave "
            "events of new items out, or fit again."
        )
    model, factors = encoder.model.extended(_takers(encoder, histories, new), new)
    return encoder._replace(model=model), factors
