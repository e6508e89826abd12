"""Texts of items as vectors of a language model that lies on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tastebridge._foundation.validation import nearest
from tastebridge.data import ItemFeatures
from tastebridge.exceptions import InvalidDataError, InvalidParameterError, MissingDependencyError
from tastebridge.features.cells import cells_of, named, strings_of


def sentence_features(item_ids: Any, texts: Any, encoder: Any) -> ItemFeatures:
    """Return vectors of texts as an encoder makes them.

    The encoder is any object with ``encode(list of str)``, which gives a vector a text: a model of the
    packages sentence-transformers or model2vec, a fitted :class:`TextEncoder`, or one of yours. Or it is the
    folder of a model of model2vec (``pip install 'tastebridge[sentences]'``): static vectors of words, which
    need no torch. A model is read from this machine; nothing is ever fetched.

    Parameters
    ----------
    item_ids : list or column of ids
        Each item once.
    texts : list or column of str
        Items whose text is missing or blank are left out: of them nothing is known.
    encoder : object with encode, or path of a folder

    Returns
    -------
    ItemFeatures
        Dense, (n_items_with_text, n_numbers). Vectors of two encoders are not of one space: give them
        different names.

    Raises
    ------
    InvalidDataError
        If there is no text, or what the encoder gives is not a vector of finite numbers a text.
    InvalidParameterError
        If the encoder is neither, or there is no such folder.
    MissingDependencyError
        If a folder is given and model2vec is not installed.

    References
    ----------
    N. Reimers and I. Gurevych, "Sentence-BERT: sentence embeddings using siamese BERT-networks", EMNLP-IJCNLP
    (2019).

    Examples
    --------
    >>> from tastebridge.features import TextEncoder, sentence_features
    >>> texts = ["red dress", "red shoes", "blue shoes"]
    >>> encoder = TextEncoder().fit(texts)
    >>> sentence_features(["new", "blank"], ["blue red shoes", ""], encoder).items.ids.tolist()
    ['new']
    """
    if isinstance(encoder, str | Path):
        encoder = _local_model(Path(encoder))
    if not callable(getattr(encoder, "encode", None)):
        raise InvalidParameterError(
            "encoder must be an object with encode(list of str), or the folder of a model of model2vec; got "
            f"{encoder!r}."
        )
    ids, given = cells_of(item_ids), strings_of(texts)
    if len(ids) != len(given):
        raise InvalidDataError(f"sentence_features needs a text an item; got {len(given)} for {len(ids)}.")
    kept = [place for place, text in enumerate(given) if text.strip()]
    if not kept:
        raise InvalidDataError("sentence_features needs a text at least; all are missing. Check the column.")
    vectors = np.asarray(encoder.encode([given[place] for place in kept]))
    if vectors.ndim != 2 or len(vectors) != len(kept):
        raise InvalidDataError(
            f"{type(encoder).__name__}.encode must give a vector a text, an array of {len(kept)} rows; got "
            f"shape {vectors.shape}."
        )
    found = ItemFeatures.read(vectors, [ids[place] for place in kept])
    return named(found, getattr(encoder, "columns_", None), encoder)


def _local_model(path: Path) -> Any:
    """Return the model of a folder; a name that is no folder would be looked for on the net."""
    if not path.is_dir():
        around = [part.name for part in path.parent.iterdir()] if path.parent.is_dir() else []
        raise InvalidParameterError(
            f"there is no folder {str(path)!r}; a model is read from this machine and never fetched."
            f"{nearest(path.name, around)}"
        )
    try:
        from model2vec import StaticModel
    except ImportError:
        raise MissingDependencyError(
            "the folder of a sentence model needs the package model2vec, which is not installed. Install it: "
            "pip install 'tastebridge[sentences]', or pass an object with encode."
        ) from None
    try:
        return StaticModel.from_pretrained(str(path))
    except (ValueError, OSError, KeyError) as error:
        raise InvalidParameterError(
            f"{str(path)!r} is no model of model2vec: {error}. Save one there with save_pretrained."
        ) from None
