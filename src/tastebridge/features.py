"""Texts, tags and numbers of items as vectors, for :meth:`tastebridge.Panel.with_item_features`.

Make them once for the items of all categories together: only then do their columns mean the same everywhere.
Vectors of a language or image model need nothing of this: pass the matrix itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import narwhals as nw
import numpy as np
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.preprocessing import SplineTransformer

from tastebridge._svd import truncated_svd
from tastebridge._validation import check_count
from tastebridge.data import ItemFeatures
from tastebridge.exceptions import InvalidDataError, InvalidParameterError

__all__ = ["number_features", "tag_features", "text_features"]


def text_features(
    item_ids: Any,
    texts: Any,
    n_components: int = 64,
    min_items: int = 2,
    stop_words: str | list[str] | None = "english",
    random_state: int = 0,
) -> ItemFeatures:
    """Return vectors of texts: the singular vectors of their words' TF-IDF (latent semantic analysis).

    Parameters
    ----------
    item_ids : list or column of ids
        Each item once.
    texts : list or column of str
        The text of each item, such as its title and description; a missing one is empty.
    n_components : int, default=64
        Numbers an item has at the end; fewer where there are fewer words or texts.
    min_items : int, default=2
        Words that fewer items have are left out.
    stop_words : "english", list of str or None
        Words left out; None for none, as for texts in another language.
    random_state : int, default=0

    Returns
    -------
    ItemFeatures
        Dense, (n_items, n_components).

    Raises
    ------
    InvalidDataError
        If no word is left.

    References
    ----------
    S. Deerwester et al., "Indexing by latent semantic analysis", JASIS 41 (1990).

    Examples
    --------
    >>> from tastebridge.features import text_features
    >>> text_features(["a", "b", "c"], ["red dress", "red shoes", "blue shoes"], n_components=2)
    <ItemFeatures of 3 items: text 1, text 2>
    """
    n_components = check_count("n_components", n_components)
    check_count("random_state", random_state, 0)
    vectorizer = TfidfVectorizer(min_df=check_count("min_items", min_items), stop_words=stop_words)
    words = _counted(vectorizer, _strings(texts), "texts")
    k = min(n_components, *words.shape)
    U, s, _ = truncated_svd(words, k, np.random.default_rng(random_state), tol=1e-4)
    return _named(ItemFeatures.read(U * s, item_ids), [f"text {place + 1}" for place in range(k)])


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

    cells = [[] if _missing(cell) else split(cell) for cell in _cells(tags)]
    counter = CountVectorizer(analyzer=_as_they_are, min_df=check_count("min_items", min_items))
    found = ItemFeatures.read(_counted(counter, cells, "tags"), item_ids)
    return _named(found, counter.get_feature_names_out().tolist())


def number_features(item_ids: Any, values: Any, n_knots: int = 8, name: str = "number") -> ItemFeatures:
    r"""Return smooth steps of a number, so that a taste may have its peak anywhere, as for a year or a price.

    Linear B-splines between the quantiles: each value becomes the weights, which sum to 1, of the two knots
    it lies between.

    Parameters
    ----------
    item_ids : list or column of ids
        Each item once. Leave items out whose value is missing.
    values : list or column of numbers
    n_knots : int, default=8
        At least 2.
    name : str, default="number"
        What to call the columns.

    Returns
    -------
    ItemFeatures
        Dense, (n_items, n_knots) or, where values repeat much, fewer.

    Examples
    --------
    >>> from tastebridge.features import number_features
    >>> number_features(["a", "b", "c"], [1990, 2000, 2010], n_knots=2).matrix.tolist()
    [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]
    """
    try:
        given = np.asarray(_cells(values), dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidDataError("number_features needs a list of numbers, one an item.") from None
    if given.ndim != 1 or not len(given) or not np.isfinite(given).all():
        raise InvalidDataError(
            "number_features needs a finite number for each item. Leave out items whose number is missing."
        )
    knots = np.unique(np.quantile(given, np.linspace(0, 1, check_count("n_knots", n_knots, 2))))
    if len(knots) < 2:
        raise InvalidDataError(f"number_features needs numbers that differ; all are {knots[0]:g}.")
    steps = SplineTransformer(knots=knots[:, None], degree=1).fit_transform(given[:, None])
    return _named(ItemFeatures.read(steps, item_ids), [f"{name} {knot:g}" for knot in knots])


def _named(features: ItemFeatures, columns: list[str]) -> ItemFeatures:
    return ItemFeatures(features.items, features.matrix, features.described, tuple(columns))


def _cells(column: Any) -> list[Any]:
    native = nw.from_native(column, series_only=True, pass_through=True)
    return native.to_list() if isinstance(native, nw.Series) else list(column)


def _strings(texts: Any) -> list[str]:
    cells = _cells(texts)
    if bad := [cell for cell in cells if not (isinstance(cell, str) or _missing(cell))]:
        raise InvalidDataError(f"texts must be of type str; got {bad[0]!r}.")
    return [cell if isinstance(cell, str) else "" for cell in cells]


def _missing(cell: Any) -> bool:
    return cell is None or (isinstance(cell, float) and np.isnan(cell))


def _as_they_are(cell: list[str]) -> list[str]:
    return cell


def _counted(vectorizer: Any, cells: list[Any], what: str) -> Any:
    fit: Callable[[list[Any]], Any] = vectorizer.fit_transform
    try:
        return fit(cells)
    except ValueError as error:
        raise InvalidDataError(
            f"nothing is left of the {what}: {error}. Lower min_items, or check the column."
        ) from None
