"""The parts baselines share: a fit, and routes whose weights are fixed rather than learned."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Self

import numpy as np

from tastebridge._numerics.threads import one_blas_thread
from tastebridge.data import Panel
from tastebridge.data.types import Events
from tastebridge.factors import ALSFactors
from tastebridge.fitting.checks import check_target
from tastebridge.model import GATES, Segment
from tastebridge.model.blend import StackingBlend
from tastebridge.model.scorers import Scorer
from tastebridge.online.state import FittedState, Tables
from tastebridge.recommenders.base import Recommender, encoder_for
from tastebridge.routes import FitContext

RANK = 64
"""The rank of the default ALS factors, where the data allow it."""


class Baseline(Recommender):
    """Base of the baselines: a subclass names its sources and makes its model in a context."""

    def fit(self, panel: Events, y: None = None) -> Self:
        """Learn from a panel, or from a frame of events as for :meth:`tastebridge.Panel.from_frame`."""
        panel = self._read(panel)
        check_target(self.target, panel)
        self._check()
        panel = panel.select([*self._sources(panel), self.target])
        encoder = encoder_for(self, panel)
        context = FitContext(encoder.rows(panel, keep=True), self.target)
        # The bits of factors depend on the number of BLAS threads.
        with one_blas_thread():
            scorer, tables = self._learned(context, panel)
        state = FittedState(scorer, encoder, panel.item_names, tables)
        return self._keep({self.target: state}, panel)

    def _check(self) -> None:
        """Refuse parameters that cannot be used."""

    def _sources(self, panel: Panel) -> list[str]:
        """Return the source categories."""
        return []

    def _learned(self, context: FitContext, panel: Panel) -> tuple[Scorer, Tables]:
        """Return the scorer of the items, and tables of the findings."""
        return self._scorer(context), {}

    @abstractmethod
    def _scorer(self, context: FitContext) -> Scorer:
        """Return the scorer of the items."""


def fixed(**kept: Sequence[bool]) -> dict[str, Segment]:
    """Return segments with weight 1 for the kept routes and 0 for the others."""
    return {
        name: Segment(StackingBlend.equal(len(mask), len(GATES)), np.array(mask))
        for name, mask in kept.items()
    }


def default_factors(context: FitContext, random_state: int) -> ALSFactors:
    """Return ALS factors of the default rank, or of the highest the histories side by side allow."""
    rank = min(RANK, context.limit(context.histories))
    return ALSFactors(rank, regularization=1.0, alpha=10.0, iterations=15, random_state=random_state)
