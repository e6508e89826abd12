import sys
import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from tastebridge.exceptions import (
    DataWarning,
    InvalidDataError,
    InvalidParameterError,
    MissingDependencyError,
    ModelFileError,
    TastebridgeWarning,
)
from tastebridge.features import (
    NumberEncoder,
    TagEncoder,
    TextEncoder,
    later_features,
    number_features,
    sentence_features,
    table_features,
    tag_features,
    text_features,
)
from tastebridge.persist.arrays import Arrays
from tastebridge.persist.feature_encoders import describe_feature_encoder, revive_feature_encoder

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


def test_texts_that_come_later_are_vectors_of_the_same_space():
    encoder = TextEncoder(n_components=3).fit(TEXTS)
    whole = text_features(IDS, TEXTS, n_components=3)
    later = sentence_features(["new", "blank"], ["winter shoes", " "], encoder)
    assert later.items.ids.tolist() == ["new"]
    np.testing.assert_allclose(later.matrix[0], whole.matrix[whole.items.numbers([2])[0]], rtol=1e-6)
    assert later.shares_space_with(whole)
    assert not text_features(IDS, [*TEXTS[:4], "red shoes"], n_components=3).shares_space_with(whole)


class Lengths:
    def encode(self, texts):
        return np.array([[len(text), text.count("e")] for text in texts])


def test_any_encoder_will_do_and_what_it_gives_is_checked():
    found = sentence_features([3, 1, 2], ["dress", None, "shoe"], Lengths())
    assert found.items.ids.tolist() == [2, 3]
    assert found.matrix.tolist() == [[4, 1], [5, 1]]
    broken = Lengths()
    broken.encode = lambda texts: np.zeros(3)
    with pytest.raises(
        InvalidDataError, match=r"Lengths\.encode must return one vector per text, an array of 2 rows"
    ):
        sentence_features([1, 2], ["a", "b"], broken)
    with pytest.raises(InvalidParameterError, match="an object with encode"):
        sentence_features([1], ["a"], len)
    with pytest.raises(InvalidDataError, match="all are missing"):
        sentence_features([1, 2], ["", None], Lengths())
    with pytest.raises(InvalidDataError, match="got 1 texts for 2 items"):
        sentence_features([1, 2], ["a"], Lengths())


def test_a_sentence_model_is_read_from_a_folder_and_never_fetched(tmp_path, monkeypatch):
    model2vec = pytest.importorskip("model2vec")
    tokenizers = pytest.importorskip("tokenizers")
    words = {"[UNK]": 0, "red": 1, "shoes": 2}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    vectors = np.array([[0, 0], [1, 0], [0, 2]], dtype=np.float32)
    model2vec.StaticModel(vectors, tokenizer, normalize=False).save_pretrained(tmp_path / "words")
    found = sentence_features(["a", "b"], ["red shoes", "shoes"], tmp_path / "words")
    np.testing.assert_allclose(found.matrix, [[0.5, 1.0], [0.0, 2.0]])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidParameterError, match="no model of model2vec"):
        sentence_features(["a"], ["red"], tmp_path / "empty")
    with pytest.raises(InvalidParameterError, match=r"never fetched. Did you mean 'words'\?"):
        sentence_features(["a"], ["red"], str(tmp_path / "wordz"))
    monkeypatch.setitem(sys.modules, "model2vec", None)
    with pytest.raises(MissingDependencyError, match=r"tastebridge\[sentences\]"):
        sentence_features(["a"], ["red"], tmp_path / "words")


FILMS = pd.DataFrame(
    {
        "movieId": [1, 2, 3, 9],
        "category": ["films", "films", "films", "books"],
        "genres": ["War|Drama", "Drama", None, "none of ours"],
        "plot": ["red dress", "red shoes", "blue shoes", "none of ours"],
        "year": [1990, 2000, np.nan, 1234],
        "poster": [np.array([1.0, 2.0]), np.array([3.0, 4.0]), None, np.array([9.0, 9.0])],
    }
)
BOOKS = pd.DataFrame({"item_id": ["a", "b"], "plot": ["blue dress red", "shoes"], "year": [1900, 1950]})


@pytest.mark.parametrize("made", [lambda frame: frame, pl.from_pandas, pa.Table.from_pandas])
def test_each_column_of_a_table_becomes_what_its_cells_call_for(made):
    found = table_features({"films": made(FILMS), "books": made(BOOKS)})
    films, books = found["films"], found["books"]
    assert {name: part.items.ids.tolist() for name, part in films.items()} == {
        "genres": [1, 2],
        "plot": [1, 2, 3],
        "year": [1, 2],
        "poster": [1, 2],
    }
    assert films["genres"].columns == ("Drama", "War")
    assert films["poster"].matrix.tolist() == [[1, 2], [3, 4]]
    joint = text_features(range(5), [*FILMS["plot"][:3], *BOOKS["plot"]])
    np.testing.assert_allclose(
        np.vstack([films["plot"].matrix, books["plot"].matrix]), joint.matrix, atol=1e-6
    )
    for name in books:
        assert films[name].shares_space_with(books[name])


def test_many_columns_of_numbers_are_one_vector():
    rng = np.random.default_rng(0)
    wide = pd.DataFrame(rng.normal(size=(5, 20)), columns=[f"e{place}" for place in range(20)])
    wide.loc[3, "e7"] = np.nan
    found = table_features({"films": wide.assign(item_id=list("abcde"), tag="x|y")})["films"]
    assert sorted(found) == ["numbers", "tag"]
    assert found["numbers"].items.ids.tolist() == ["a", "b", "c", "e"]
    np.testing.assert_allclose(found["numbers"].matrix[3], wide.iloc[4], rtol=1e-6)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"title": ["x"]}, "needs a column item_id; its columns are \\['title'\\]"),
        ({"item_id": ["x"]}, "one column that describes the items"),
        ({"item_id": ["x"], "category": ["books"], "n": [1]}, "needs at least one row"),
        ({"item_id": ["x"], "when": [pd.Timestamp(0)]}, "column 'when' .* numbers that differ"),
        ({"item_id": ["x", "y"], "v": [[1.0], [1.0, 2.0]]}, "of one length; .* 'v' .* 1 to 2 numbers"),
        ({"item_id": ["x", "y"], "n": [3, 3]}, "column 'n' of the items of 'films': .* all are 3"),
        ({"item_id": ["x", "x"], "n": [3, 4]}, "each item once"),
    ],
)
def test_a_table_that_describes_nothing_is_refused(table, message):
    with pytest.raises(InvalidDataError, match=message):
        table_features({"films": pd.DataFrame(table)})


def films(ids):
    """A table of all kinds of columns, cells by the number of the item."""
    ids = np.asarray(ids)
    plots, tags = ["red summer dress", "winter shoes in summer", None], ["War|Drama", "Drama", "Comedy|War"]
    return pd.DataFrame(
        {
            "item_id": ids,
            "plot": [plots[item % 3] for item in ids],
            "genres": [tags[item % 3] for item in ids],
            "year": 1950.0 + 3 * ids,
            "poster": [[float(item), 1.0] for item in ids],
        }
    )


def filled(matrix):
    return matrix.toarray() if sparse.issparse(matrix) else matrix


def test_later_items_are_read_as_if_they_had_been_in_the_earlier_table():
    made = table_features({"films": films(range(12))})
    later = later_features({"films": films([4, 8, 7]).iloc[::-1]}, made)["films"]
    assert later.keys() == made["films"].keys()
    for name, features in made["films"].items():
        assert later[name].shares_space_with(features)
        at = features.items.numbers(later[name].items.ids)
        np.testing.assert_array_equal(filled(later[name].matrix), filled(features.matrix[at]))


def test_later_cells_of_no_use_are_passed_over_or_refused():
    made = table_features({"films": films(range(12))})
    table = films([20, 21])[["item_id", "genres", "year"]]
    table["genres"] = ["Opera", None]
    later = later_features({"films": table}, made)["films"]
    assert later["genres"].items.ids.tolist() == [20]
    assert not later["genres"].matrix.nnz
    assert later["year"].matrix.tolist() == [[0.0] * 7 + [1.0]] * 2  # beyond the last knot it is the last
    for bad, message in [
        (table.rename(columns={"year": "years"}), "no column 'years'.* Did you mean 'year'"),
        (table.assign(year="long ago"), "'year' .* a list of numbers"),
        (table.assign(genres=[1.0, 2.0]), "tags must be of type str"),
        (table[["item_id"]].assign(plot=[1.0, 2.0]), "texts must be of type str"),
        (table[["item_id"]].assign(poster="x"), "are lists of numbers; the column 'poster' holds"),
        (table.drop(columns="item_id"), "needs a column item_id"),
    ]:
        with pytest.raises(InvalidDataError, match=message):
            later_features({"films": bad}, made)


def test_many_columns_of_numbers_are_one_vector_later_too():
    rng = np.random.default_rng(0)
    wide = pd.DataFrame(rng.normal(size=(30, 20)), columns=[f"x{place}" for place in range(20)])
    wide["item_id"] = np.arange(30)
    made = table_features({"films": wide[:20]})
    later = later_features({"films": wide[20:].iloc[:, ::-1]}, made)["films"]["numbers"]
    np.testing.assert_allclose(later.matrix, wide.iloc[20:, :20], rtol=1e-6)
    assert later.shares_space_with(made["films"]["numbers"])
    with pytest.raises(InvalidDataError, match=r"of them \['x3'\] are missing"):
        later_features({"films": wide[20:].drop(columns="x3")}, made)
    with pytest.raises(InvalidDataError, match="hold something else"):
        later_features({"films": wide[20:].assign(x3="much")}, made)


@pytest.mark.parametrize(
    ("encoder", "cells"),
    [
        (TextEncoder(3, stop_words=["winter"]).fit(TEXTS), [*TEXTS, "winter shoes and a dress"]),
        (TagEncoder(";").fit(["b;a", "ç"]), ["a; ç", "x", None]),
        (NumberEncoder(4, "price").fit([1.0, 2, 4, 8]), [0.1, 1 / 3, 5.0]),
    ],
)
def test_a_stored_encoder_gives_the_same_bits(encoder, cells):
    arrays = Arrays()
    record = describe_feature_encoder(encoder, arrays)
    revived = revive_feature_encoder(record, encoder.columns_, Arrays(arrays.stored))
    np.testing.assert_array_equal(filled(revived.encode(cells)), filled(encoder.encode(cells)))
    assert revived.columns_ == encoder.columns_
    again = Arrays()
    assert describe_feature_encoder(revived, again) == record
    for name, array in arrays.stored.items():
        np.testing.assert_array_equal(again.stored[name], array)


def test_a_spoiled_encoder_is_refused():
    text, tags, steps = (
        TextEncoder(2).fit(TEXTS),
        TagEncoder().fit(["a|b"]),
        NumberEncoder(3).fit([1.0, 2, 4]),
    )
    for encoder, spoil, columns in [
        (text, {"words": np.frombuffer(b"winter\nsummer\nred\nshoes\ndress", np.uint8)}, text.columns_),
        (text, {"words": np.frombuffer(b"red\nwinter", np.uint8)}, text.columns_),
        (text, {}, text.columns_[:1]),
        (tags, {}, ("a", "a")),
        (tags, {}, None),
        (steps, {"knots": steps.knots_[::-1]}, steps.columns_),
        (steps, {}, steps.columns_[:2]),
    ]:
        arrays = Arrays()
        record = describe_feature_encoder(encoder, arrays)
        with pytest.raises(ModelFileError):
            revive_feature_encoder(record, columns, Arrays({**arrays.stored, **spoil}))
    with pytest.raises(ModelFileError, match="'Popen', which a model cannot hold"):
        revive_feature_encoder({"class": "Popen", "parameters": {}}, ("a",), Arrays())
    record["parameters"]["separator"] = 7
    with pytest.raises((InvalidParameterError, TypeError)):  # a file with it is refused as broken
        revive_feature_encoder({"class": "TagEncoder", "parameters": {"separator": 7}}, ("a",), Arrays())


def _catalogue(**columns):
    items = {"item_id": [f"i{at}" for at in range(60)], "price": [at / 7 for at in range(60)]}
    return pd.DataFrame({**items, **columns})


UNUSABLE = {
    "the same number": [1.0] * 60,
    "the same word of stop": ["the"] * 60,
    "empty texts": [""] * 60,
    "nested": [{"a": 1}] * 60,
    "bytes": [b"x"] * 60,
    "empty lists": [[]] * 60,
    "one word twice": [None] * 58 + ["a", "b"],
    "durations": pd.to_timedelta(range(60), unit="d"),
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_a_column_of_no_use_is_left_out_with_a_word(kind):
    with pytest.warns(TastebridgeWarning, match="columns of items are left out: .*'odd'"):
        made = table_features({"films": _catalogue(odd=UNUSABLE[kind])})
    assert list(made["films"]) == ["price"]
    with pytest.raises(InvalidDataError, match="'odd'"):
        table_features({"films": _catalogue(odd=UNUSABLE[kind]).drop(columns="price")})


@pytest.mark.parametrize(
    "column",
    [
        pd.date_range("2020-01-01", periods=60),
        pd.date_range("2020-01-01", periods=60, tz="UTC"),
        [Decimal(at) for at in range(60)],
        [np.inf, *range(59)],
        [1, "a"] * 30,
        [f"<p>A <b>nice</b> film &amp; {at % 7} more</p>" for at in range(60)],
        ["EUR"] * 60,
    ],
    ids=["dates", "zones", "decimals", "infinite", "mixed", "html", "currency"],
)
def test_columns_of_real_catalogues_are_read_or_left_out(column):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TastebridgeWarning)
        made = table_features({"films": _catalogue(column=column)})
    assert "price" in made["films"]


def test_dates_become_numbers():
    made = table_features({"films": _catalogue(out=pd.date_range("2020-01-01", periods=60))})
    assert made["films"]["out"].matrix.shape[0] == 60


def test_a_text_that_is_the_same_for_every_item_is_no_feature():
    films = pd.DataFrame({"item_id": list("abcd"), "genre": ["War|Drama", "War", "Drama", "War"]})
    told = "'note' of the items of 'films' has the same value for every item"
    cells = ["a fine film", "film, fine"] * 2
    with pytest.raises(InvalidDataError, match=told):
        table_features({"films": films.drop(columns="genre").assign(note=cells)})
    with pytest.warns(DataWarning, match=told):
        assert list(table_features({"films": films.assign(note=cells)})["films"]) == ["genre"]
