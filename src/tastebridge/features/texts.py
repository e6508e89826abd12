"""Texts of items as vectors: latent semantic analysis."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence, Sized
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.feature_extraction.text import TfidfVectorizer

from tastebridge._foundation.validation import check_count, check_fitted
from tastebridge._numerics.svd import truncated_svd
from tastebridge.data import ItemFeatures
from tastebridge.features.cells import counted, named, strings_of


class TextEncoder(BaseEstimator):
    """Encode texts as vectors: the TF-IDF of their words, projected on its leading singular vectors.

    A fitted encoder maps later texts into the same space; see :func:`tastebridge.features.sentence_features`.

    Parameters
    ----------
    n_components : int, default=64
        Length of a vector; less if there are fewer words or texts.
    min_items : int, default=2
        Words that occur in fewer texts are left out.
    stop_words : "english", list of str or None
        Words to leave out; None keeps all words, for texts in other languages.
    random_state : int, default=0

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_words)
    columns_ : tuple of str
        The names of the components. They contain a checksum of the words of the texts, so that vectors of
        two encoders are never treated as one space.

    References
    ----------
    S. Deerwester et al., "Indexing by latent semantic analysis", JASIS 41 (1990).

    Examples
    --------
    >>> from tastebridge.features import TextEncoder
    >>> encoder = TextEncoder(n_components=2).fit(["red dress", "red shoes", "blue shoes"])
    >>> encoder.encode(["red red shoes", "unheard"]).round(2).tolist()
    [[0.95, 0.32], [0.0, 0.0]]
    """

    def __init__(
        self,
        n_components: int = 64,
        min_items: int = 2,
        stop_words: str | list[str] | None = "english",
        random_state: int = 0,
    ) -> None:
        self.n_components = n_components
        self.min_items = min_items
        self.stop_words = stop_words
        self.random_state = random_state

    def fit(self, texts: Iterable[Any], y: None = None) -> Self:
        """Learn the words and the directions; a missing text is empty.

        Raises
        ------
        InvalidDataError
            If no word remains.
        """
        n_components = check_count("n_components", self.n_components)
        seed = check_count("random_state", self.random_state, 0)
        min_df = check_count("min_items", self.min_items)
        self.vectorizer_ = TfidfVectorizer(min_df=min_df, stop_words=self.stop_words)
        words = counted(self.vectorizer_, strings_of(texts), "texts")
        # small catalogues have fewer directions than asked for
        k = min(n_components, *words.shape)
        self.components_ = truncated_svd(words, k, np.random.default_rng(seed), tol=1e-4)[2]
        sign = _checksum(self.vectorizer_, words)
        self.columns_ = tuple(f"text {place + 1} of {sign}" for place in range(k))
        return self

    @classmethod
    def of(
        cls, words: Sequence[str], idf: NDArray[np.float64], components: NDArray[np.float64],
        columns: Sequence[str], **parameters: Any,  # noqa: ANN401 - as the constructor has them
    ) -> Self:  # fmt: skip
        """Return a fitted encoder from its stored parts; ``idf`` and ``components`` are by word."""
        encoder = cls(**parameters)
        encoder.vectorizer_ = TfidfVectorizer(
            min_df=encoder.min_items, stop_words=encoder.stop_words, vocabulary=list(words)
        )
        # scikit-learn has no constructor from stored weights, but a setter
        encoder.vectorizer_.idf_ = idf
        encoder.components_, encoder.columns_ = components, tuple(columns)
        return encoder

    def encode(self, texts: Iterable[Any]) -> NDArray[np.float64]:
        """Return the vectors (n_texts, n_components); a text without a known word is a row of zeros."""
        check_fitted(self, "components_")
        return np.asarray(self.vectorizer_.transform(strings_of(texts)) @ self.components_.T)


def text_features(
    item_ids: Sized,
    texts: Iterable[Any],
    n_components: int = 64,
    min_items: int = 2,
    stop_words: str | list[str] | None = "english",
    random_state: int = 0,
) -> ItemFeatures:
    """Return vectors of texts by latent semantic analysis of the TF-IDF of their words.

    Parameters
    ----------
    item_ids : list or column of ids
        Each item once.
    texts : list or column of str
        The text of each item, such as its title and description; a missing one is empty.
    n_components, min_items, stop_words, random_state
        As of :class:`TextEncoder`.

    Returns
    -------
    ItemFeatures
        Dense, (n_items, n_components).

    Raises
    ------
    InvalidDataError
        If no word remains.

    Examples
    --------
    >>> from tastebridge.features import text_features
    >>> text_features(["a", "b", "c"], ["red dress", "red shoes", "blue shoes"], n_components=2).shape
    (3, 2)
    """
    encoder = TextEncoder(n_components, min_items, stop_words, random_state).fit(texts)
    return named(ItemFeatures.read(encoder.encode(texts), item_ids), encoder.columns_, encoder)


def _checksum(vectorizer: TfidfVectorizer, words: sparse.csr_matrix) -> str:
    """Return a checksum of the words and their counts; it does not depend on the order of the texts."""
    counts = np.bincount(words.indices, minlength=words.shape[1])
    known = " ".join([*vectorizer.get_feature_names_out(), *map(str, [words.shape[0], *counts])])
    return hashlib.sha256(known.encode()).hexdigest()[:6]
