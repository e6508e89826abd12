"""Lists of items and users on the command line: from a table, or from arguments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tastebridge.batch.id_kinds import kinds_of
from tastebridge.data import Panel, Vocabulary
from tastebridge.data.reading import read_ids
from tastebridge.data.types import Ids, ItemFilter
from tastebridge.exceptions import InvalidParameterError
from tastebridge.recommenders import Recommender


def read_list(path: Path | None, recommender: Recommender | None = None) -> ItemFilter | None:
    """Return the column item_id of a table, or its columns user_id and item_id if it has both.

    Ids made of digits in text files get the kind of the model's ids. Without a model, a column of plain whole
    numbers is read as int, as in :func:`tastebridge.read_panel`.
    """
    if path is None:
        return None
    found = read_ids(path, ("item_id",), ("user_id",), {} if recommender is None else kinds_of(recommender))
    # a table restricts single users, a column all of them
    return found if found.num_columns == 2 else found["item_id"]


def read_users(path: Path, recommender: Recommender | None = None, events: Panel | None = None) -> Ids:
    """Return the column user_id of a table, with ids of the same kind as in the model or its events."""
    kinds = {} if recommender is None else kinds_of(recommender)
    # a model without users does not know the kind of their ids; the events of before do
    if events is not None and len(events.users):
        kinds.setdefault("user_id", events.users.kind)
    return read_ids(path, ("user_id",), (), kinds)["user_id"]


def items_of(words: list[str], known: Vocabulary) -> list[Any]:
    """Return item ids from arguments, with the same kind as in the model."""
    if known.kind == "str":
        return list(words)
    try:
        return [int(word) for word in words]
    except ValueError as error:
        raise InvalidParameterError(
            f"--items must be whole numbers, as the model's items are: {error}"
        ) from None
