"""The base class of routes."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Sequence

from sklearn.base import BaseEstimator

from tastebridge._foundation.validation import check_category, is_listed
from tastebridge.exceptions import InvalidParameterError
from tastebridge.routes.context import FitContext
from tastebridge.routes.fitted import FittedRoute


class Route(BaseEstimator, metaclass=ABCMeta):
    """A kind of route: its parameters configure it, and ``build`` fits it for a target.

    All fitted parts of a route come from a context, so that routes share factors and spaces.
    """

    @abstractmethod
    def build(self, context: FitContext) -> list[FittedRoute]:
        """Return the fitted routes: one, or one for each source."""


def sources_of(route: Route, asked: Sequence[str] | None, context: FitContext) -> tuple[str, ...]:
    """Return the sources a route is asked to read, each once; None for all.

    The target is passed over: with several targets, one route may name them all.

    Raises
    ------
    InvalidParameterError
        If ``asked`` is no list.
    UnknownCategoryError
        If it names a category the fit does not have.
    """
    if asked is None:
        return context.sources
    if not is_listed(asked):
        shown = repr(asked) if isinstance(asked, str) else type(asked).__name__
        raise InvalidParameterError(
            f"sources must be a list of categories; got {shown}. Write {list(context.sources)!r} for all."
        )
    named = f"sources of {type(route).__name__}"
    known = dict.fromkeys(check_category(named, name, context.histories) for name in asked)
    return tuple(name for name in known if name != context.target)
