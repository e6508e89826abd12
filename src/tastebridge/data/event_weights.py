"""Types of events as weights: a purchase tells more than a view."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tastebridge._foundation.validation import check_number, nearest
from tastebridge.data.coding import encode
from tastebridge.exceptions import InvalidDataError


def weights_of_events(events: Any, weights: Mapping[Any, float]) -> np.ndarray:
    """Return the weight of each event.

    Parameters
    ----------
    events : column or None
        The type of each event, all str or all int; None if the frame has no such column.
    weights : mapping of event type to weight
        A weight of at least 0 for every type that occurs; the cleaning leaves rows of weight 0 out.

    Returns
    -------
    ndarray of float64
        A weight a row, NaN where the type is missing.

    Raises
    ------
    InvalidDataError
        If there are no events, or a type has no weight.

    Examples
    --------
    >>> weights_of_events(["view", "buy", "view"], {"view": 1, "buy": 5}).tolist()
    [1.0, 5.0, 1.0]
    """
    if events is None:
        raise InvalidDataError(
            'event_weights needs a column of event types. Name it: columns={"event": "…"}.'
        )
    for event, weight in weights.items():
        check_number(f"event_weights[{event!r}]", weight, 0)
    coded = encode(events, "event")
    types = coded.ids.tolist()
    for event in types:
        if event not in weights:
            hint = nearest(str(event), [str(known) for known in weights])
            raise InvalidDataError(
                f"event_weights has no weight for {event!r}; the events are {types[:10]}.{hint}"
                " Give it a weight; 0 leaves its rows out."
            )
    table = np.array([*(float(weights[event]) for event in types), np.nan])
    return table[coded.codes]
