"""Lists of items and users on the command line: from a table, or from arguments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tastebridge._foundation.warnings import warn_of_data
from tastebridge.batch.chosen_users import ChosenUsers
from tastebridge.batch.id_kinds import kinds_of
from tastebridge.data import Panel, Vocabulary
from tastebridge.data.reading import read_ids
from tastebridge.data.types import Ids, ItemFilter
from tastebridge.exceptions import InvalidDataError, InvalidParameterError
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


def only_users(panel: Panel, users: Ids) -> Panel:
    """Return the panel of some users, with a warning of those who are not in it."""
    # by the same rule as in a batch, where text of digits and whole numbers meet
    kind = pa.int64() if panel.users.kind == "int" else pa.string()
    chosen = ChosenUsers.of(users, pa.schema({"user_id": kind}))
    numbers = panel.users.numbers(chosen.ids.to_pylist(), missing="negative")
    found = np.sort(numbers[numbers >= 0])
    if not len(found):
        raise InvalidDataError(f"none of the {chosen.n_asked:,} users of --users has an event in the table.")
    if len(found) < chosen.n_asked:
        warn_of_data(f"{chosen.n_asked - len(found):,} of the {chosen.n_asked:,} chosen users have no event.")
    return panel[found]


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
