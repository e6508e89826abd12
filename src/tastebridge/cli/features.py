"""Tables of item features on the command line, given as ``--features CATEGORY=TABLE[:COLUMN,…]``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import pyarrow as pa
import typer

from tastebridge._foundation.validation import check_category, nearest, nearest_file
from tastebridge.data import ItemFeatures, Panel
from tastebridge.data.columns import recognised
from tastebridge.data.files.uris import uri_of
from tastebridge.data.reading import read_items
from tastebridge.exceptions import InvalidDataError, InvalidParameterError
from tastebridge.features import table_features
from tastebridge.recommenders.interest_mapper import InterestMapper

Features = Annotated[
    list[str] | None,
    typer.Option(
        "--features",
        metavar="CATEGORY=TABLE",
        help="Table of items, a feature per column: text, tags (a|b), numbers, lists of numbers. Some "
        "columns only: films=films.csv:genres,plot. Repeat it for each category.",
        show_default=False,
    ),
]
StopWords = Annotated[
    str,
    typer.Option(
        "--stop-words",
        metavar="WORDS",
        help="Words to leave out of texts of items: english, none, or a file with one word per line.",
    ),
]


class FeatureTable(NamedTuple):
    """A table of items, and the columns to read as features; None for all."""

    path: Path
    columns: tuple[str, ...] | None = None

    def read(self, item_column: str | None) -> pa.Table:
        """Return the table: the column of ids, the column ``category`` if there is one, and the features."""
        table = read_items(self.path, item_column)
        if self.columns is None:
            return table
        names = table.column_names
        for column in self.columns:
            if column not in names:
                raise InvalidDataError(
                    f"--features names the column {column!r}, and {str(self.path)!r} has "
                    f"{', '.join(map(repr, names))}.{nearest(column, names)}"
                )
        ids = item_column if item_column in names else recognised("item_id", names)
        # the column of categories stays: it says which rows belong to this one
        kept = {ids, "category", *self.columns}
        return table.select([name for name in names if name in kept])


def tables_of(given: Sequence[str] | None) -> dict[str, FeatureTable]:
    """Return the tables by category; every file must exist."""
    found: dict[str, FeatureTable] = {}
    for word in given or ():
        category, _, place = word.partition("=")
        if not category or not place:
            raise InvalidParameterError(
                f"--features must be like films=films.parquet, a category and its table; got {word!r}."
            )
        if category in found:
            raise InvalidParameterError(
                f"--features names the category {category!r} twice. Put its features into one table."
            )
        found[category] = _table(place)
    return found


def inputs_of(tables: dict[str, FeatureTable]) -> dict[str, Path]:
    """Return the files of the tables by their names in messages."""
    return {f"table of {category}": table.path for category, table in tables.items()}


def stop_words_of(word: str) -> str | list[str] | None:
    """Return the words to leave out of texts: a language, none, or the lines of a file."""
    if word.casefold() in ("english", "none"):
        return "english" if word.casefold() == "english" else None
    path = Path(word)
    if not path.is_file():
        raise InvalidParameterError(
            f"--stop-words must be english, none, or a file with one word per line; got {word!r}."
        )
    try:
        # sorted: the words are stored with the model, whose bytes must not depend on their order
        words = sorted(set(path.read_text(encoding="utf-8-sig").casefold().split()))
    except UnicodeError:
        raise InvalidDataError(f"{word!r} is not UTF-8 text. Save the stop words as UTF-8.") from None
    if not words:
        raise InvalidDataError(f"{word!r} contains no words. Write --stop-words none to keep all words.")
    return words


def describe(
    panel: Panel,
    tables: dict[str, FeatureTable],
    item_column: str | None,
    stop_words: str | list[str] | None = "english",
) -> tuple[Panel, list[str]]:
    """Return the panel with the features of its tables of items, and a summary line for each category."""
    for category in tables:
        check_category("the category of --features", category, panel.categories)
    read = {category: table.read(item_column) for category, table in tables.items()}
    lines = []
    for category, kinds in table_features(read, item_column, stop_words).items():
        known = panel[category].items  # before the loop, which adds items that only the table names
        for name, features in kinds.items():
            panel = panel.with_item_features(category, features, name=name)
        lines.append(_summary(panel, category, len(known)))
    return panel, lines


def read_later(
    mapper: InterestMapper, tables: dict[str, FeatureTable], item_column: str | None
) -> tuple[dict[str, dict[str, ItemFeatures]], list[str]]:
    """Return the features of items added after the fit, and a summary line for each category."""
    read = {category: table.read(item_column) for category, table in tables.items()}
    # by the encoders of the fit: words and tags it did not see have no meaning to the model
    found, lines = mapper.read_features(read, item_column), []
    for category, kinds in found.items():
        ids = set().union(*(part.items.ids.tolist() for part in kinds.values()))
        new = len(ids.difference(mapper.items_[category].ids.tolist()))
        lines.append(f"{category}: {len(ids):,} items described, {new:,} of them new, by {', '.join(kinds)}.")
    return found, lines


def _table(place: str) -> FeatureTable:
    """Return the table of a path, which columns can follow after a colon."""
    path = Path(place)
    if uri_of(place) is not None:
        # a colon of an address stands before a port or a slash, too
        found = re.fullmatch(r"(.*):([^/:?&=]*[^/:?&=0-9][^/:?&=]*)", place)
        path, names = (path, None) if found is None else (Path(found[1]), _names(found[2], place))
        return FeatureTable(path) if names is None else FeatureTable(path, names)
    if path.exists():  # a colon can be a part of a name, as in C:\\films.csv
        return FeatureTable(path)
    before, colon, columns = place.rpartition(":")
    if colon and Path(before).exists():
        return FeatureTable(Path(before), _names(columns, place))
    missing = Path(before) if colon and Path(before).suffix else path
    raise InvalidDataError(f"there is no file {str(missing)!r}.{nearest_file(missing)}")


def _names(columns: str, place: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in columns.split(",") if name.strip()))
    if not names:
        raise InvalidParameterError(
            f"--features {place!r} ends in a colon. Name columns after it, or leave it out."
        )
    return names


def _summary(panel: Panel, category: str, n_before: int) -> str:
    kinds = panel.item_features[category]
    n_items = len(panel[category].items)
    described = int(np.any([part.described for part in kinds.values()], axis=0).sum())
    new = f", {n_items - n_before:,} of them new" if n_items > n_before else ""
    widths = ", ".join(f"{name} ({part.shape[1]})" for name, part in kinds.items())
    return f"{category}: {described:,} of {n_items:,} items described{new}, by {widths}."
