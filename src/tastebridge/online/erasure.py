"""The receipt of forgetting: who left a model, what of theirs was removed, and what is still owed to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tastebridge.data import Panel
from tastebridge.online.statistics import ModelStatistics

OWED = (
    "the factors of the items",
    "the weights of the routes",
    "the statistics of the weighting",
    "the calibration of interests and confidence",
    "the tables of the report",
    "the ids of items that only they had",
)
"""What a model owes to each of the people of its fit, until it is fitted without them."""


@dataclass(frozen=True)
class Receipt:
    """What :meth:`tastebridge.InterestMapper.forget` did.

    Attributes
    ----------
    user_ids : tuple of ids
        Who was forgotten. Keep the receipt where these ids may be kept.
    when : datetime
        In UTC.
    events : dict of category to int
        Pairs of a person and an item that were removed.
    sums : tuple of str
        The sums they were taken out of.
    refitted : bool
        Whether everything was fitted without them.
    owed : tuple of str
        What still owes something to them; empty after a refit.
    """

    user_ids: tuple[Any, ...]
    when: datetime
    events: Mapping[str, int]
    sums: tuple[str, ...]
    refitted: bool
    owed: tuple[str, ...]

    @classmethod
    def of(cls, gone: Panel, ledger: ModelStatistics, refitted: bool) -> Receipt:
        """Return the receipt of people, given with all the model knew of them."""
        return cls(
            tuple(gone.users.ids.tolist()),
            datetime.now(UTC),
            {name: part.matrix.nnz for name, part in gone.interactions.items()},
            tuple(sorted(ledger.accounts)),
            refitted,
            () if refitted else OWED,
        )

    def __str__(self) -> str:
        events = ", ".join(f"{count:,} in {name!r}" for name, count in self.events.items())
        owed = f" Still owing to them: {', '.join(self.owed)}." if self.owed else ""
        how = (
            "The model was fitted without them."
            if self.refitted
            else (f"Taken out of the sums of {', '.join(map(repr, self.sums))}.")
        )
        return (
            f"{len(self.user_ids):,} users forgotten on {self.when:%Y-%m-%d %H:%M} UTC, with their pairs of "
            f"a user and an item: {events or 'none'}. {how}{owed}"
        )
