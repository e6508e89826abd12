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
from tastebridge.model import LinearModel
from tastebridge.routes import Account, Encoder, Histories, Moves, Parts, Workshop, side_by_side, sound
from tastebridge.routes.links import LinearEncoder
from tastebridge.routes.popularity import Constant
from tastebridge.routes.profiles import ProfileEncoder


@dataclass(frozen=True, eq=False)
class Ledger:
    """What a model's routes learned of people, as sums.

    Attributes
    ----------
    accounts : mapping of name to Account
        The sums of the routes the model kept.
    encoders : mapping of key to Encoder
        Those the accounts need, or that decode a space, beside the model's own.
    decoders : mapping of space to key of the encoder whose item factors it holds
    people : mapping of category to int
        How many people with a history there the fit saw.
    """

    accounts: Mapping[str, Account]
    encoders: Mapping[str, Encoder]
    decoders: Mapping[str, str]
    people: Mapping[str, int]

    @classmethod
    def of(cls, workshop: Workshop, model: LinearModel) -> Ledger:
        """Return the ledger of a model built in a workshop."""
        names = {route.name for route in model.routes}
        accounts = {key: part for key, part in workshop.accounts.items() if names & part.serves}
        decoders = {space: key for space, key in workshop.decoders.items() if space in model.spaces}
        wanted = {key for part in accounts.values() for key in part.reads} | set(decoders.values())
        encoders = {key: workshop.encoders[key] for key in sorted(wanted - set(model.encoders))}
        people = {name: workshop.n_people(name) for name in workshop.histories}
        return cls(accounts, encoders, decoders, people)

    def updated(
        self, model: LinearModel, before: Histories, after: Histories, moves: Moves
    ) -> tuple[Ledger, LinearModel]:
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
        if moves:
            self._widen(parts, model.target, after, moves)
        known = parts.encoders
        accounts = {
            key: part.widened(moves).plus(before, known, -1).plus(after, known, 1)
            for key, part in self.accounts.items()
        }
        for part in accounts.values():
            part.solve(parts)
        ledger = replace(
            self, accounts=accounts, encoders={key: parts.encoders[key] for key in self.encoders}
        )
        return ledger, _rebuilt(model, parts)

    def _absorb(self, parts: Parts, before: Histories, after: Histories, moves: Moves) -> None:
        """Bring the factor models to the people there are now, of whom new items are told."""
        for key, encoder in parts.encoders.items():
            if isinstance(encoder.model, FactorModel) and hasattr(encoder.model, "user_gram_"):
                rows = (_of_known_items(encoder, part, moves) for part in (after, before))
                parts.encoders[key] = encoder._replace(model=encoder.model.absorbed(*rows))

    def _widen(self, parts: Parts, target: str, after: Histories, moves: Moves) -> None:
        """Give new items a row in every encoder and space: of factors by fold-in, elsewhere zeros."""
        rows: dict[str, NDArray] = {}
        for key, encoder in parts.encoders.items():
            new = _new_columns(encoder, after, moves)
            if len(new):
                parts.encoders[key], rows[key] = _extended(encoder, after, new)
        if target not in moves:
            return
        there = moves[target]
        for space, V in parts.spaces.items():
            wide = there.spread(np.asarray(V))
            if (decoder := self.decoders.get(space)) is not None:
                found = rows[decoder][_of_target(parts.encoders[decoder], after, moves, target)]
                wide[there.new, : found.shape[1]] = found
            parts.spaces[space] = wide


def _rebuilt(model: LinearModel, parts: Parts) -> LinearModel:
    return replace(
        model,
        encoders={key: parts.encoders[key] for key in model.encoders},
        routes=tuple(parts.routes[route.name] for route in model.routes),
        spaces=parts.spaces,
    )


def _new_columns(encoder: Encoder, histories: Histories, moves: Moves) -> NDArray[np.int64]:
    """Return the numbers of the new items in the stacked histories an encoder reads."""
    return np.concatenate(_new_by_category(encoder, histories, moves))


def _new_by_category(encoder: Encoder, histories: Histories, moves: Moves) -> list[NDArray[np.int64]]:
    widths = [histories[name].shape[1] for name in encoder.categories]
    starts = np.cumsum([0, *widths[:-1]])
    nothing = np.zeros(0, dtype=np.int64)
    return [
        start + (moves[name].new if name in moves else nothing)
        for start, name in zip(starts, encoder.categories, strict=True)
    ]


def _of_target(encoder: Encoder, histories: Histories, moves: Moves, target: str) -> slice:
    """Return which of an encoder's new items are the target's."""
    counts = [len(part) for part in _new_by_category(encoder, histories, moves)]
    place = encoder.categories.index(target)
    start = sum(counts[:place])
    return slice(start, start + counts[place])


def _of_known_items(encoder: Encoder, histories: Histories, moves: Moves) -> sparse.csr_matrix:
    """Return what an encoder reads of histories, without the items that are new to it."""
    X = sound(side_by_side(histories, encoder.categories))
    old = np.setdiff1d(np.arange(X.shape[1]), _new_columns(encoder, histories, moves))
    return X if len(old) == X.shape[1] else sparse.csr_matrix(X[:, old])


def _extended(encoder: Encoder, histories: Histories, new: NDArray[np.int64]) -> tuple[Encoder, NDArray]:
    """Return an encoder that reads the new columns too, and the item factors of these."""
    nothing = np.zeros((len(new), 0))
    if isinstance(encoder.model, ProfileEncoder):  # nothing is known of what they are like
        return encoder._replace(model=encoder.model.extended(new)), nothing
    if isinstance(encoder.model, LinearEncoder | Constant):  # made anew from counts, and of no items
        return encoder, nothing
    if not hasattr(encoder.model, "user_gram_"):
        raise InvalidDataError(
            f"the events have new items, and {encoder.model!r} in the model cannot give them factors. Leave "
            "events of new items out, or fit again."
        )
    X = sound(side_by_side(histories, encoder.categories))
    takers = np.diff(X[:, new].indptr) > 0
    model, factors = encoder.model.extended(X[takers], new)
    return encoder._replace(model=model), factors
