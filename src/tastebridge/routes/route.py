"""A kind of route: what every kind promises."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod

from sklearn.base import BaseEstimator

from tastebridge.routes.context import FitContext
from tastebridge.routes.fitted import FittedRoute


class Route(BaseEstimator, metaclass=ABCMeta):
    """A kind of route, to be fitted for a target: its parameters say how, ``build`` does it.

    Everything a route fits comes from a context, so that routes share factors and spaces.
    """

    @abstractmethod
    def build(self, context: FitContext) -> list[FittedRoute]:
        """Return the fitted routes, one a source where the kind goes by source."""
