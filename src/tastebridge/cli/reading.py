"""How events are read: the options all commands share, which become one argument of each command."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import wraps
from typing import Annotated, Any, Literal, get_type_hints

from tastebridge.cli import options
from tastebridge.cli import reading_options as files
from tastebridge.data import CleaningPolicy, ReadingOptions
from tastebridge.data.cleaning import SeveralCategories
from tastebridge.exceptions import InvalidParameterError

_OPTIONS = {"user_id": "user", "item_id": "item", "timestamp": "time"}
_ARGUMENT = "reading"
_LAYOUT = {
    "names": "--columns",
    "delimiter": "--delimiter",
    "encoding": "--encoding",
    "quoting": "--quoting",
    "decimal": "--decimal",
    "time_format": "--time-format",
    "ids": "--ids",
    "trim": "--trim",
    "list_separator": "--list-separator",
    "category": "--one-category",
    "category_from_name": "--category-from-name",
    "items": "--items",
    "item_category": "--item-category",
    "item_id": "--item-id-column",
    "item_name": "--item-name-column",
    "categories": "--categories",
    "category_level": "--category-level",
    "users": "--users-table",
}
"""The option of each field of :class:`~tastebridge.data.ReadingOptions`."""
_USUAL = ReadingOptions()


@dataclass(frozen=True)
class Reading:
    """How a table of events is read.

    Attributes
    ----------
    columns : dict of role to column
        Those named on the command line.
    event_weights : sequence of "type=number", or None
    duplicates : Duplicates
    layout : ReadingOptions
        How the files are laid out.
    no_rating : float or None
    unrated : {"event", "drop"}
    several_categories : SeveralCategories
    """

    columns: dict[str, str]
    event_weights: Sequence[str] | None
    duplicates: options.Duplicates
    layout: ReadingOptions = field(default_factory=ReadingOptions)
    no_rating: float | None = None
    unrated: Literal["event", "drop"] = "event"
    several_categories: SeveralCategories = "auto"

    @property
    def how(self) -> dict[str, Any]:
        """The arguments of :func:`tastebridge.read_panel` and of the batch functions."""
        return {
            "columns": self.columns,
            "event_weights": parse_weights(self.event_weights),
            "policy": self.policy(),
            "reading": self.layout,
        }

    def policy(self, whole: bool = True) -> CleaningPolicy:
        """Return the cleaning; in histories for a model, no ``whole`` table, items keep their categories."""
        several = "keep" if not whole and self.several_categories == "auto" else self.several_categories
        return CleaningPolicy(
            duplicates=self.duplicates,
            no_rating=self.no_rating,
            unrated=self.unrated,
            several_categories=several,
        )

    @property
    def words(self) -> list[str]:
        """The words of a command that say the same."""
        words = []
        for role, column in self.columns.items():
            words += [f"--{_OPTIONS.get(role, role)}-column", column]
        for weight in self.event_weights or ():
            words += ["--event-weight", weight]
        for option, value, usual in (
            ("--duplicates", self.duplicates, "sum"),
            ("--no-rating", self.no_rating, None),
            ("--several-categories", self.several_categories, "auto"),
        ):
            words += [] if value == usual else [option, str(value)]
        return [*words, *self._layout_words()]

    def _layout_words(self) -> list[str]:
        words = []
        for name, option in _LAYOUT.items():
            value = getattr(self.layout, name)
            if value == getattr(_USUAL, name):
                continue
            if name == "quoting":
                words.append("--quoting" if value else "--no-quoting")
            elif value is True:
                words.append(option)
            elif name == "names":
                words += [option, ",".join(value)]
            else:
                words += [
                    word
                    for one in (value if isinstance(value, list) else [value])
                    for word in (option, str(one))
                ]
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
    columns: files.Columns = None,
    delimiter: files.Delimiter = None,
    encoding: files.Encoding = None,
    quoting: files.Quoting = None,
    decimal: files.Decimal = None,
    time_format: files.TimeFormat = None,
    ids: files.Ids = "auto",
    trim: files.Trim = False,
    list_separator: files.ListSeparator = None,
    one_category: files.OneCategory = None,
    category_from_name: files.CategoryFromName = False,
    no_rating: files.NoRating = None,
    several_categories: files.SeveralCategories = "auto",
    items_table: files.ItemsTable = None,
    item_category: files.ItemCategory = None,
    item_id_column: files.ItemIdColumn = None,
    item_name_column: files.ItemNameColumn = None,
    categories: files.Categories = "first",
    category_level: files.CategoryLevel = None,
    users_table: files.UsersTable = None,
) -> Reading:
    named = {
        "user_id": user_column,
        "item_id": item_column,
        "category": category_column,
        "weight": weight_column,
        "timestamp": time_column,
        "event": event_column,
    }
    layout = ReadingOptions(
        names=None if columns is None else columns.split(","),
        delimiter="\t" if delimiter in ("tab", "\\t") else delimiter,
        encoding=encoding,
        quoting=quoting,
        decimal=decimal,
        time_format=time_format,
        ids=ids,
        trim=trim,
        list_separator=list_separator,
        category=one_category,
        category_from_name=category_from_name,
        items=items_table or None,
        item_category=item_category,
        item_id=item_id_column,
        item_name=item_name_column,
        categories=categories,
        category_level=category_level,
        users=users_table,
    )
    roles = {role: column for role, column in named.items() if column is not None}
    return Reading(
        roles, event_weight, duplicates, layout, no_rating=no_rating, several_categories=several_categories
    )


def reads_events(command: Callable[..., None]) -> Callable[..., None]:
    """Return the command with the options of reading in the place of its argument ``reading``.

    A flag that the command has for itself, such as ``--items``, is left to it; the option keeps its other
    flag.
    """
    own, shared = _parameters(command), _parameters(_asked)
    taken = {flag for parameter in own.values() for flag in _flags(parameter)}
    shared = {name: _without(parameter, taken) for name, parameter in shared.items()}

    @wraps(command)
    def run(**given: Any) -> None:
        asked = {name: given.pop(name) for name in shared}
        command(**given, **{_ARGUMENT: _asked(**asked)})

    del own[_ARGUMENT]
    shown = {**own, **shared}
    run.__signature__ = inspect.Signature(list(shown.values()))  # type: ignore[attr-defined]
    run.__annotations__ = {name: parameter.annotation for name, parameter in shown.items()}
    return run


def _flags(parameter: inspect.Parameter) -> tuple[str, ...]:
    """Return the flags of an option; Typer keeps the first of an annotated one as its default."""
    found = getattr(parameter.annotation, "__metadata__", ())
    words = [(getattr(one, "default", None), *(getattr(one, "param_decls", None) or ())) for one in found]
    return tuple(word for option in words for word in option if str(word).startswith("-"))


def _without(parameter: inspect.Parameter, taken: set[str]) -> inspect.Parameter:
    """Return a parameter without the flags that are taken."""
    flags = _flags(parameter)
    if not taken & set(flags):
        return parameter
    option = copy(parameter.annotation.__metadata__[0])
    option.default, *option.param_decls = [flag for flag in flags if flag not in taken]
    return parameter.replace(annotation=Annotated[parameter.annotation.__origin__, option])


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
