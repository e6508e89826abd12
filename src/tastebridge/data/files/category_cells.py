"""Cells that hold the categories of an item: one, several, or a hierarchy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import pandas as pd

from tastebridge.data.files.literals import literal

_SEPARATORS = ("|", ", ", "; ", ",", ";")
_LEVELS = (" > ", ">", " / ", " » ")
_FEW, _SURE = 5, 0.9
"""So many cells of several words, and so large a share of them made of other cells, are no names."""
_SEQUENCE = ("token_seq", "float_seq")
"""Types of RecBole whose cells hold several values with blanks between them."""


def split_cells(cells: pd.Series, level: int | None, column: str = "") -> pd.Series:
    """Return the list of categories of each cell.

    A cell holds a list, the text of one (``['War', 'Drama']``), counts by category, ``A|B``, ``A, B``, or a
    single category. With a ``level`` a hierarchy, as a list or as ``A > B``, is one category: its beginning,
    cut at the level.

    Parameters
    ----------
    cells : Series
        Texts, lists or mappings; None where missing.
    level : int or None
    column : str
        The name of the column: RecBole's ``genre:token_seq`` has blanks between categories.

    Examples
    --------
    >>> split_cells(pd.Series(["War|Drama", "War", None]), None).tolist()
    [['War', 'Drama'], ['War'], []]
    >>> split_cells(pd.Series(["['War', 'Drama']"]), None).tolist()
    [['War', 'Drama']]
    >>> split_cells(pd.Series(["War Drama"]), None, "genre:token_seq").tolist()
    [['War', 'Drama']]
    >>> split_cells(pd.Series(["a", "b", "c", "a b", "a c", "b c", "b a", "c a"]), None).tolist()[3:5]
    [['a', 'b'], ['a', 'c']]
    >>> split_cells(pd.Series(["Books > Fantasy > Elves"]), 2).tolist()
    [['Books > Fantasy']]
    """
    texts = [cell for cell in cells if isinstance(cell, str)]
    of_text = _of_text(texts, level, column)

    def parts(cell: object) -> list[str]:
        found = of_text(cell) if isinstance(cell, str) else _flat(cell)
        found = [part for part in (part.strip() for part in found) if part]
        return [" > ".join(found[:level])] if level is not None and found else list(dict.fromkeys(found))

    return pd.Series([parts(cell) for cell in cells], cells.index, dtype=object)


def several_in(cells: pd.Series, level: int | None, column: str = "") -> pd.DataFrame:
    """Return the categories of each cell of a column: columns item_id, which is the cell, and category."""
    distinct = pd.Series(cells.dropna().unique(), dtype=object)
    rows = pd.DataFrame({"item_id": distinct, "category": split_cells(distinct, level, column)})
    return rows.explode("category").dropna().reset_index(drop=True)


def _of_text(texts: list[str], level: int | None, column: str) -> Callable[[str], Iterable[str]]:
    """Return how the texts of a column are cut."""
    if texts and all(text.startswith("[") and text.endswith("]") for text in map(str.strip, texts)):
        lists = {text: literal(text) for text in set(texts)}
        if all(isinstance(found, list) for found in lists.values()):
            return lambda text: _flat(lists[text])
    if column.rpartition(":")[2] in _SEQUENCE:
        return str.split
    signs = _LEVELS if level is not None else _SEPARATORS
    # One sign for the whole column: in a column of bars a comma belongs to a name.
    sign = next((one for one in signs if any(one in text for text in texts)), None)
    if sign is None and _are_words(texts):
        return str.split
    return lambda text: text.split(sign) if sign else [text]


def _are_words(texts: list[str]) -> bool:
    """Return whether blanks separate categories: the parts occur as categories elsewhere."""
    several = {text for text in texts if " " in text.strip()}
    single = set(texts) - several
    split = [text for text in several if single.issuperset(text.split())]
    return len(several) >= _FEW and len(split) >= _SURE * len(several)


def _flat(cell: object) -> list[str]:
    """Return the values of a list in lists; of counts by category the largest first, of a record its name."""
    if cell is None or isinstance(cell, float):
        return []
    if isinstance(cell, Mapping):
        return _of_mapping(cell)
    if isinstance(cell, list | tuple | np.ndarray):
        return [inner for part in cell for inner in _flat(part)]
    return [str(cell)]


def _of_mapping(cell: Mapping[str, object]) -> list[str]:
    for key in ("name", "title", "label"):
        if isinstance(name := cell.get(key), str):
            return [name]
    counts = {key: count for key, count in cell.items() if isinstance(count, int | float) and count > 0}
    return sorted(counts, key=lambda key: -counts[key])
