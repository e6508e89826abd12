"""How the files of a table are laid out and put together: all options of a reader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeGuard

from tastebridge._foundation.addresses import conceal
from tastebridge._foundation.validation import check_choice, check_count, check_type
from tastebridge.data.counters import UNITS, TimeUnit
from tastebridge.data.files.places import places_of
from tastebridge.data.files.uris import uri_of
from tastebridge.data.text_ids import IdKind
from tastebridge.exceptions import InvalidParameterError


@dataclass(frozen=True)
class ReadingOptions:
    r"""The layout of tables in files; options that are None are detected from the file.

    Every function that reads events from a path accepts it, and the command line options correspond to it.

    Parameters
    ----------
    names : sequence of str, optional
        The columns of a text file without a header, in order. An empty name leaves a column out.
    delimiter : str, optional
        The sign between fields, such as ``";"``, ``"\t"``, ``"|"`` or ``"::"``.
    encoding : str, optional
        The encoding of a text file, such as ``"utf-8"`` or ``"latin-1"``.
    quoting : bool, optional
        Whether fields of a text file may be enclosed in double quotes.
    decimal : {".", ","}, optional
        The decimal sign of weights in text files.
    time_format : str, optional
        The format of times written as text, such as ``"%d/%m/%Y %H:%M"``.
    ids : {"auto", "str", "int"} or mapping of role to one, default="auto"
        The type of ids that consist of digits in text files. ``"auto"`` means int if the whole column
        consists of plain integers. ``"str"`` or ``"int"`` for all roles also converts ids in Parquet.
    trim : bool, default=False
        Whether to strip blanks from both ends of ids. By default they are kept, except after the delimiters
        of a text file whose header has them too.
    list_separator : str, optional
        The sign between several items in one text cell, such as ``" "`` for the clicks of a session.
    category : str, optional
        The category of all rows, for a table without such a column.
    category_from_name : bool, default=False
        Whether the name of each file is its category, as in ``Books.csv`` and ``Music.csv``.
    items : path, frame, or sequence of them, optional
        Tables of the items with their category or name, joined by id. A second table is joined to the first
        by the column they have in common, and so on.
    item_category : str, optional
        The category column of ``items``. If there is no such column but a pair of columns ``property`` and
        ``value``, it is the name of a property.
    item_columns : sequence of str, optional
        The columns of a table of items without a header, in order. An empty name leaves a column out.
    item_id, item_name : str, optional
        The columns of the id and the name in ``items``; common names are recognised.
    categories : {"first", "all", "primary"}, default="first"
        The category of an item with several in ``items`` (a list, ``Action|Comedy``, one row per genre). It
        is the first one; all of them, with the weight split evenly; or the one that most items have.
    category_level : int, optional
        The level at which to cut hierarchical categories such as ``Books > Fantasy``: 1 is ``Books``.
    users : path or frame, optional
        A table with the user of each row, joined by the common column, such as the orders of a shop.
    time_unit : str, optional
        The unit of times that are numbers: "seconds", "milliseconds", "microseconds", "nanoseconds",
        "minutes", "hours", "days", "weeks" or "months". By default it is inferred from their size; small
        integers count days, weeks, … if their column is named so, such as ``DAY`` or ``WEEK_NO``.

    Examples
    --------
    >>> ReadingOptions(delimiter=";", encoding="latin-1").delimiter
    ';'
    """

    names: Sequence[str] | None = None
    delimiter: str | None = None
    encoding: str | None = None
    quoting: bool | None = None
    decimal: Literal[".", ","] | None = None
    time_format: str | None = None
    ids: IdKind | Mapping[str, IdKind] = "auto"
    trim: bool = False
    list_separator: str | None = None
    category: str | None = None
    category_from_name: bool = False
    items: Any = None
    item_category: str | None = None
    item_columns: Sequence[str] | None = None
    item_id: str | None = None
    item_name: str | None = None
    categories: Literal["first", "all", "primary"] = "first"
    category_level: int | None = None
    users: Any = field(default=None)
    time_unit: TimeUnit | None = None

    def __post_init__(self) -> None:
        several = isinstance(self.items, list | tuple)
        items = [conceal(one) for one in self.items] if several else conceal(self.items)
        object.__setattr__(self, "items", items)
        object.__setattr__(self, "users", conceal(self.users))
        check_choice("categories", self.categories, ("first", "all", "primary"))
        for name in ("delimiter", "encoding", "time_format", "list_separator", "category", "item_category"):
            if getattr(self, name) is not None:
                check_type(name, getattr(self, name), str, f'{name}="…"')
        for name in ("names", "item_columns"):
            given = getattr(self, name)
            if isinstance(given, str) or not all(isinstance(one, str) for one in given or ()):
                raise InvalidParameterError(
                    f'{name} must be a list of names; got {given!r}. Write ["item_id", "title"].'
                )
        if self.category_level is not None:
            check_count("category_level", self.category_level)
        check_choice("time_unit", self.time_unit, (None, *UNITS))
        check_choice("decimal", self.decimal, (None, ".", ","))
        if self.delimiter == "":
            raise InvalidParameterError(
                "delimiter must be a sign such as ';'; got ''. Leave it out to find it."
            )
        if self.category is not None and self.category_from_name:
            raise InvalidParameterError("category and category_from_name exclude each other. Leave one out.")
        self._check_items()
        for kind in self.ids.values() if isinstance(self.ids, Mapping) else (self.ids,):
            check_choice("ids", kind, ("auto", "str", "int"))

    def _check_items(self) -> None:
        """Refuse options of a table of items where there is none, and other categories where there is one."""
        for name in ("item_category", "item_columns", "item_id", "item_name"):
            if getattr(self, name) is not None and self.items is None:
                raise InvalidParameterError(
                    f"{name}={getattr(self, name)!r} names columns of a table of items. Give it: items=…"
                )
        asked = "category" if self.category is not None else "category_from_name"
        if self.items is not None and (self.category is not None or self.category_from_name):
            raise InvalidParameterError(
                f"items and {asked} exclude each other, since both say the category. Leave one out."
            )

    def kind_of(self, role: str) -> IdKind:
        """Return the kind of the ids of a role."""
        return self.ids.get(role, "auto") if isinstance(self.ids, Mapping) else self.ids

    def with_kinds(self, kinds: Mapping[str, IdKind]) -> ReadingOptions:
        """Return the options with the kinds of ids of a model, unless a kind was given."""
        return replace(self, ids=dict(kinds)) if self.ids == "auto" and kinds else self

    @property
    def plain(self) -> bool:
        """Whether no option affects Parquet, so that a large table can be read in pieces."""
        return replace(self, ids=self.ids if isinstance(self.ids, str) else "auto") == ReadingOptions()

    @property
    def files(self) -> tuple[Path, ...]:
        """The files of the tables that are joined."""
        return tuple(place.path for one in self._joined if _is_local(one) for place in places_of(one))

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses of the tables that are joined, without credentials."""
        return tuple(one for one in map(uri_of, self._joined) if one is not None)

    @property
    def _joined(self) -> list[object]:
        return [*(self.items if isinstance(self.items, list | tuple) else [self.items]), self.users]


def _is_local(table: object) -> TypeGuard[str | Path]:
    return isinstance(table, str | Path) and uri_of(table) is None
