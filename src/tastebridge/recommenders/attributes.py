"""The learned attributes of a recommender: read-only views of its fitted states."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

import pandas as pd

from tastebridge.data.history_encoder import HistoryEncoder
from tastebridge.online.state import FittedState, MultiTarget

Learned = Any
"""The value of a learned attribute: of the one target, or with several targets a dict of target to value."""


class Fitted(Protocol):
    """A recommender that holds its fitted states."""

    targets_: Mapping[str, FittedState]
    joint_: MultiTarget | None


def from_state(read: Callable[[FittedState], Any], doc: str, several: str = "") -> Learned:
    """Return a property that reads the one state of a recommender; None there raises an AttributeError.

    Parameters
    ----------
    read : callable
    doc : str
    several : str, default=""
        With several targets, the attribute of :class:`MultiTarget` to read instead; "" for a dict of target
        to the value of ``read``.
    """

    def get(recommender: Fitted) -> object:
        if recommender.joint_ is None:
            (state,) = recommender.targets_.values()
            found = read(state)
        elif several:
            found = getattr(recommender.joint_, several)
        else:
            found = {name: value for name, state in recommender.targets_.items() if (value := read(state))}
        if found is None:
            raise AttributeError(f"this {type(recommender).__name__} has no such attribute")
        return found

    return property(get, doc=doc)


def from_encoder(name: str, doc: str) -> Learned:
    """Return a property that reads the encoder of the histories of all categories."""

    def get(recommender: Fitted) -> object:
        return getattr(encoder_of(recommender), name)

    return property(get, doc=doc)


def from_table(name: str, doc: str) -> pd.DataFrame:
    """Return a property that reads a table by the name of the attribute."""

    def get(recommender: Fitted) -> object:
        tables = shared_of(recommender).tables
        if name not in tables:
            raise AttributeError(f"this {type(recommender).__name__} has no {name}")
        return tables[name]

    # typed as the table, so that a type checker reads the attribute and not the property
    return cast(pd.DataFrame, property(get, doc=doc))


def shared_of(recommender: Fitted) -> FittedState | MultiTarget:
    """Return the one state of a recommender, or the part that its several targets share."""
    if recommender.joint_ is not None:
        return recommender.joint_
    (state,) = recommender.targets_.values()
    return state


def encoder_of(recommender: Fitted) -> HistoryEncoder:
    """Return the encoder over all categories of a recommender."""
    return shared_of(recommender).encoder
