"""Lists of items and users on the command line: from a table, or from words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tastebridge.batch.id_kinds import kinds_of
from tastebridge.data import Panel, Vocabulary
from tastebridge.data.reading import read_ids
from tastebridge.exceptions import InvalidParameterError


def read_list(path: Path | None, recommender: Any = None) -> Any:
    """Return the column item_id of a table, or its columns user_id and item_id where it has both.

    Digits in text files are read as the model's ids are; without a model they are int if all of a column are
    plain whole numbers, as for :func:`tastebridge.read_panel`.
    """
    if path is None:
        return None
    found = read_ids(path, ("item_id",), ("user_id",), {} if recommender is None else kinds_of(recommender))
    return found if found.num_columns == 2 else found["item_id"]


def read_people(path: Path, recommender: Any = None, events: Panel | None = None) -> Any:
    """Return the column user_id of a table, of the kind the model or the panel of its events knows."""
    kinds = {} if recommender is None else kinds_of(recommender)
    if events is not None and len(events.users):
        kinds.setdefault("user_id", events.users.kind)
    return read_ids(path, ("user_id",), (), kinds)["user_id"]


def items_of(words: list[str], known: Vocabulary) -> list[Any]:
    """Return the item ids of words, of the kind the model knows."""
    if known.kind == "str":
        return list(words)
    try:
        return [int(word) for word in words]
    except ValueError as error:
        raise InvalidParameterError(
            f"--items must be whole numbers, as the model's items are: {error}"
        ) from None
