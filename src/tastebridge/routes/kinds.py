"""The kinds of fitted routes, set by the builder of a route and never read from its name."""

from __future__ import annotations

from enum import Enum


class RouteKind(Enum):
    """The kind of a fitted route. The values are stored in saved models."""

    POPULARITY = "popularity"
    """How many users have an item."""
    RECENT_POPULARITY = "recent popularity"
    """How many users have an item, older events counting less."""
    LINKED_POPULARITY = "popularity among linked users"
    """How many users with a history in a source have an item."""
    NEIGHBOURS = "neighbours"
    """Links between single items."""
    WITHIN = "within"
    """Factors of the target."""
    MAPPED = "mapped"
    """Factors of a source, mapped to factors of the target."""
    JOINT = "joint"
    """Factors of all categories as one."""
    ITEM_REGRESSION = "item regression"
    """Each target item regressed on its strongest partners of all categories."""
    SHARED_ITEMS = "shared items"
    """Factors of a source and the target as one, over the items of both."""
    CONTENT = "content"
    """Profiles of a source's history, mapped to profiles of target items."""
    LIKENESS = "likeness"
    """Profiles of a history, mapped to the features of the next item."""
    RATING = "rating"
    """A part of a predicted rating."""
    NEW_ITEMS = "new items"
    """Another route carried over to items without events, by their features."""
    OTHER = "other"
    """A route of a class outside this package."""
