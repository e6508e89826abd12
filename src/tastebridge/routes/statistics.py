"""What routes learned of many people, kept as sums: people can be added to it and taken out again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tastebridge.data.reindexing import Places
from tastebridge.exceptions import InvalidDataError
from tastebridge.routes.fitted import Encoder, FittedRoute, Histories, known_to

Moves = Mapping[str, Places]
"""The categories with new items."""


@dataclass
class Parts:
    """The parts of a model while it is put together anew; routes by name."""

    encoders: dict[str, Encoder]
    routes: dict[str, FittedRoute]
    spaces: dict[str, Any]


class RouteStatistics(ABC):
    """The sums some routes are made of. It is frozen: what changes it returns another."""

    @property
    @abstractmethod
    def serves(self) -> frozenset[str]:
        """The names of the fitted routes that are made of it."""

    @property
    def reads(self) -> frozenset[str]:
        """The keys of the encoders it needs."""
        return frozenset()

    @abstractmethod
    def plus(self, histories: Histories, encoders: Mapping[str, Encoder], sign: int) -> Self:
        """Return the account with people added (``sign=1``) or taken out (-1), by all their histories.

        Raises
        ------
        InvalidDataError
            If people are taken out who cannot have been in.
        """

    @abstractmethod
    def widened(self, moves: Moves) -> Self:
        """Return the account over more items, of which nobody has the new ones yet."""

    @abstractmethod
    def solve(self, parts: Parts) -> None:
        """Make the routes of the account anew from its sums; routes the model does not have stay out."""


def linked(histories: Histories, source: str, target: str) -> NDArray[np.bool_]:
    """Return which people have a history in both."""
    return known_to((source,), histories) & known_to((target,), histories)


def check_left(least: float) -> None:
    """Refuse sums of which more was taken than was there."""
    if least < 0:
        raise InvalidDataError(
            "events were to be taken out of the model that it did not learn from. Give for each person just "
            "the events the model learned from, and each person once."
        )
