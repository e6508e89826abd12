"""Tags of items, such as genres or authors, as vectors of 1 and 0."""

from __future__ import annotations

from collections.abc import Iterable, Sized
from typing import Any, Self

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.feature_extraction.text import CountVectorizer

from tastebridge._foundation.validation import check_count, check_fitted
from tastebridge.data import ItemFeatures
from tastebridge.exceptions import InvalidDataError, InvalidParameterError
from tastebridge.features.cells import cells_of, counted, is_missing, named


class TagEncoder(BaseEstimator):
    """Encode the tags in cells as 1 and 0; tags that were not in the fit are ignored.

    Parameters
    ----------
    separator : str, default="|"
        The separator of tags in a str.
    min_items : int, default=1
        Tags that fewer items have are left out.

    Attributes
    ----------
    columns_ : tuple of str
        The tags, in alphabetical order.

    Examples
    --------
    >>> from tastebridge.features import TagEncoder
    >>> TagEncoder().fit(["Comedy|Drama", "War"]).encode([["Drama", "Opera"]]).toarray().tolist()
    [[0.0, 1.0, 0.0]]
    """

    columns_: tuple[str, ...]

    def __init__(self, separator: str = "|", min_items: int = 1) -> None:
        self.separator = separator
        self.min_items = min_items

    def fit(self, cells: Iterable[Any], y: None = None) -> Self:
        """Learn the set of tags.

        Raises
        ------
        InvalidDataError
            If no tag remains.
        """
        counter = CountVectorizer(analyzer=_as_they_are, min_df=check_count("min_items", self.min_items))
        counted(counter, self._split(cells), "tags")
        self.columns_ = tuple(counter.get_feature_names_out().tolist())
        return self

    def encode(self, cells: Iterable[Any]) -> sparse.csr_matrix:
        """Return 1 for each tag of a cell and 0 for the others, (n_cells, n_tags)."""
        check_fitted(self, "columns_")
        counter = CountVectorizer(analyzer=_as_they_are, vocabulary=self.columns_)
        return sparse.csr_matrix(counter.transform(self._split(cells)), dtype=np.float32)

    def _split(self, cells: Iterable[Any]) -> list[list[str]]:
        if not isinstance(self.separator, str) or not self.separator:
            raise InvalidParameterError(f"separator must be a non-empty str; got {self.separator!r}.")
        return [[] if is_missing(cell) else self._tags(cell) for cell in cells_of(cells)]

    def _tags(self, cell: object) -> list[str]:
        parts: Any = cell.split(self.separator) if isinstance(cell, str) else cell
        if not isinstance(cell, str | list | tuple | np.ndarray) or not all(
            isinstance(part, str) for part in parts
        ):
            raise InvalidDataError(
                f"tags must be of type str, or lists of str; got {cell!r}. Turn the tags into str."
            )
        # a tag named twice in a cell counts once
        return list(dict.fromkeys(part.strip() for part in parts if part.strip()))


def tag_features(
    item_ids: Sized, tags: Iterable[Any], separator: str = "|", min_items: int = 1
) -> ItemFeatures:
    """Return 1 for each tag of an item and 0 for the others.

    Parameters
    ----------
    item_ids : list or column of ids
        Each item once.
    tags : list or column of str, or of lists of str
        The tags of each item; a missing one is empty.
    separator, min_items
        As of :class:`TagEncoder`.

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
    cells = cells_of(tags)
    encoder = TagEncoder(separator, min_items).fit(cells)
    return named(ItemFeatures.read(encoder.encode(cells), item_ids), encoder.columns_, encoder)


def _as_they_are(cell: list[str]) -> list[str]:
    return cell
