"""Recommendations of another system on the command line, and the split it has to learn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from tastebridge._foundation.validation import nearest_file
from tastebridge.data.files.places import is_there
from tastebridge.data.files.uris import uri_of
from tastebridge.exceptions import InvalidDataError, InvalidParameterError
from tastebridge.persist.writable import refuse_address
from tastebridge.splits import Split

_PANEL = "Another system"
RecommendationFiles = Annotated[
    list[str] | None,
    typer.Option(
        "--recommendations",
        metavar="[NAME=]FILE",
        help="Finished lists of another system: user_id, item_id, and score or rank; repeatable.",
        rich_help_panel=_PANEL,
        show_default=False,
    ),
]
SplitFolder = Annotated[
    Path | None,
    typer.Option(
        "--write-split",
        metavar="FOLDER",
        help="Write train.parquet and users.parquet for another system, and stop.",
        rich_help_panel=_PANEL,
    ),
]


def files_of(given: Sequence[str] | None, taken: Sequence[str]) -> dict[str, Path]:
    """Return the files by name, the name of the file where none is given; every file must exist.

    ``taken`` are names of models, which a file cannot have.
    """
    found: dict[str, Path] = {}
    for word in given or ():
        name, sign, path = word.partition("=")
        # a sign in the path of a file without a name is no name
        where = Path(path) if sign and not is_there(Path(word)) else Path(word)
        name = name if sign and where != Path(word) else where.stem
        if name in found or name in taken or not name:
            raise InvalidParameterError(
                f"--recommendations needs a different name for each file; {name!r} is taken. Write "
                f"theirs={where}."
            )
        if uri_of(where) is None and not is_there(where):
            raise InvalidDataError(f"there is no file {str(where)!r}.{nearest_file(where)}")
        found[name] = where
    return found


def write_split(split: Split, folder: Path) -> str:
    """Write the training events and the users for another system; return a sentence about them."""
    # weights are merged by now, so the other system sees what the models see
    folder.mkdir(parents=True, exist_ok=True)
    split.train.to_frame().to_parquet(folder / "train.parquet", index=False)
    pd.DataFrame({"user_id": split.user_ids}).to_parquet(folder / "users.parquet", index=False)
    return (
        f"{folder / 'train.parquet'} has the events to learn from, {folder / 'users.parquet'} the users to "
        f"recommend items of {split.target!r} to. Then repeat the command with --recommendations instead."
    )


def check_folder(folder: Path | None) -> None:
    """Refuse a place that is no empty folder, before any work."""
    if folder is not None:
        refuse_address("--write-split", folder)
    if folder is not None and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidParameterError(
            f"--write-split needs a new or an empty folder; {str(folder)!r} holds something. Choose another."
        )


def named_paths(files: Mapping[str, Path]) -> dict[str, Path]:
    """Return the files by the words of an error."""
    return {f"recommendations of {name}": path for name, path in files.items()}
