"""The times of events in a fit: whether recent popularity is of use, and the fold in time of each target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from tastebridge.data import Panel
from tastebridge.data.history_encoder import HistoryEncoder, Rows
from tastebridge.data.stray_times import warn_of_stray_times
from tastebridge.fitting.in_time import Dated, Later
from tastebridge.fitting.popularity_drift import recent_weights
from tastebridge.model import Array
from tastebridge.recommenders.base import encoder_for
from tastebridge.recommenders.fit_plan import ages_of_events
from tastebridge.recommenders.weighting import chosen_weighting
from tastebridge.routes import FitContext, Histories

if TYPE_CHECKING:
    from tastebridge.recommenders.interest_mapper import InterestMapper


class Dates(NamedTuple):
    """The events of a panel with their ages.

    Attributes
    ----------
    encoder : HistoryEncoder
        Gives weights that carry ages (:mod:`tastebridge.data.ages`).
    dated : Dated
        All events of the panel, by this encoder.
    weights : dict of target to ndarray or None
        The weights of recent popularity; None where the popularity of a target's items does not drift.
    """

    encoder: HistoryEncoder
    dated: Dated
    weights: Mapping[str, Array | None]

    @classmethod
    def of(cls, mapper: InterestMapper, panel: Panel, targets: Sequence[str]) -> Dates | None:
        """Return the dates of a panel; None without times, or if other routes or weights are asked for."""
        weighting = ages_of_events(mapper, panel)
        if weighting is None:
            return None
        warn_of_stray_times(panel)
        encoder = encoder_for(mapper, panel, weighting)
        rows = encoder.rows(panel, keep=True)
        dated = Dated(rows, first_rows(encoder, panel, rows))
        return cls(encoder, dated, {name: recent_weights(rows[name]) for name in targets})

    @property
    def drift(self) -> bool:
        """Whether ages have to travel with the histories: recent popularity is of use for a target.

        Only binary weights can carry them, so no other weighting is tried then.
        """
        return any(weights is not None for weights in self.weights.values())

    def past(self, hub: FitContext) -> FitContext:
        """Return the context of the events of all categories before the moment."""
        past = self.dated.before(hub.histories)
        return FitContext(past, hub.target, hub.rank, hub, hub.features, hub.same)

    def later(
        self, histories: Histories, target: str, seed: int, past: FitContext | None = None
    ) -> Later | None:
        """Return the fold in time of one target; None with too few users with later rows.

        With ``past``, it shares the factors of this context of all categories.
        """
        return Later.of(histories, self.dated, target, self.weights[target], seed, past)


def first_rows(encoder: HistoryEncoder, panel: Panel, rows: Rows) -> Rows:
    """Return the rows of a panel with the ages of first events, where pairs met several times."""
    again = {
        name: replace(part, times=part.first.times, first=None)
        for name, part in panel.interactions.items()
        if part.first is not None
    }
    if not again:
        return rows
    first = encoder.rows(replace(panel, interactions={**panel.interactions, **again}))
    return {name: first[name] if name in again else part for name, part in rows.items()}


def chosen_encoder(
    mapper: InterestMapper, panel: Panel, targets: Sequence[str], dates: Dates | None
) -> tuple[HistoryEncoder, dict[str, pd.DataFrame]]:
    """Return the encoder of a fit, and the tables of the weightings that were tried for it."""
    if dates is not None and dates.drift:
        return dates.encoder, {}
    weighting, tried = chosen_weighting(mapper, panel, targets)
    return encoder_for(mapper, panel, weighting), tried
