"""Events put together from their files: columns by role, ids of one kind, times in seconds, joined tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tastebridge._foundation.warnings import warn_of_data
from tastebridge.data.cleaning import CleaningPolicy
from tastebridge.data.columns import REQUIRED, holds_several, order_column, recognise, recognised
from tastebridge.data.counters import TimeUnit, counted, is_small, numbers_in
from tastebridge.data.files.categories_of_items import Joined, categories_of, categories_of_column
from tastebridge.data.files.category_cells import several_in
from tastebridge.data.files.delimited import DelimitedTable
from tastebridge.data.files.excel import ExcelTable
from tastebridge.data.files.idle import idle_notes, refuse_idle, warn_of_idle
from tastebridge.data.files.item_tables import ItemTable, read_items_table
from tastebridge.data.files.joins import as_texts, common_column
from tastebridge.data.files.options import ReadingOptions
from tastebridge.data.files.tables import NAME_OF_FILE, FilesTable, Table, open_table
from tastebridge.data.text_ids import ids_of_kind
from tastebridge.data.text_numbers import is_text, numbers_of
from tastebridge.data.time_units import units_of
from tastebridge.data.times import seconds
from tastebridge.exceptions import InvalidDataError

_IDS = ("user_id", "item_id")


@dataclass(frozen=True)
class EventTable:
    """Events read from files.

    Attributes
    ----------
    table : pyarrow.Table
        One column per role, named by it.
    roles : dict of role to column
        The column of the file that each role is.
    item_names : DataFrame or None
        Columns ``item_id`` and ``name``, from a table of items.
    signs_read : bool
        Whether the weights that mean no rating was given are read: a share of a rating can equal the sign.
    notes : tuple of str
        How the files were read.
    """

    table: pa.Table
    roles: dict[str, str]
    item_names: pd.DataFrame | None
    signs_read: bool
    notes: tuple[str, ...]


def read_events_table(
    path: object,
    columns: Mapping[str, str | None],
    options: ReadingOptions,
    policy: CleaningPolicy | None = None,
) -> EventTable:
    """Return the events of a table in files.

    Parameters
    ----------
    path : str, Path, or frame
    columns : mapping of role to column
        As of :func:`tastebridge.data.columns.recognise`.
    options : ReadingOptions
    policy : CleaningPolicy, optional
        With ``ratings`` settled. Where an item has several categories, ratings stay whole, and a sign of no
        rating is read before the weight is split.

    Raises
    ------
    InvalidDataError
        If there is no such table, a column is missing or unclear, or a cell cannot be read.
    """
    expected = [name for name in columns.values() if name is not None]
    # With a table of users the named columns may stand there, so a header need not hold them all.
    events = open_table(path, options, [] if options.users is not None else expected)
    users = None if options.users is None else open_table(options.users, ReadingOptions())
    roles = _roles(events, users, columns, options, path)
    refuse_idle(options, roles)
    table = _read(events, users, roles)
    warn_of_idle(options, table, has_delimiters(events))
    notes = [events.note, *([] if users is None else [users.note]), _told(roles, events.names)]
    before, table = len(table), _in_one_piece(_unnested(table, options))
    if options.list_separator is not None and len(table) == before:
        notes.append(f"list_separator={options.list_separator!r} changed nothing: no cell of items holds it")
    textual = {role: is_text(_plain_type(table[role].type)) for role in table.column_names}
    policy = policy or CleaningPolicy()
    # before any weight is split: half of -1 would no longer mean that no rating was given
    signs_read = options.categories == "all" and not policy.ratings and policy.no_rating is not None
    if signs_read and "weight" in table.column_names:
        weights = numbers_of(table["weight"], "weight", options.decimal)
        notes += policy.idle_sign(weights)
        rated = pa.chunked_array([pa.array(policy.rated(weights), from_pandas=True)])
        table = table.set_column(table.column_names.index("weight"), "weight", rated)
    table, names, more = _categorised(table, roles, options, policy)
    notes += more
    from_text = isinstance(path, str | Path) and not is_typed(events)
    for place, role in enumerate(table.column_names):
        if role in _IDS:
            notes += _blanks(table[role], role, options.trim)
        if role == "timestamp":
            times, unit = counted(table[role], roles[role], options.time_unit)
            notes += _units(table[role], unit, options.time_unit is not None)
            table = table.set_column(place, role, times)
        column = _converted(table[role], role, options, from_text and textual.get(role, False))
        table = table.set_column(place, role, column)
    return EventTable(table, roles, _under_ids(names, table), signs_read, tuple(notes))


def _in_one_piece(table: pa.Table) -> pa.Table:
    """Return the table with one dictionary per column of texts, so that no step below unifies them again."""
    for place, name in enumerate(table.column_names):
        if pa.types.is_large_string(table[name].type):  # quicker here than while Parquet is read
            table = table.set_column(place, name, table[name].dictionary_encode())
        if pa.types.is_dictionary(table[name].type):
            one = table[name].combine_chunks()
            one = one if isinstance(one, pa.ChunkedArray) else pa.chunked_array([one])
            table = table.set_column(place, name, one)
    return table


def _categorised(
    table: pa.Table, roles: Mapping[str, str], options: ReadingOptions, policy: CleaningPolicy
) -> tuple[pa.Table, pd.DataFrame | None, list[str]]:
    """Return the events with their categories, the names of items, and notes on both."""
    if options.category is not None:
        constant = pa.array([options.category] * len(table), pa.string())
        return table.append_column("category", constant), None, []
    if options.items is not None:
        items = read_items_table(options, roles.get("item_id"))
        table, told = _with_categories(table, items, options, policy)
        notes = idle_notes(options, items.several, items.levels, "the table of items")
        return table, items.names, [told, *notes]
    listed, name = _is_list(table["category"].type), roles.get("category", "")
    several = listed or options.category_level is not None or holds_several(name)
    if not several and not name.endswith(":token_seq"):
        return table, None, idle_notes(options, False, False, name)
    texts = (
        pc.binary_join(_one(table["category"]).cast(pa.list_(pa.string())), "|")
        if listed
        else table["category"]
    )
    cells = as_texts(texts)
    found = several_in(cells, options.category_level, name)
    split = categories_of(cells, found, options.categories)
    table, told = _with_shares(table.drop_columns("category"), split, options, policy)
    repeated, cut = found["item_id"].duplicated().any(), (found["item_id"] != found["category"]).any()
    notes = idle_notes(options, bool(repeated), bool(cut), name)
    return table, None, [f"{roles['category']!r} holds several categories{told}", *notes]


def is_typed(table: Table) -> bool:
    """Return whether the files say which columns are text and which are numbers."""
    return not (
        isinstance(table, FilesTable)
        and any(isinstance(part, DelimitedTable | ExcelTable) for part in table.parts)
    )


def has_delimiters(table: Table) -> bool:
    """Return whether any of the files is text with delimiters."""
    return isinstance(table, FilesTable) and any(isinstance(part, DelimitedTable) for part in table.parts)


def _roles(
    events: Table,
    users: Table | None,
    columns: Mapping[str, str | None],
    options: ReadingOptions,
    path: object,
) -> dict[str, str]:
    given = dict(columns)
    needed = list(REQUIRED)
    names = list(events.names) + ([] if users is None else [n for n in users.names if n not in events.names])
    if options.category_from_name:
        given["category"] = NAME_OF_FILE
    elif options.items is not None or options.category is not None:
        needed.remove("category")
        # The category comes from elsewhere: a column of this name must not make the role unclear.
        names = [name for name in names if name != "category"] if given.get("category") is None else names
    # A column of several categories, such as genres, serves only where there is no plain one.
    if (
        "category" in needed
        and "category" not in given
        and recognised("category", names, weakly=False) is None
    ):
        several = [name for name in names if holds_several(name)]
        given |= {"category": several[0]} if several else {}
    try:
        roles = recognise(names, given, needed)
    except InvalidDataError as error:
        told = str(error)
        if told.startswith("no column for category"):
            told += ' Or give the table of items that has it: items="…"; or one for all rows: category="…".'
        order = order_column(names)
        if told.startswith("no column for user_id") and users is None and order is not None:
            told += f' If another table has the user of each {order!r}, give it: users="…".'
        raise InvalidDataError(f"in {str(path)!r}: {told}") from None
    if "category" not in needed:
        roles.pop("category", None)
    return roles


def _read(events: Table, users: Table | None, roles: Mapping[str, str]) -> pa.Table:
    """Return the columns by role, with the columns of the table of users joined to the rest."""
    own = {role: name for role, name in roles.items() if name in events.names}
    # Weights and times hardly repeat: codes into a dictionary would cost more than they save.
    varied = [name for role, name in own.items() if role in ("weight", "timestamp")]
    if users is None:
        return events.read(list(own.values()), varied).rename_columns(list(own))
    left, right = common_column(events.names, users.names, "the table of users")
    table = events.read(list(dict.fromkeys([*own.values(), left])), varied)
    theirs = {role: name for role, name in roles.items() if role not in own}
    other = users.read(list(dict.fromkeys([*theirs.values(), right])))
    at = pd.Index(as_texts(other[right])).get_indexer(pd.Index(as_texts(table[left])))
    found = {role: table[name] for role, name in own.items()}
    # take gives null at a null place: the row of an order without a user.
    places = pa.array(np.where(at < 0, 0, at), mask=at < 0)
    found |= {role: other[name].combine_chunks().take(places) for role, name in theirs.items()}
    return pa.table(found).select(list(roles))


def _unnested(table: pa.Table, options: ReadingOptions) -> pa.Table:
    """Return one row per item, where a cell holds the list of the items of an order or a session."""
    if options.list_separator is not None:
        texts = _plain(table["item_id"])
        lists = pc.split_pattern(texts, options.list_separator)
        table = table.set_column(table.column_names.index("item_id"), "item_id", lists)
    kinds = {name: _plain_type(table[name].type) for name in table.column_names}
    lists = [name for name, kind in kinds.items() if _is_list(kind)]
    if "item_id" not in lists:  # a list of categories is no list of events
        return table
    arrays = {name: _one(table[name]) for name in table.column_names}
    sizes = pc.fill_null(pc.list_value_length(arrays[lists[0]]), 0)
    for name in lists[1:]:
        if not pc.fill_null(pc.list_value_length(arrays[name]), 0).equals(sizes):
            raise InvalidDataError(f"the lists of {lists[0]} and {name} differ in length in some rows.")
    rows = pa.array(np.repeat(np.arange(len(table)), sizes.to_numpy(zero_copy_only=False)))
    flat = {
        name: pc.list_flatten(array) if name in lists else array.take(rows) for name, array in arrays.items()
    }
    return pa.table(flat)


def _with_categories(
    table: pa.Table, items: ItemTable, options: ReadingOptions, policy: CleaningPolicy
) -> tuple[pa.Table, str]:
    """Return the events with the category of their item, and a note on it."""
    found = categories_of_column(table["item_id"], items.categories, options.categories)
    table, more = _with_shares(table, found, options, policy)
    if found.n_unknown:
        warn_of_data(
            f"{found.n_unknown:,} events are of items without a category in the table of items; they are"
            " left out."
        )
    return table, items.note + (more if items.several else "")


def _with_shares(
    table: pa.Table, found: Joined, options: ReadingOptions, policy: CleaningPolicy
) -> tuple[pa.Table, str]:
    """Return the events with their categories, the weight split where there are several, and the policy."""
    several = len(found.rows) > len(table)
    if several:
        table = table.take(pa.array(found.rows))
    table = table.append_column("category", found.categories)
    if several and not policy.ratings:
        weights: Any = 1.0
        if "weight" in table.column_names:
            weights = numbers_of(table["weight"], "weight", options.decimal)
            table = table.drop_columns("weight")
        table = table.append_column("weight", pa.array(weights * found.shares, from_pandas=True))
    whole = "all, with the whole rating" if policy.ratings else "all, the weight split"
    told = {"first": "the first one", "all": whole, "primary": "the most common one"}
    return table, f"; of several categories counts {told[options.categories]}"


def _converted(column: pa.ChunkedArray, role: str, options: ReadingOptions, text: bool) -> pa.ChunkedArray:
    """Convert a column for its role: text files have no types, other tables do."""
    if role in (*_IDS, "category", "event") and is_text(_plain_type(column.type)):
        if options.trim:
            column = _trimmed(column)
        column = _coded(column) if text else column
        if role in _IDS and (text or options.ids == "int"):
            return ids_of_kind(_coded(column), options.kind_of(role), role)
        return ids_of_kind(column, "auto", role) if text and role == "event" else column
    if role in _IDS and options.ids == "str" and pa.types.is_integer(_plain_type(column.type)):
        return _plain(column).cast(pa.string())
    if role == "weight" and (text or is_text(_plain_type(column.type))):
        return pa.chunked_array([pa.array(numbers_of(column, "weight", options.decimal))])
    if role == "timestamp" and is_text(_plain_type(column.type)):
        times = seconds(column, part=True, time_format=options.time_format)
        return pa.chunked_array([pa.array(times, mask=np.isnan(times))])
    return column


def _blanks(column: pa.ChunkedArray, role: str, trim: bool) -> list[str]:
    """Return a note on ids with blanks around them, and warn if two ids differ by nothing else."""
    if not is_text(_plain_type(column.type)):
        return []
    ids = pc.drop_null(_distinct(column))
    trimmed = pc.utf8_trim_whitespace(ids)
    padded = int(pc.sum(pc.not_equal(ids, trimmed)).as_py() or 0)
    merged = len(ids) - len(trimmed.unique())
    if merged and not trim:
        warn_of_data(
            f"{padded:,} ids of {role} have blanks around them, and {merged:,} of them differ from other ids "
            "only by blanks; they are kept as different ids. trim=True removes the blanks."
        )
    return (
        [f"{role}: {padded:,} ids have blanks around them, {'taken off' if trim else 'kept'}"]
        if padded
        else []
    )


def _distinct(column: pa.ChunkedArray) -> pa.Array:
    """Return the distinct texts of a column: of a dictionary without a look at its rows."""
    if not pa.types.is_dictionary(column.type) or not column.num_chunks:
        return _plain(column).unique()
    return column.unify_dictionaries().chunk(0).dictionary


def _units(column: pa.ChunkedArray, unit: TimeUnit | None, asked: bool) -> list[str]:
    """Return a note on the units of times that are numbers."""
    numbers = numbers_in(column)
    if numbers is None:
        return []
    if unit is not None:
        why = "as asked" if asked else "by the name of the column (time_unit, --time-unit)"
        return [f"timestamp in {unit} ({int(np.isfinite(numbers).sum()):,} rows), {why}"]
    counts = units_of(numbers)
    told = "timestamp in " + ", ".join(f"{unit} ({n:,} rows)" for unit, n in counts.items())
    if is_small(numbers):
        hours = f"{np.nanmax(np.abs(numbers)) / 3_600:.1f} hours"
        told += (
            f", all within {hours} of 1970-01-01: name their unit if they count days (time_unit, --time-unit)"
        )
    return [told] if counts else []


def _under_ids(names: pd.DataFrame | None, table: pa.Table) -> pd.DataFrame | None:
    """Return the names of items under the ids of the events."""
    if names is None:
        return None
    ids = _plain(table["item_id"]).unique()
    known = pd.DataFrame({"id": ids.to_pandas(), "item_id": as_texts(ids)}).dropna()
    found = known.merge(names, on="item_id")
    kept = found[["id", "name"]].set_axis(["item_id", "name"], axis=1)
    return kept.astype({"item_id": np.int64}) if len(kept) and pa.types.is_integer(ids.type) else kept


def _told(roles: Mapping[str, str], names: Sequence[str]) -> str:
    """Return a note on the columns that were used and not used."""
    taken = ", ".join(role if role == name else f"{role} = {name!r}" for role, name in roles.items())
    rest = [name for name in names if name not in roles.values()]
    shown = ", ".join(map(repr, rest[:8])) + (", …" if len(rest) > 8 else "")
    return f"columns: {taken}" + (f"; not used: {shown}" if rest else "")


def _trimmed(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.utf8_trim_whitespace(_plain(column)).dictionary_encode()


def _coded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column if pa.types.is_dictionary(column.type) else column.cast(pa.string()).dictionary_encode()


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _plain_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _one(column: pa.ChunkedArray) -> pa.Array:
    array = _plain(column).combine_chunks()
    return pa.concat_arrays(array.chunks) if isinstance(array, pa.ChunkedArray) else array
