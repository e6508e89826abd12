"""Files of item vectors, recognised by name and content."""

from __future__ import annotations

from pathlib import Path

from tastebridge.exceptions import InvalidDataError
from tastebridge.factors.pretrained import PretrainedFactors
from tastebridge.factors.readers.damage import reading
from tastebridge.factors.readers.implicit import from_implicit
from tastebridge.factors.readers.parquet import read_vectors, table_of
from tastebridge.factors.readers.spark import from_spark, is_spark, numbers_as_ids
from tastebridge.factors.readers.word2vec import read_word2vec

_PICKLES = (".pkl", ".pickle", ".joblib", ".model", ".kv", ".bpk")


def read_factors(path: str | Path) -> PretrainedFactors:
    """Return the item vectors of a file, with the reader for its format.

    - ``.npz``: saved by implicit, with the ids as one more array ``items``;
    - ``.txt``, ``.vec``, ``.bin``: word2vec;
    - ``.parquet``, or a folder: Spark's item factors (``id``, ``features``) or a plain table (``item_id``).

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    PretrainedFactors

    Raises
    ------
    InvalidDataError
        If the file cannot be read, or is a pickle: loading one runs the code in it.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from tastebridge.factors import read_factors
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(f"{folder}/als.npz", item_factors=np.eye(2), alpha=40.0, items=["dune", "emma"])
    ...     read_factors(f"{folder}/als.npz").alpha
    40.0
    """
    with reading(path, "a file of item vectors") as found:
        if found.suffix in _PICKLES:
            raise InvalidDataError(
                f"{str(found)!r} looks like a pickle, and loading one runs the code in it. Load it where "
                "it was made, and write its vectors with tastebridge.factors.write_vectors."
            )
        if found.suffix == ".npz":
            return from_implicit(found)
        if found.suffix in (".txt", ".vec", ".bin"):
            return read_word2vec(found)
        if found.is_dir() and is_spark(found):
            return from_spark(found)
        if found.suffix == ".parquet" or found.is_dir():
            return from_spark(found) if numbers_as_ids(table_of(found)) else read_vectors(found)
    raise InvalidDataError(
        f"{str(path)!r} has the ending of no known model. Give .parquet, .npz (implicit), .txt, .vec or .bin "
        "(word2vec), or a folder of Spark."
    )
