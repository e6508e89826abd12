"""The base class of routes."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod

from sklearn.base import BaseEstimator

from tastebridge.routes.context import FitContext
from tastebridge.routes.fitted import FittedRoute


class Route(BaseEstimator, metaclass=ABCMeta):
    """A kind of route: its parameters configure it, and ``build`` fits it for a target.

    All fitted parts of a route come from a context, so that routes share factors and spaces.
    """

    @abstractmethod
    def build(self, context: FitContext) -> list[FittedRoute]:
        """Return the fitted routes: one, or one for each source."""
