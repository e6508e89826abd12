"""Options of lists on the command line: diversity, caps, calibration, exploration and new items."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from tastebridge.cli.lists import read_list
from tastebridge.cli.needless import refuse_needless
from tastebridge.data.files.uris import uri_of
from tastebridge.data.reading import read_items
from tastebridge.exceptions import InvalidDataError, InvalidParameterError
from tastebridge.recommenders import ListOptions, Recommender

_PANEL = "Lists (beyond the order of scores)"


def _option(name: str, metavar: str, text: str) -> typer.models.OptionInfo:
    made: typer.models.OptionInfo = typer.Option(
        name, metavar=metavar, help=text, rich_help_panel=_PANEL, show_default=False
    )
    return made


Diversity = Annotated[
    str | None,
    _option("--diversity", "[COLUMN=]SHARE", "Diversity of a list, 0 to 1; by labels if a column is named."),
]
PerGroup = Annotated[
    list[str] | None,
    _option("--per-group", "COLUMN=N", "Maximum number of items per label, such as brand=2. Repeat it."),
]
Calibrate = Annotated[
    str | None,
    _option("--calibrate", "COLUMN[=SHARE]", "Match shares of labels to the history, 0 to 1; default 0.5."),
]
Explore = Annotated[
    float | None, _option("--explore", "SCALE", "Thompson sampling of scores; 1 is cautious.")
]
MinNew = Annotated[int | None, _option("--min-new", "N", "Minimum number of new items in a list.")]
NewItems = Annotated[
    Path | None, _option("--new-items", "FILE", "Items that count as new; by default, those with few users.")
]
Seed = Annotated[int | None, _option("--seed", "N", "Seed of the draws of --explore.")]
Groups = Annotated[
    Path | None,
    _option(
        "--groups", "TABLE", "Labels of items, such as brands: item_id, [category,] and a column for each."
    ),
]


def options_of(recommender: Recommender, given: Mapping[str, object]) -> ListOptions:
    """Return the list options that are given, read from words and files.

    Parameters
    ----------
    recommender : Recommender
    given : mapping of option to word, number, path or None
    """
    # options that were not typed keep their defaults in one place, the library
    found: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if not found.get("explore"):
        refuse_needless("without --explore", {"--seed": "random_state" in found})
    if "diversity" in found:
        found["diversity"] = _share("--diversity", found["diversity"], column=False)
    if "calibrate" in found:
        found["calibrate"] = _share("--calibrate", found["calibrate"], column=True)
    if "per_group" in found:
        caps = [_cap(word) for word in found["per_group"]]
        found["per_group"] = dict(caps)
        if len(found["per_group"]) < len(caps):
            raise InvalidParameterError("--per-group names a column twice. Give one number for each column.")
    if "new_items" in found:
        found["new_items"] = read_list(found["new_items"], recommender)
    return found  # type: ignore[return-value]


def with_groups(recommender: Recommender, path: Path | None, item_column: str | None = None) -> Recommender:
    """Return the recommender with the labels in a table of items, if there is one."""
    table = groups_of(path, item_column)
    return recommender if table is None else recommender.set_item_groups(table)


def groups_of(path: Path | None, item_column: str | None = None) -> pd.DataFrame | None:
    """Return a table of labels of items; None without a path."""
    if path is None:
        return None
    # before the table is read: its own error would not name the option
    if uri_of(path) is None and not path.exists():
        raise InvalidDataError(f"there is no file {str(path)!r}. Give --groups the path of a table of items.")
    return read_items(path, item_column)


def _share(option: str, word: str, column: bool) -> object:
    """Return a share, or a mapping of a column to one; with ``column`` a word alone is a column."""
    # from the right, since a name of a column can hold the sign
    name, equals, number = word.rpartition("=")
    if not equals and column:
        return word
    try:
        value = float(number)
    except ValueError:
        example = "genre=0.3" if column else "0.3 or genre=0.3"
        raise InvalidParameterError(f"{option} must be like {example}; got {word!r}.") from None
    return {name: value} if equals else value


def _cap(word: str) -> tuple[str, int]:
    name, equals, number = word.rpartition("=")
    if not equals or not name or not number.isdecimal():
        raise InvalidParameterError(f"--per-group must be like brand=2; got {word!r}.")
    return name, int(number)
