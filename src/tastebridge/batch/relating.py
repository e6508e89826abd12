"""Related items of all items of a model, to one file in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Unpack

import pyarrow as pa

from tastebridge._foundation.validation import check_fitted, check_path
from tastebridge.batch.joining import put
from tastebridge.exceptions import InvalidParameterError
from tastebridge.loading import load
from tastebridge.model.chunks import CHUNK
from tastebridge.online.state import FittedState
from tastebridge.recommenders import Recommender
from tastebridge.recommenders.related import (
    Anchors,
    RelatedOptions,
    RelatedRequest,
    anchors_of,
    related_rows,
    relating,
)

_ENDINGS = (".parquet", ".csv")


def relate_all(
    model: str | Path | Recommender,
    out: str | Path,
    n: int = 10,
    *,
    category: str | None = None,
    **options: Unpack[RelatedOptions],
) -> int:
    """Write the related items of all items of a model to one file.

    The rows equal :meth:`tastebridge.InterestMapper.related` without items, bit for bit. Items are processed
    a few thousand at a time, and the file is written atomically.

    Parameters
    ----------
    model : path or Recommender
        Saved or fitted.
    out : path
        A name ending in ``.parquet`` or ``.csv``.
    n, category, **options
        As for :meth:`~tastebridge.InterestMapper.related`.

    Returns
    -------
    int
        The number of rows.

    Raises
    ------
    InvalidParameterError
        If the name has another ending, or the model has no vectors.
    OutputError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> import tastebridge as tb
    >>> from tastebridge.batch import relate_all
    >>> from tastebridge.datasets import make_panel
    >>> panel, _ = make_panel(n_users=200, n_items=40)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     relate_all(tb.JointALS("films").fit(panel), f"{folder}/related.parquet", n=3)
    240
    """
    path = check_path("out", out)
    if path.suffix.lower() not in _ENDINGS:
        raise InvalidParameterError(f"out must end in .parquet or .csv; got {str(path)!r}.")
    recommender = model if isinstance(model, Recommender) else load(model)
    check_fitted(recommender, "targets_")
    state, request = relating(recommender.targets_, category, RelatedRequest.read(n, options))
    kinds = {items.kind for name, items in state.encoder.items.items() if request.of in (None, name)}
    if len(kinds) > 1:
        raise InvalidParameterError(
            "the ids of some categories are whole numbers, and of others text; no column holds both. Write "
            f"one file for each category: of={next(iter(state.encoder.items))!r}."
        )
    counted: list[int] = []
    put(_tables(state, request, counted), path, 0)
    return sum(counted)


def _tables(state: FittedState, request: RelatedRequest, counted: list[int]) -> Iterator[pa.Table]:
    """Yield the rows of a few thousand items at a time, and count them."""
    for anchors, _ in anchors_of(None, state.encoder.items, request):
        for start in range(0, len(anchors.numbers), CHUNK):
            some = Anchors(anchors.category, anchors.numbers[start : start + CHUNK])
            rows = related_rows(state, some, request).drop(columns="place")
            counted.append(len(rows))
            yield pa.Table.from_pandas(rows, preserve_index=False)
