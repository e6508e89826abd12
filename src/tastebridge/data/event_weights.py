"""Weights of types of events: a purchase weighs more than a view."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tastebridge._foundation.validation import check_number, check_type, nearest
from tastebridge.data.coding import encode
from tastebridge.exceptions import InvalidDataError

_SHOWN, _LONGEST = 20, 40
"""So many types, of at most so many letters, are shown in an error: longer texts may be anything."""


def weights_of_events(events: object, weights: Mapping[Any, float]) -> np.ndarray:
    """Return the weight of each event.

    Parameters
    ----------
    events : column or None
        The type of each event, all str or all int; None if the frame has no such column.
    weights : mapping of event type to weight
        A weight of at least 0 for every type that occurs; the cleaning leaves rows of weight 0 out. A type is
        found by its text: ``"4"`` and ``4`` name the same.

    Returns
    -------
    ndarray of float64
        One weight per row, NaN where the type is missing.

    Raises
    ------
    InvalidDataError
        If there are no events, a type has no weight, or two keys name the same type.

    Examples
    --------
    >>> weights_of_events(["view", "buy", "view"], {"view": 1, "buy": 5}).tolist()
    [1.0, 5.0, 1.0]
    >>> weights_of_events([1, 4], {"1": 1, "4": 5}).tolist()
    [1.0, 5.0]
    """
    if events is None:
        raise InvalidDataError(
            'event_weights needs a column of event types. Name it: columns={"event": "…"}.'
        )
    example = 'event_weights={"view": 1, "purchase": 5}'
    check_type("event_weights", weights, Mapping, example)
    known: dict[str, float] = {}
    for event, weight in weights.items():
        check_number(f"event_weights[{event!r}]", weight, 0)
        if str(event) in known:
            raise InvalidDataError(f"event_weights names the event {str(event)!r} twice. Keep one of them.")
        known[str(event)] = float(weight)
    coded = encode(events, "event")
    types = [str(event) for event in coded.ids.tolist()]
    unknown = [event for event in types if event not in known]
    if unknown:
        raise InvalidDataError(_no_weight(unknown[0], types, known))
    # The last place serves code -1, a missing type.
    table = np.array([*(known[event] for event in types), np.nan])
    return table[coded.codes]


def _no_weight(event: str, types: list[str], known: Mapping[str, float]) -> str:
    """Return the error on a type without a weight; a column of many or long texts is not shown."""
    if len(types) > _SHOWN or max(map(len, types)) > _LONGEST:
        return (
            f"event_weights has no weight for some of the {len(types):,} types of the event column. Is it the"
            ' right column? Name another: columns={"event": "…"}.'
        )
    return (
        f"event_weights has no weight for {event!r}; the events are {types}.{nearest(event, known)}"
        " Give it a weight; 0 leaves its rows out."
    )
