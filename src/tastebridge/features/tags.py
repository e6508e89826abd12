"""Tags of items, such as genres or authors, as vectors of 1 and 0."""

from __future__ import annotations

from typing import Any

from sklearn.feature_extraction.text import CountVectorizer

from tastebridge._validation import check_count
from tastebridge.data import ItemFeatures
from tastebridge.exceptions import InvalidParameterError
from tastebridge.features.cells import cells_of, counted, is_missing, named


def tag_features(item_ids: Any, tags: Any, separator: str = "|", min_items: int = 1) -> ItemFeatures:
    """Return which tags each item has, 1 or 0.

    Parameters
    ----------
    item_ids : list or column of ids
        Each item once.
    tags : list or column of str, or of lists of str
        The tags of each item; a missing one is empty.
    separator : str, default="|"
        What stands between the tags of a str.
    min_items : int, default=1
        Tags that fewer items have are left out.

    Returns
    -------
    ItemFeatures
        Sparse, (n_items, n_tags), tags in alphabetical order.

    Examples
    --------
    >>> from tastebridge.features import tag_features
    >>> tag_features(["a", "b"], ["Comedy|Drama", "Drama"]).matrix.toarray().tolist()
    [[1.0, 1.0], [0.0, 1.0]]
    """
    if not isinstance(separator, str) or not separator:
        raise InvalidParameterError(f"separator must be a str that is not empty; got {separator!r}.")

    def split(given: Any) -> list[str]:
        parts = given.split(separator) if isinstance(given, str) else given
        return list(dict.fromkeys(part.strip() for part in parts if part.strip()))

    cells = [[] if is_missing(cell) else split(cell) for cell in cells_of(tags)]
    counter = CountVectorizer(analyzer=_as_they_are, min_df=check_count("min_items", min_items))
    found = ItemFeatures.read(counted(counter, cells, "tags"), item_ids)
    return named(found, counter.get_feature_names_out().tolist())


def _as_they_are(cell: list[str]) -> list[str]:
    return cell
