"""The erasure record: the forgotten users, the data removed, and the parts that still depend on them."""

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
"""Parts of a model that depend on every user of its fit, until it is fitted without them."""


@dataclass(frozen=True)
class Receipt:
    """The record of one :meth:`tastebridge.InterestMapper.forget`.

    Attributes
    ----------
    user_ids : tuple of ids
        The forgotten users. Keep the receipt where these ids may be kept.
    when : datetime
        In UTC.
    events : dict of category to int
        The number of user–item pairs removed.
    sums : tuple of str
        The names of the sums they were subtracted from.
    refitted : bool
        Whether the whole model was fitted again without them.
    owed : tuple of str
        The parts that still depend on them; empty after a refit.
    """

    user_ids: tuple[Any, ...]
    when: datetime
    events: Mapping[str, int]
    sums: tuple[str, ...]
    refitted: bool
    owed: tuple[str, ...]

    @classmethod
    def of(cls, gone: Panel, statistics: ModelStatistics, refitted: bool) -> Receipt:
        """Return the receipt of users, given with their whole histories in the model."""
        return cls(
            tuple(gone.users.ids.tolist()),
            datetime.now(UTC),
            {name: part.matrix.nnz for name, part in gone.interactions.items()},
            tuple(sorted(statistics.accounts)),
            refitted,
            () if refitted else OWED,
        )

    def __str__(self) -> str:
        events = ", ".join(f"{count:,} in {name!r}" for name, count in self.events.items())
        owed = f" Still dependent on their data: {', '.join(self.owed)}." if self.owed else ""
        how = (
            "The model was fitted without them."
            if self.refitted
            else (f"Subtracted from the sums of {', '.join(map(repr, self.sums))}.")
        )
        return (
            f"{len(self.user_ids):,} users forgotten on {self.when:%Y-%m-%d %H:%M} UTC, with their "
            f"interactions: {events or 'none'}. {how}{owed}"
        )
