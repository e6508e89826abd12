"""The command-line options for the layout of files of events."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from tastebridge.data.counters import TimeUnit
from tastebridge.data.text_ids import IdKind

_FILES = "Files (the layout is detected)"
_ITEMS = "Joined tables"


def _option(
    *words: str, help: str, panel: str = _FILES, metavar: str | None = None
) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        *words, help=help, metavar=metavar, rich_help_panel=panel, show_default=False
    )
    return option


Columns = Annotated[
    str | None,
    _option("--columns", metavar="A,B,…", help="Columns of a file without a header, in order."),
]
Delimiter = Annotated[
    str | None, _option("--delimiter", metavar="SIGN", help="Sign between fields: ';', tab, '|', '::'.")
]
Encoding = Annotated[
    str | None,
    _option("--encoding", metavar="NAME", help="Such as utf-8 or latin-1."),
]
Quoting = Annotated[
    bool | None, _option("--quoting/--no-quoting", help="Whether double quotes enclose fields.")
]
Decimal = Annotated[
    Literal[".", ","] | None, _option("--decimal", metavar="SIGN", help="Decimal sign of weights: . or ,")
]
TimeFormat = Annotated[
    str | None, _option("--time-format", metavar="FORMAT", help="Format of times in text, such as %d/%m/%Y.")
]
Unit = Annotated[
    TimeUnit | None,
    _option("--time-unit", metavar="UNIT", help="Unit of times in numbers: seconds, hours, days, weeks, …."),
]
Ids = Annotated[
    IdKind, _option("--ids", help="Type of ids made of digits in text files; a model determines it.")
]
Trim = Annotated[bool, _option("--trim", help="Remove blanks at both ends of ids.")]
ListSeparator = Annotated[
    str | None, _option("--list-separator", metavar="SIGN", help="Sign between several items in one cell.")
]
CategoryFromName = Annotated[
    bool, _option("--category-from-name", help="The name of each file is its category.")
]
OneCategory = Annotated[
    str | None, _option("--one-category", metavar="NAME", help="The category of all rows.")
]
ItemsTable = Annotated[
    list[Path] | None,
    _option("--items", "--items-table", metavar="FILE", help="Table of items; repeatable.", panel=_ITEMS),
]
ItemCategory = Annotated[
    str | None,
    _option("--item-category", metavar="NAME", help="Its column of categories.", panel=_ITEMS),
]
ItemColumns = Annotated[
    str | None,
    _option("--item-columns", metavar="A,B,…", help="Its columns, if it has no header.", panel=_ITEMS),
]
ItemIdColumn = Annotated[
    str | None,
    _option("--item-id-column", metavar="NAME", help="Its column of ids.", panel=_ITEMS),
]
ItemNameColumn = Annotated[
    str | None,
    _option("--item-name-column", metavar="NAME", help="Its column of names.", panel=_ITEMS),
]
Categories = Annotated[
    Literal["first", "all", "primary"],
    _option("--categories", help="Categories used for an item that has several.", panel=_ITEMS),
]
CategoryLevel = Annotated[
    int | None,
    _option("--category-level", metavar="N", help="Cut 'Books > Fantasy' after level N.", panel=_ITEMS),
]
UsersTable = Annotated[
    Path | None,
    _option("--users-table", metavar="FILE", help="Table with the user of each order.", panel=_ITEMS),
]
NoRating = Annotated[
    float | None, _option("--no-rating", metavar="NUMBER", help="Weight that means no rating was given.")
]
SeveralCategories = Annotated[
    Literal["auto", "keep", "first", "primary", "all", "error"],
    _option("--several-categories", help="Categories used for an event with a row for each."),
]
