"""Missing labels are missing in every container."""

import numpy as np
import pandas as pd
import pytest

from tastebridge.data import Vocabulary
from tastebridge.data.item_groups import read_item_groups
from tastebridge.features import TextEncoder

ITEMS = {"films": Vocabulary.from_ids(["a", "b"])}


@pytest.mark.parametrize(
    "labels",
    [
        ["x", None],
        ["x", np.nan],
        pd.array(["x", pd.NA], dtype="string"),
        pd.array(["x", pd.NA], dtype=object),
        pd.Categorical(["x", None]),
        pd.array([["x", pd.NA], None], dtype=object),
    ],
    ids=["none", "nan", "string", "object", "categorical", "lists"],
)
def test_a_missing_label_is_none(labels):
    table = pd.DataFrame({"item_id": ["a", "b"], "genre": labels})
    assert read_item_groups(table, ITEMS)[["item_id", "label"]].to_numpy().tolist() == [["a", "x"]]


def test_missing_numbers_are_no_labels():
    table = pd.DataFrame({"item_id": ["a", "b"], "year": pd.array([1999, None], dtype="Int64")})
    assert read_item_groups(table, ITEMS)["label"].tolist() == ["1999"]


def test_a_missing_value_of_pandas_is_missing_among_features_too():
    texts = ["war and peace", "peace now", "war", pd.NA]
    encoder = TextEncoder(n_components=2, min_items=1).fit(pd.Series(texts, dtype="string"))
    plain = TextEncoder(n_components=2, min_items=1).fit([*texts[:3], None])
    asked = pd.Series(texts, dtype="string")
    np.testing.assert_array_equal(encoder.encode(asked), plain.encode([*texts[:3], None]))
