import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from tastebridge.exceptions import InvalidDataError, InvalidParameterError
from tastebridge.features import number_features, tag_features, text_features

TEXTS = ["red summer dress", "red winter dress", "summer shoes", "winter shoes", None]
IDS = [5, 4, 3, 2, 1]


def test_texts_keep_the_similarities_of_their_words():
    found = text_features(IDS, TEXTS, n_components=10)
    words = TfidfVectorizer(min_df=2).fit_transform([text or "" for text in TEXTS])[::-1]
    np.testing.assert_allclose(found.matrix @ found.matrix.T, (words @ words.T).toarray(), atol=1e-6)
    assert found.items.ids.tolist() == [1, 2, 3, 4, 5]


def test_texts_of_any_container_give_the_same():
    first = text_features(IDS, TEXTS, n_components=2).matrix
    for texts in (pd.Series(TEXTS), pl.Series(TEXTS), np.array(TEXTS, dtype=object)):
        np.testing.assert_array_equal(text_features(IDS, texts, n_components=2).matrix, first)


def test_tags_are_split_once_each_and_rare_ones_left_out():
    tags = ["Comedy|Drama", ["Drama ", "Drama", "War"], None, float("nan"), ""]
    found = tag_features(IDS, tags)
    assert found.columns == ("Comedy", "Drama", "War")
    assert found.matrix.toarray()[::-1].tolist() == [[1, 1, 0], [0, 1, 1], [0, 0, 0], [0, 0, 0], [0, 0, 0]]
    assert tag_features(IDS, tags, min_items=2).columns == ("Drama",)


def test_steps_of_numbers_sum_to_one_and_tell_the_number():
    values = np.array([1.0, 2, 4, 8, 16, 3])
    found = number_features(range(6), values, n_knots=4, name="price")
    knots = np.array([float(name.removeprefix("price ")) for name in found.columns])
    np.testing.assert_allclose(found.matrix.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(found.matrix @ knots, values, rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: text_features(IDS, ["a"] * 5), InvalidDataError, "nothing is left of the texts"),
        (lambda: text_features(IDS, [1] * 5), InvalidDataError, "must be of type str; got 1"),
        (lambda: text_features(IDS, TEXTS, n_components=0), InvalidParameterError, "n_components must be"),
        (lambda: text_features(IDS[:2], TEXTS), InvalidDataError, "a row for each of 2"),
        (lambda: tag_features(IDS, [None] * 5), InvalidDataError, "nothing is left of the tags"),
        (lambda: tag_features(IDS, ["a"] * 5, separator=""), InvalidParameterError, "separator must be"),
        (lambda: number_features(IDS, [1, 2, 3, 4, None]), InvalidDataError, "Leave out items"),
        (lambda: number_features(IDS, ["x"] * 5), InvalidDataError, "a list of numbers"),
        (lambda: number_features(IDS, [7] * 5), InvalidDataError, "all are 7"),
        (lambda: number_features(IDS, range(5), n_knots=1), InvalidParameterError, "n_knots must be"),
    ],
)
def test_what_makes_no_features_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
