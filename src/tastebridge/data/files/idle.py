"""Options of reading that find nothing to do: none of them does nothing in silence."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from tastebridge._foundation.warnings import warn_of_data
from tastebridge.data.files.options import ReadingOptions
from tastebridge.data.text_numbers import is_text
from tastebridge.exceptions import InvalidDataError

_NEEDED = {
    "time_unit": ("timestamp", "times", "timestamp, time, date or day"),
    "time_format": ("timestamp", "times", "timestamp, time, date or day"),
    "decimal": ("weight", "weights", "weight, rating, value or score"),
}
"""For each option the role it is about, its values, and the names of columns that are recognised."""


def refuse_idle(options: ReadingOptions, roles: Mapping[str, str]) -> None:
    """Refuse options about a column that the table does not have.

    Parameters
    ----------
    options : ReadingOptions
    roles : mapping of role to column

    Raises
    ------
    InvalidDataError
        If an option is about times or weights, and there are none.
    """
    for option, (role, values, names) in _NEEDED.items():
        given = getattr(options, option)
        if given is not None and role not in roles:
            raise InvalidDataError(
                f"{option}={given!r} is for a column of {values}, and none is read; such columns are named "
                f"{names}. Name it: columns={{{role!r}: '…'}}; or leave this option out."
            )


def warn_of_idle(options: ReadingOptions, table: pa.Table, text_files: bool) -> None:
    """Warn of options for text where there is none.

    Parameters
    ----------
    options : ReadingOptions
    table : Table
        The columns by role, as they stand in the files.
    text_files : bool
        Whether any file is text with delimiters.
    """
    # the encoding is for tables of items too
    layout = ["delimiter", "quoting"] if options.items is not None else ["delimiter", "encoding", "quoting"]
    for name in layout:
        if getattr(options, name) is not None and not text_files:
            warn_of_data(f"{name} had nothing to do: no file is text with delimiters. Leave it out.")
    for option, role in (("time_format", "timestamp"), ("decimal", "weight"), ("list_separator", "item_id")):
        if getattr(options, option) is not None and not is_text(kind := _plain(table[role].type)):
            warn_of_data(f"{option} had nothing to do: the column of {role} holds {kind}, and no text.")
    if options.trim and not any(is_text(_plain(table[role].type)) for role in ("user_id", "item_id")):
        warn_of_data("trim had nothing to do: the ids are numbers, which have no blanks around them.")


def idle_notes(options: ReadingOptions, several: bool, levels: bool, name: str) -> list[str]:
    """Return notes on options for categories that changed none, since the cells decide whether they do.

    Parameters
    ----------
    options : ReadingOptions
    several, levels : bool
        Whether any cell holds several categories, and whether any is a hierarchy.
    name : str
        The column of categories.
    """
    notes = []
    if options.categories != "first" and not several:
        notes.append(f"categories={options.categories!r} changed nothing: no item of {name!r} has several")
    if options.category_level is not None and not levels:
        notes.append(
            f"category_level={options.category_level} changed nothing: no cell of {name!r} is a hierarchy"
        )
    return notes


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind
