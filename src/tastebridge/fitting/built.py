"""The result of the first step of a fit: routes and held-out scores of one target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from tastebridge.fitting.folds import Fold, Held
from tastebridge.model import Array
from tastebridge.routes import FitContext, FittedRoute, Route


class Built(NamedTuple):
    """The routes of one target, and their scores of held-out users.

    Attributes
    ----------
    context : FitContext
    routes : list of Route
        The kinds of routes.
    held : list of list of Held
        The users that each fold hides.
    fitted : list of FittedRoute
    folds : list of Fold
        The vectors of users whose target rows were hidden while the routes were fitted.
    made : list of list of str
        The names of the fitted routes of each kind; empty where they are not known.
    priors : mapping of {"cold", "warm"} to mapping
        The weights suggested by other targets: see :mod:`tastebridge.fitting.pooled_prior`.
    """

    context: FitContext
    routes: Sequence[Route]
    held: list[list[Held]]
    fitted: list[FittedRoute]
    folds: list[Fold]
    made: Sequence[Sequence[str]] = ()
    priors: Mapping[str, Mapping[str, Array]] = MappingProxyType({})
