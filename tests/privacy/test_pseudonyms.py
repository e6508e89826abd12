import hashlib
import hmac

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tastebridge as tb
from tastebridge.datasets import make_panel
from tastebridge.exceptions import InvalidDataError, InvalidParameterError
from tastebridge.privacy import Key, new_key, pseudonymize, pseudonyms_of

KEY = Key(bytes(range(32)))


def test_a_pseudonym_is_the_hmac_it_says():
    secret = hmac.new(bytes(range(32)), b"tastebridge/pseudonyms/shop", hashlib.sha256).digest()
    expected = hmac.new(secret, "str:zoé".encode(), hashlib.sha256).hexdigest()[:32]
    assert pseudonyms_of(["zoé"], KEY, context="shop").tolist() == [expected]


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=20, unique=True))
def test_numbers_and_their_texts_never_meet(ids):
    names = [*pseudonyms_of(ids, KEY), *pseudonyms_of([str(id) for id in ids], KEY)]
    assert len(set(names)) == 2 * len(ids)


def test_another_key_or_context_gives_other_names():
    one = pseudonyms_of(["ada"], KEY)[0]
    assert len({one, pseudonyms_of(["ada"], new_key())[0], pseudonyms_of(["ada"], KEY, context="x")[0]}) == 3


@pytest.mark.parametrize("ids", [["ada", None], [1, "1"], [1.5], "ada"])
def test_ids_a_vocabulary_refuses_are_refused(ids):
    with pytest.raises(InvalidDataError):
        pseudonyms_of(ids, KEY)


def test_a_password_is_not_a_key():
    with pytest.raises(InvalidParameterError, match="must be a Key or its 32 bytes"):
        pseudonyms_of(["ada"], "correct horse")


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table])
def test_a_frame_comes_back_as_its_kind_with_all_else_the_same(make):
    frame = make({"user_id": ["eva", "ada", "eva"], "item_id": [3, 1, 2]})
    hidden = pseudonymize(frame, KEY)
    assert type(hidden) is type(frame)
    columns = pa.table(hidden) if not isinstance(hidden, pd.DataFrame) else pa.Table.from_pandas(hidden)
    assert columns["user_id"].to_pylist() == pseudonyms_of(["eva", "ada", "eva"], KEY).tolist()
    assert columns["item_id"].to_pylist() == [3, 1, 2]
    with pytest.raises(InvalidDataError, match="no column 'buyer'"):
        pseudonymize(frame, KEY, column="buyer")


def test_a_panel_holds_the_same_events_under_other_names():
    panel, _ = make_panel(60, 30, timestamps=True)
    renamed = dict(zip(panel.users.ids, pseudonyms_of(panel.users.ids, KEY), strict=True))
    expected = panel.to_frame()
    expected["user_id"] = expected["user_id"].map(renamed)
    found = pseudonymize(panel, KEY).to_frame()
    order = ["category", "user_id", "item_id"]
    pd.testing.assert_frame_equal(
        found.sort_values(order, ignore_index=True), expected.sort_values(order, ignore_index=True)
    )


def test_a_model_of_pseudonyms_recommends_the_same():
    panel, _ = make_panel(120, 40)
    one, two = tb.Popularity("films").fit(panel), tb.Popularity("films").fit(pseudonymize(panel, KEY))
    ids = panel.users.ids[panel["films"].active_numbers[:9]]
    found = two.recommend(pseudonyms_of(ids, KEY))
    assert found["item_id"].tolist() == one.recommend(ids)["item_id"].tolist()
    np.testing.assert_array_equal(found["score"], one.recommend(ids)["score"])
