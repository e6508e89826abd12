"""How events are read: the options all commands share, which become one argument of theirs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, get_type_hints

from tastebridge.cli import options
from tastebridge.data import CleaningPolicy
from tastebridge.exceptions import InvalidParameterError

_OPTIONS = {"user_id": "user", "item_id": "item", "timestamp": "time"}
_ARGUMENT = "reading"


@dataclass(frozen=True)
class Reading:
    """How a table of events is read.

    Attributes
    ----------
    columns : dict of role to column
        Those named on the command line.
    event_weights : sequence of "type=number", or None
    duplicates : Duplicates
    """

    columns: dict[str, str]
    event_weights: Sequence[str] | None
    duplicates: options.Duplicates

    @property
    def how(self) -> dict[str, Any]:
        """The arguments of :func:`tastebridge.read_panel`."""
        return {
            "columns": self.columns,
            "event_weights": parse_weights(self.event_weights),
            "policy": CleaningPolicy(duplicates=self.duplicates),
        }

    @property
    def words(self) -> list[str]:
        """The words of a command that say so."""
        words = []
        for role, column in self.columns.items():
            words += [f"--{_OPTIONS.get(role, role)}-column", column]
        for weight in self.event_weights or ():
            words += ["--event-weight", weight]
        if self.duplicates != "sum":
            words += ["--duplicates", self.duplicates]
        return words


def _asked(
    user_column: options.UserColumn = None,
    item_column: options.ItemColumn = None,
    category_column: options.CategoryColumn = None,
    weight_column: options.WeightColumn = None,
    time_column: options.TimeColumn = None,
    event_column: options.EventColumn = None,
    event_weight: options.EventWeights = None,
    duplicates: options.Repeats = "sum",
) -> Reading:
    named = {
        "user_id": user_column,
        "item_id": item_column,
        "category": category_column,
        "weight": weight_column,
        "timestamp": time_column,
        "event": event_column,
    }
    columns = {role: column for role, column in named.items() if column is not None}
    return Reading(columns, event_weight, duplicates)


def reads_events(command: Callable[..., None]) -> Callable[..., None]:
    """Return the command with the options of reading in the place of its argument ``reading``."""
    own, shared = _parameters(command), _parameters(_asked)

    @wraps(command)
    def run(**given: Any) -> None:
        asked = {name: given.pop(name) for name in shared}
        command(**given, **{_ARGUMENT: _asked(**asked)})

    del own[_ARGUMENT]
    shown = {**own, **shared}
    run.__signature__ = inspect.Signature(list(shown.values()))  # type: ignore[attr-defined]
    run.__annotations__ = {name: parameter.annotation for name, parameter in shown.items()}
    return run


def _parameters(command: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Return what a command takes, all by name, with annotations that are no strings."""
    hints = get_type_hints(command, include_extras=True)
    return {
        name: parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in inspect.signature(command).parameters.items()
    }


def parse_weights(given: Sequence[str] | None) -> dict[str, float] | None:
    """Return the weights of ``type=number`` words by type; None where there are none."""
    if not given:
        return None
    weights = {}
    for word in given:
        kind, _, number = word.rpartition("=")
        try:
            weights[kind] = float(number)
        except ValueError:
            kind = ""
        if not kind:
            raise InvalidParameterError(f"--event-weight must be like purchase=5; got {word!r}.")
    return weights
