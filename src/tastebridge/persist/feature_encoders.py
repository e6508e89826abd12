"""Encoders of item features to a record and arrays, and back; words and tags as text, never as code."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from tastebridge.exceptions import ModelFileError
from tastebridge.features import NumberEncoder, TagEncoder, TextEncoder
from tastebridge.persist.arrays import Arrays
from tastebridge.persist.parameters import from_json, to_json

_KINDS: Mapping[str, type[Any]] = {kind.__name__: kind for kind in (NumberEncoder, TagEncoder, TextEncoder)}


def describe_feature_encoder(encoder: object, arrays: Arrays) -> dict[str, Any] | None:
    """Store an encoder of features and return its record; None if there is none of this package."""
    # type(), not isinstance: a subclass may compute anything, and its code cannot be saved
    if _KINDS.get(type(encoder).__name__) is not type(encoder):
        return None
    if isinstance(encoder, TextEncoder):
        # a word holds no line break, so one text separates them; as bytes they need no pickled array
        words = "\n".join(encoder.vectorizer_.get_feature_names_out())
        arrays.add("words", np.frombuffer(words.encode(), dtype=np.uint8))
        arrays.add("idf", encoder.vectorizer_.idf_)
        arrays.add("components", encoder.components_)
    if isinstance(encoder, NumberEncoder):
        arrays.add("knots", encoder.knots_)
    parameters = cast(BaseEstimator, encoder).get_params(deep=False)
    return {
        "class": type(encoder).__name__,
        "parameters": {name: to_json(name, value) for name, value in parameters.items()},
    }


def revive_feature_encoder(
    record: Mapping[str, Any] | None, columns: tuple[str, ...] | None, arrays: Arrays
) -> NumberEncoder | TagEncoder | TextEncoder | None:
    """Return the encoder of a record, whose features have the names ``columns``."""
    if record is None:
        return None
    if record["class"] not in _KINDS or columns is None:
        raise ModelFileError(f"its features are made by {record['class']!r}, which a model cannot hold.")
    parameters = {name: from_json(value) for name, value in record["parameters"].items()}
    if record["class"] == "TextEncoder":
        words = _words(arrays.get("words", None))
        idf, components = arrays.get("idf", len(words)), arrays.get("components", len(columns), len(words))
        reader = TextEncoder.of(words, idf, components, columns, **parameters)
        reader.encode([""])  # encode checks the parameters; a file can hold any
        return reader
    encoder = _KINDS[record["class"]](**parameters)
    if isinstance(encoder, TagEncoder):
        if len(set(columns)) < len(columns) or not all(isinstance(name, str) for name in columns):
            raise ModelFileError("its tags are not different texts.")
        encoder.columns_ = columns
        encoder.encode([""])  # checks the parameters, as above
    else:
        encoder.knots_ = arrays.get("knots", len(columns))
        if len(columns) < 2 or not (np.diff(encoder.knots_) > 0).all():
            raise ModelFileError("its steps of numbers are not ascending.")
    return encoder


def _words(stored: NDArray[Any]) -> list[str]:
    words = stored.astype(np.uint8).tobytes().decode().split("\n")
    # scikit-learn sorts its vocabulary, so ascending words are those of a fit, each of them once
    if any(one >= two for one, two in pairwise(words)):
        raise ModelFileError("its words are not ascending.")
    return words
