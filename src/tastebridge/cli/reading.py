"""The reading of events: options that all commands share, and that reach each as one argument."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from tastebridge.cli import options
from tastebridge.cli import reading_options as files
from tastebridge.cli.signatures import with_options
from tastebridge.data import CleaningPolicy, ReadingOptions
from tastebridge.data.cleaning import SeveralCategories
from tastebridge.exceptions import InvalidParameterError
from tastebridge.recommenders import Recommender

_OPTIONS = {"user_id": "user", "item_id": "item", "timestamp": "time"}
_ARGUMENT = "reading"
_LAYOUT = {
    "names": "--columns",
    "delimiter": "--delimiter",
    "encoding": "--encoding",
    "quoting": "--quoting",
    "decimal": "--decimal",
    "time_format": "--time-format",
    "time_unit": "--time-unit",
    "ids": "--ids",
    "trim": "--trim",
    "list_separator": "--list-separator",
    "category": "--one-category",
    "category_from_name": "--category-from-name",
    "items": "--items",
    "item_category": "--item-category",
    "item_columns": "--item-columns",
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
    """The options for reading a table of events.

    Attributes
    ----------
    columns : dict of role to column
        The columns named on the command line; None for a role that is left out.
    event_weights : sequence of "type=number", or None
    duplicates : Duplicates
    layout : ReadingOptions
        The layout of the files.
    no_rating : float or None
    unrated : {"event", "drop"}
    several_categories : SeveralCategories
    """

    columns: dict[str, str | None]
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

    def as_read_by(self, recommender: Recommender) -> Reading:
        """Return the options for histories that a model reads: of repeated ratings the last one counts."""
        merging = recommender.policy.duplicates
        return replace(self, duplicates=merging) if self.duplicates == "sum" and merging == "last" else self

    def policy(self, whole: bool = True) -> CleaningPolicy:
        """Return the policy for a ``whole`` table, or for histories, where items keep their categories."""
        # "auto" looks at all rows of an item, and histories hold only some of them
        several = "keep" if not whole and self.several_categories == "auto" else self.several_categories
        return CleaningPolicy(
            duplicates=self.duplicates,
            no_rating=self.no_rating,
            unrated=self.unrated,
            several_categories=several,
        )

    @property
    def words(self) -> list[str]:
        """The words of a command line with the same options; defaults are left out."""
        words = []
        for role, column in self.columns.items():
            words += [f"--{_OPTIONS.get(role, role)}-column", column or ""]
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
            elif name in ("names", "item_columns"):
                words += [option, ",".join(value)]
            else:
                words += [
                    word
                    for one in (value if isinstance(value, list) else [value])
                    for word in (option, str(one))
                ]
        return words


@dataclass(frozen=True)
class _Options:
    """The options of reading, as Typer shows and parses them; each field is one option."""

    user_column: options.UserColumn = None
    item_column: options.ItemColumn = None
    category_column: options.CategoryColumn = None
    weight_column: options.WeightColumn = None
    time_column: options.TimeColumn = None
    event_column: options.EventColumn = None
    event_weight: options.EventWeights = None
    duplicates: options.Repeats = "sum"
    columns: files.Columns = None
    delimiter: files.Delimiter = None
    encoding: files.Encoding = None
    quoting: files.Quoting = None
    decimal: files.Decimal = None
    time_format: files.TimeFormat = None
    time_unit: files.Unit = None
    ids: files.Ids = "auto"
    trim: files.Trim = False
    list_separator: files.ListSeparator = None
    one_category: files.OneCategory = None
    category_from_name: files.CategoryFromName = False
    no_rating: files.NoRating = None
    several_categories: files.SeveralCategories = "auto"
    items_table: files.ItemsTable = None
    item_category: files.ItemCategory = None
    item_columns: files.ItemColumns = None
    item_id_column: files.ItemIdColumn = None
    item_name_column: files.ItemNameColumn = None
    categories: files.Categories = "first"
    category_level: files.CategoryLevel = None
    users_table: files.UsersTable = None

    def reading(self) -> Reading:
        """Return the reading that these options ask for."""
        named = {
            "user_id": self.user_column,
            "item_id": self.item_column,
            "category": self.category_column,
            "weight": self.weight_column,
            "timestamp": self.time_column,
            "event": self.event_column,
        }
        return Reading(
            # an empty name leaves out a column that would be recognised
            {role: column or None for role, column in named.items() if column is not None},
            self.event_weight,
            self.duplicates,
            self._layout(),
            no_rating=self.no_rating,
            several_categories=self.several_categories,
        )

    def _layout(self) -> ReadingOptions:
        return ReadingOptions(
            names=None if self.columns is None else self.columns.split(","),
            # a shell passes a backslash and a t, and a real tab is hard to type
            delimiter="\t" if self.delimiter in ("tab", "\\t") else self.delimiter,
            encoding=self.encoding,
            quoting=self.quoting,
            decimal=self.decimal,
            time_format=self.time_format,
            time_unit=self.time_unit,
            ids=self.ids,
            trim=self.trim,
            list_separator=self.list_separator,
            category=self.one_category,
            category_from_name=self.category_from_name,
            items=self.items_table or None,  # Typer gives an empty list where the option is missing
            item_category=self.item_category,
            item_columns=None if self.item_columns is None else self.item_columns.split(","),
            item_id=self.item_id_column,
            item_name=self.item_name_column,
            categories=self.categories,
            category_level=self.category_level,
            users=self.users_table,
        )


def reads_events(command: Callable[..., None]) -> Callable[..., None]:
    """Return the command with the reading options in place of its argument ``reading``."""

    def call(options: _Options, given: dict[str, object]) -> None:
        command(**given, **{_ARGUMENT: options.reading()})

    return with_options(command, _Options, call, without=_ARGUMENT)


def parse_weights(given: Sequence[str] | None) -> dict[str, float] | None:
    """Return the weights in ``type=number`` words by type; None if there are no words."""
    if not given:
        return None
    weights = {}
    if list(given) == ["auto"]:
        raise InvalidParameterError(
            "--event-weight auto is for `fit`, which shows the weights it takes. Give these numbers here."
        )
    for word in given:
        kind, _, number = word.rpartition("=")  # the last sign, as types can hold one
        try:
            weights[kind] = float(number)
        except ValueError:
            kind = ""
        if not kind:
            raise InvalidParameterError(f"--event-weight must be like purchase=5; got {word!r}.")
    if len(weights) < len(given):
        raise InvalidParameterError("--event-weight names a type twice. Give one number for each type.")
    return weights
