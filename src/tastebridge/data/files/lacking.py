"""Columns that are missing in some files of a table: the cells are empty, and a warning is issued."""

from __future__ import annotations

from collections.abc import Sequence, Set

from tastebridge._foundation.warnings import warn_of_data


def lacking(name: str, files: Sequence[tuple[str, Set[str]]]) -> str | None:
    """Return the sentence on files without a column; None if all have it.

    Parameters
    ----------
    name : str
    files : sequence of (str, set of str)
        Each file, and its columns.

    Examples
    --------
    >>> lacking("weight", [("a.csv", {"user_id"}), ("b.csv", {"user_id", "weight"})])
    "the column 'weight' is missing in 1 of 2 files, such as 'a.csv'; in their rows this cell is empty."
    """
    without = [file for file, columns in files if name not in columns]
    if not without:
        return None
    return (
        f"the column {name!r} is missing in {len(without):,} of {len(files):,} files, such as "
        f"{without[0]!r}; in their rows this cell is empty."
    )


def warn_of_lacking(columns: Sequence[str], files: Sequence[tuple[str, Set[str]]]) -> None:
    """Warn of each used column that is missing in some files."""
    for name in columns:
        if (told := lacking(name, files)) is not None:
            warn_of_data(told)
