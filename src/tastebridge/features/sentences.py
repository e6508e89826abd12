"""Texts of items as vectors of a language model on this machine."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from tastebridge._foundation.validation import nearest_file
from tastebridge.data import ItemFeatures
from tastebridge.exceptions import InvalidDataError, InvalidParameterError, MissingDependencyError
from tastebridge.features.cells import cells_of, named, strings_of


class SentenceEncoder(Protocol):
    """A model that turns texts into vectors."""

    def encode(self, sentences: list[str]) -> ArrayLike:
        """Return one vector per text."""


def sentence_features(
    item_ids: Iterable[Any], texts: Iterable[Any], encoder: SentenceEncoder | str | Path
) -> ItemFeatures:
    """Return the vectors of texts under a given encoder.

    The encoder is any object with ``encode(list of str)`` that returns one vector per text. It may be a model
    of the packages sentence-transformers or model2vec, a fitted :class:`TextEncoder`, or your own. It may
    also be the folder of a model2vec model (``pip install 'tastebridge[sentences]'``): static word vectors,
    which do not need torch. Models are read from this machine and never downloaded.

    Parameters
    ----------
    item_ids : list or column of ids
        Each item once.
    texts : list or column of str
        Items whose text is missing or blank are left out.
    encoder : object with encode, or path of a folder

    Returns
    -------
    ItemFeatures
        Dense, (n_items_with_text, n_numbers). Vectors of two encoders are in different spaces: give them
        different names in the panel.

    Raises
    ------
    InvalidDataError
        If there is no text, or the encoder does not return one vector of finite numbers per text.
    InvalidParameterError
        If the encoder has no method ``encode`` and is not a folder that exists.
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
        raise InvalidDataError(
            f"sentence_features needs one text per item; got {len(given)} texts for {len(ids)} items. "
            "Pass both from the same rows."
        )
    # a blank text would get a vector too, and all blank items would seem alike
    kept = [place for place, text in enumerate(given) if text.strip()]
    if not kept:
        raise InvalidDataError(
            "sentence_features needs at least one text; all are missing or blank. Check the column."
        )
    vectors = np.asarray(encoder.encode([given[place] for place in kept]))
    if vectors.ndim != 2 or len(vectors) != len(kept):
        raise InvalidDataError(
            f"{type(encoder).__name__}.encode must return one vector per text, an array of {len(kept)} rows; "
            f"got shape {vectors.shape}. Check the encoder on two texts."
        )
    found = ItemFeatures.read(vectors, [ids[place] for place in kept])
    return named(found, getattr(encoder, "columns_", None), encoder)


def _local_model(path: Path) -> SentenceEncoder:
    """Return the model in a folder."""
    # model2vec would look up any other name on the network
    if not path.is_dir():
        raise InvalidParameterError(
            f"there is no folder {str(path)!r}; a model is read from this machine and never fetched."
            f"{nearest_file(path)}"
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
