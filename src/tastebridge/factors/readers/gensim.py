"""Key vectors of gensim: items as words, histories as sentences."""

from __future__ import annotations

from typing import Any

import numpy as np

from tastebridge.factors.pretrained import PretrainedFactors
from tastebridge.factors.readers.damage import attribute


def from_gensim(model: object) -> PretrainedFactors:
    """Return the vectors of gensim's ``KeyedVectors``, or of a model with them as ``wv``.

    Such a model has no least squares: the vector of a user is the mean of the vectors of the history. Files
    of gensim's own ``save`` are pickles and are not read; use ``save_word2vec_format`` and
    :func:`tastebridge.factors.read_word2vec`.

    Parameters
    ----------
    model : KeyedVectors, Word2Vec, FastText or Doc2Vec

    Returns
    -------
    PretrainedFactors
        ``rule="mean"``; the ids are the keys.

    Raises
    ------
    InvalidDataError
        If the object has no key vectors.

    References
    ----------
    O. Barkan and N. Koenigstein, "Item2vec: neural item embedding for collaborative filtering", MLSP (2016).

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> import numpy as np
    >>> from tastebridge.factors import from_gensim
    >>> key_vectors = SimpleNamespace(index_to_key=["dune", "emma"], vectors=np.eye(2))  # as gensim has them
    >>> from_gensim(key_vectors).fit([[1.0, 1.0]]).transform([[1.0, 1.0]]).tolist()
    [[0.5, 0.5]]
    """
    # models hold their key vectors as wv; the key vectors themselves have none
    vectors: Any = getattr(model, "wv", model)
    keys: Any = attribute(vectors, ["index_to_key"], "gensim")
    return PretrainedFactors(
        list(keys), np.asarray(attribute(vectors, ["vectors"], "gensim")), rule="mean"
    ).checked()
