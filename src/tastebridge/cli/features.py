"""Tables of item features on the command line, given as ``--features CATEGORY=TABLE``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from tastebridge._foundation.validation import check_category, nearest
from tastebridge.data import ItemFeatures, Panel
from tastebridge.data.reading import read_items
from tastebridge.exceptions import InvalidDataError, InvalidParameterError
from tastebridge.features import table_features
from tastebridge.recommenders.interest_mapper import InterestMapper

Features = Annotated[
    list[str] | None,
    typer.Option(
        "--features",
        metavar="CATEGORY=TABLE",
        help="Table of items, a column per feature: text, tags (a|b), numbers, lists of numbers. Repeat it.",
        show_default=False,
    ),
]


def tables_of(given: Sequence[str] | None) -> dict[str, Path]:
    """Return the paths of the tables by category; every file must exist."""
    found: dict[str, Path] = {}
    for word in given or ():
        category, _, path = word.partition("=")
        if not category or not path:
            raise InvalidParameterError(
                f"--features must be like films=films.parquet, a category and its table; got {word!r}."
            )
        if category in found:
            raise InvalidParameterError(
                f"--features names the category {category!r} twice. Put its features into one table."
            )
        found[category] = Path(path)
        if not found[category].exists():
            folder = found[category].parent
            around = [part.name for part in folder.iterdir()] if folder.is_dir() else []
            raise InvalidDataError(f"there is no file {path!r}.{nearest(found[category].name, around)}")
    return found


def describe(panel: Panel, paths: dict[str, Path], item_column: str | None) -> tuple[Panel, list[str]]:
    """Return the panel with the features of its tables of items, and a summary line for each category."""
    for category in paths:
        check_category("the category of --features", category, panel.categories)
    tables = {category: read_items(path, item_column) for category, path in paths.items()}
    lines = []
    for category, kinds in table_features(tables, item_column).items():
        known = panel[category].items  # before the loop, which adds items that only the table names
        for name, features in kinds.items():
            panel = panel.with_item_features(category, features, name=name)
        lines.append(_summary(panel, category, len(known)))
    return panel, lines


def read_later(
    mapper: InterestMapper, paths: dict[str, Path], item_column: str | None
) -> tuple[dict[str, dict[str, ItemFeatures]], list[str]]:
    """Return the features of items added after the fit, and a summary line for each category."""
    tables = {category: read_items(path, item_column) for category, path in paths.items()}
    # by the encoders of the fit: words and tags it did not see have no meaning to the model
    found, lines = mapper.read_features(tables, item_column), []
    for category, kinds in found.items():
        ids = set().union(*(part.items.ids.tolist() for part in kinds.values()))
        new = len(ids.difference(mapper.items_[category].ids.tolist()))
        lines.append(f"{category}: {len(ids):,} items described, {new:,} of them new, by {', '.join(kinds)}.")
    return found, lines


def _summary(panel: Panel, category: str, n_before: int) -> str:
    kinds = panel.item_features[category]
    n_items = len(panel[category].items)
    described = int(np.any([part.described for part in kinds.values()], axis=0).sum())
    new = f", {n_items - n_before:,} of them new" if n_items > n_before else ""
    widths = ", ".join(f"{name} ({part.shape[1]})" for name, part in kinds.items())
    return f"{category}: {described:,} of {n_items:,} items described{new}, by {widths}."
