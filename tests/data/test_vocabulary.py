import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tastebridge.data import Vocabulary
from tastebridge.data.coding import encode
from tastebridge.exceptions import InvalidDataError, InvalidParameterError, UnknownIdError

INTS = st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=30)
TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1, max_size=30)

CONTAINERS = [
    list,
    tuple,
    np.array,
    pd.Index,
    pd.Series,
    lambda ids: pd.Series(ids, dtype=object),
    lambda ids: pd.Series(ids).astype("category"),
    lambda ids: pd.CategoricalIndex(ids),
    lambda ids: pd.Series(pd.array(ids)),
    pl.Series,
    pa.array,
    lambda ids: pa.array(ids).dictionary_encode(),
    lambda ids: pa.chunked_array([ids, ids]),
    lambda ids: iter(ids),
]


@given(INTS | TEXTS)
def test_vocabulary_is_sorted_distinct_and_its_own_inverse(ids):
    vocabulary = Vocabulary.from_ids(ids)
    assert vocabulary.ids.tolist() == sorted(set(ids))
    assert vocabulary.ids_of(vocabulary.numbers(ids)).tolist() == ids
    assert vocabulary.kind == ("int" if isinstance(ids[0], int) else "str")
    assert ids[0] in vocabulary


@pytest.mark.parametrize("ids", [[3, 1, 2, 3], ["b", "a", "ß", "b"]])
@pytest.mark.parametrize("container", CONTAINERS)
def test_any_container_gives_the_same_vocabulary(ids, container):
    vocabulary = Vocabulary.from_ids(container(ids))
    assert vocabulary == Vocabulary.from_ids(ids)
    assert vocabulary.numbers(container(ids))[:4].tolist() == Vocabulary.from_ids(ids).numbers(ids).tolist()


def test_strings_of_numpy_arrow_and_pandas_are_accepted():
    for dtype in ("U5", object):
        assert len(Vocabulary.from_ids(np.array(["a", "b"], dtype=dtype))) == 2
    for dtype in ("string", "string[pyarrow]", "string[python]"):
        assert len(Vocabulary.from_ids(pd.Series(["a", "b"], dtype=dtype))) == 2
    assert len(Vocabulary.from_ids(pa.array(["a", "b"], pa.string_view()))) == 2


def test_whole_floats_become_ints():
    vocabulary = Vocabulary.from_ids([1.0, 7.0])
    assert vocabulary.kind == "int"
    assert vocabulary.numbers(np.array([7], dtype=np.uint8)).tolist() == [1]


@given(st.lists(st.sampled_from(["a", "b", "c", "d"])), st.permutations(["d", "b", "a", "c"]))
def test_unused_categories_are_not_ids(ids, categories):
    column, plain = pd.Series(pd.Categorical(ids, categories=categories)), pd.Series(ids, dtype="str")
    coded, expected = encode(column, "id"), encode(plain, "id")
    assert coded.ids.tolist() == expected.ids.tolist()
    assert coded.codes.tolist() == expected.codes.tolist()


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([1, "1"], r"mixes int \(first in row 0\) and str \(first in row 1\)"),
        (np.array(["1", 1], dtype=object), r"mixes str \(first in row 0\) and int \(first in row 1\)"),
        (pd.Series(["a", 2.5], dtype=object), r"mixes str \(first in row 0\) and float \(first in row 1\)"),
        ([True, 1], r"mixes bool \(first in row 0\) and int \(first in row 1\)"),
        ([True, False], "it holds bool"),
        ([1.5, 2.0], "row 0 is not a whole number"),
        ([float("inf")], "row 0 is not a whole number"),
        ([b"a"], "it holds binary"),
        (pd.to_datetime(["2020-01-01"]), "it holds timestamp"),
        ([2**64], "beyond 64 bits|cannot be read"),
        (np.array([2**63], dtype=np.uint64), "beyond 64 bits"),
        (["\ud800"], "cannot be read as a column of int or str"),
        ([1, None], "has 1 missing"),
        (["a", ""], "has 1 missing"),
        (pd.Series([1.0, np.nan]), "has 1 missing"),
        ("abc", r"Write \['abc'\]"),
        (7, r"Write \[7\]"),
        (None, "single value None"),
    ],
)
def test_ids_that_are_not_plain_are_refused(ids, message):
    with pytest.raises(InvalidDataError, match=message):
        Vocabulary.from_ids(ids)


def test_numbers_has_a_policy_for_the_unknown():
    vocabulary = Vocabulary.from_ids(["ada", "eva"])
    assert vocabulary.numbers(["eva", "zoe", "ada"], missing="negative").tolist() == [1, -1, 0]
    assert vocabulary.numbers(["eva", "zoe", "ada"], missing="skip").tolist() == [1, 0]
    with pytest.raises(UnknownIdError, match=r"'eba' not among the 2 known here. Did you mean 'eva'\?"):
        vocabulary.numbers(["ada", "eba"])
    with pytest.raises(UnknownIdError, match="and 3 more"):
        vocabulary.numbers([f"x{number}" for number in range(8)])
    with pytest.raises(InvalidParameterError, match="Did you mean 'skip'"):
        vocabulary.numbers(["ada"], missing="skp")


@given(
    st.lists(st.none() | st.integers(-(2**63), 2**63 - 1))
    | st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"])))
)
def test_few_ids_are_coded_as_many_are(ids):
    column = pa.array(ids, pa.int64() if any(isinstance(id, int) for id in ids) else pa.string())
    few = encode(column, "id")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tastebridge.data.coding._FEW", -1)
        many = encode(column, "id")
    assert few.ids.tolist() == many.ids.tolist()
    assert few.codes.tolist() == many.codes.tolist()
    assert (few.ids.dtype, few.codes.dtype) == (many.ids.dtype, many.codes.dtype)


def test_ids_of_the_other_kind_are_never_just_unknown():
    with pytest.raises(
        InvalidDataError, match=r"user_id is of kind int here .* kind str .* Convert them to int"
    ):
        Vocabulary.from_ids([7]).numbers(["7"], missing="skip")
    with pytest.raises(InvalidDataError, match="kind str here"):
        Vocabulary.from_ids(["7"]).numbers([7], missing="negative")
    assert "7" not in Vocabulary.from_ids([7])
    assert True not in Vocabulary.from_ids([1])


def test_empty_requests_and_empty_vocabularies_are_defined():
    assert Vocabulary.from_ids(["a"]).numbers([]).tolist() == []
    empty = Vocabulary.from_ids([])
    assert len(empty) == 0
    assert empty.numbers(["a"], missing="negative").tolist() == [-1]
    with pytest.raises(UnknownIdError):
        empty.numbers(["a"])


def test_vocabulary_is_frozen():
    vocabulary = Vocabulary.from_ids([1, 2])
    with pytest.raises(ValueError, match="read-only"):
        vocabulary.ids[0] = 5
    with pytest.raises(TypeError):
        hash(vocabulary)
    assert vocabulary != Vocabulary.from_ids(["1", "2"])
    assert vocabulary != "other"
    assert repr(vocabulary) == "<Vocabulary of 2 int ids: 1, 2>"


@pytest.mark.parametrize("ids", [np.array([2, 1]), np.array([1, 1]), np.array([[1]]), np.array([1.5])])
def test_constructor_takes_only_clean_ids(ids):
    with pytest.raises(InvalidDataError, match=r"Use Vocabulary.from_ids"):
        Vocabulary(ids)


@pytest.mark.parametrize("numbers", [[-1], [2]])
def test_numbers_outside_have_no_id(numbers):
    with pytest.raises(InvalidDataError, match="must lie in 0 … 1"):
        Vocabulary.from_ids([1, 2]).ids_of(numbers)


@pytest.mark.parametrize("ids", [[3, 7, 11], ["c", "g", "m"]], ids=["int", "str"])
def test_few_ids_asked_of_many_are_found_as_by_the_table(ids, monkeypatch):
    many = Vocabulary.from_ids([*ids, *(range(100, 400) if ids[0] == 3 else map(str, range(100, 400)))])
    asked = [*ids, ids[0], 5000 if ids[0] == 3 else "zz"]
    few = many.numbers(asked, missing="negative")
    assert "_index" not in vars(many)
    assert ids[0] in many  # makes the table
    np.testing.assert_array_equal(many.numbers(asked, missing="negative"), few)
    monkeypatch.setattr("tastebridge.data.vocabulary._HANDFUL", 0)
    np.testing.assert_array_equal(many.numbers(asked, missing="negative"), few)
    assert many.ids_of(few[:-1]).tolist() == asked[:-1]
    assert few[-1] == -1


def test_extended_says_where_the_old_ids_went():
    old = Vocabulary.from_ids(["b", "d", "f"])
    whole, places = old.extended(np.array(["a", "d", "g"], dtype=object))
    assert whole.ids.tolist() == ["a", "b", "d", "f", "g"]
    assert whole.ids_of(places.moved).tolist() == old.ids.tolist()
    assert places.new.tolist() == [0, 4]
    np.testing.assert_array_equal(places.spread(np.array([1.0, 2.0, 3.0])), [0, 1, 2, 3, 0])
    assert old.extended(old.ids[:1])[0] is old
