"""A fit context over users in Spark: everything learned from all users is computed there."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge.factors import ALSFactors
from tastebridge.factors.base import FactorModel
from tastebridge.routes import FitContext, Histories
from tastebridge.routes.context import SameItems
from tastebridge.routes.description import ItemFeaturesByName
from tastebridge.routes.exact import ExactMoments, Grid
from tastebridge.routes.paired import Pairs
from tastebridge.spark.factors import train
from tastebridge.spark.sums import counts_of, moments_of, pairs_of
from tastebridge.spark.taken import Taken


class SparkFitContext(FitContext):
    """The histories of a sample of users in memory, and the events of all users in Spark.

    ALS factors, moments, links and popularity are computed from all users. Everything else, such as factors
    of another kind, is computed from the sample.

    Parameters
    ----------
    histories, target, rank, parent, features, same, seed
        As for :class:`~tastebridge.routes.FitContext`, for the users of the sample.
    taken : Taken
        The events of all users.
    who : ndarray of shape (n_people of the sample,)
        The numbers of the sampled users in ``taken``.
    """

    learns_from_twins = True
    """Sums over all users are made in Spark, of all rows."""

    def __init__(
        self,
        histories: Histories,
        target: str,
        rank: int = 0,
        parent: FitContext | None = None,
        features: ItemFeaturesByName | None = None,
        same: SameItems | None = None,
        seed: int | None = None,
        *,
        taken: Taken,
        who: NDArray[np.int64],
    ) -> None:
        super().__init__(histories, target, rank, parent, features, same, seed)
        self._taken, self._who = taken, who

    def hiding(self, target: sparse.csr_matrix) -> SparkFitContext:
        """Return a context with these rows in the target; all other target events are hidden in Spark too."""
        # held-out events are missing here already; Spark must lose them too, or they would reach the fit
        lost = sparse.coo_matrix(self.histories[self.target] - target)
        hidden = lost.data > 0
        taken = self._taken.without(self.target, self._who[lost.row[hidden]], lost.col[hidden])
        histories = {**self.histories, self.target: target}
        return SparkFitContext(
            histories,
            self.target,
            self.rank,
            self,
            self.features,
            self.same,
            self.seed,
            taken=taken,
            who=self._who,
        )

    def moments(self, source: str, phi: FactorModel, psi: FactorModel) -> ExactMoments:
        """Return the moments of the linked users' factors, on a grid chosen from the sample."""
        linked = self.linked(source)
        X, Y = (self.encoded((name,), model, linked) for name, model in ((source, phi), (self.target, psi)))
        # for as many users as there can be, so that sums on the grid stay exact
        grid = Grid.of(X, Y, self._taken.n_people)
        return moments_of(self._taken, source, self.target, phi, psi, grid)

    def pairs(self, name: str) -> Pairs:
        """Return the numbers of users of each item of a category, of each target item, and of both."""
        return pairs_of(self._taken, name, self.target)

    def counts(self, among: tuple[str, ...]) -> NDArray[Any]:
        """Return the number of users of each target item, among users with a history in some categories."""
        return self.once(f"counts {among}", lambda: counts_of(self._taken, self.target, among))

    def n_people(self, name: str) -> int:
        """Return the number of users with a history in a category."""
        return int(self._taken.only([name]).select("who").distinct().count())

    def _train(self, categories: tuple[str, ...], estimator: FactorModel) -> FactorModel:
        if isinstance(estimator, ALSFactors):
            return train(self._taken, categories, estimator)
        return super()._train(categories, estimator)
