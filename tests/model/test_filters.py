"""Filters: what is open to whom."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from tastebridge.data import Vocabulary
from tastebridge.exceptions import InvalidDataError, UnknownIdError
from tastebridge.model.filters import Filters, read_filters

PEOPLE = Vocabulary.from_ids(["ada", "bob", "eva"], "user_id")
ITEMS = Vocabulary.from_ids(["alien", "brazil", "clueless"], "item_id")
PAIRS = pd.DataFrame({"user_id": ["eva", "ada", "eva"], "item_id": ["alien", "brazil", "alien"]})


def read(allow=None, deny=None, missing="error"):
    return read_filters(allow, deny, PEOPLE, ITEMS, missing)


def test_lists_become_numbers_for_everybody():
    filters = read(allow=["clueless", "alien"], deny=pd.Series(["brazil"]))
    assert filters.allow.tolist() == [2, 0]
    assert filters.deny.tolist() == [1]
    assert filters.allow_per_user is filters.deny_per_user is None


@pytest.mark.parametrize("frame", [PAIRS, pl.from_pandas(PAIRS)], ids=["pandas", "polars"])
def test_frames_become_masks_of_single_people(frame):
    mask = read(deny=frame).deny_per_user.toarray() > 0
    np.testing.assert_array_equal(mask, [[0, 1, 0], [0, 0, 0], [1, 0, 0]])


def test_rows_of_other_people_are_passed_over():
    frame = pd.DataFrame({"user_id": ["zoe", "ada"], "item_id": ["alien", "alien"]})
    assert read(allow=frame).allow_per_user.nnz == 1


def test_unknown_items_are_an_error_or_passed_over():
    frame = PAIRS.replace("brazil", "dune")
    for given in (["alien", "dune"], frame):
        with pytest.raises(UnknownIdError, match="dune"):
            read(deny=given)
    assert read(deny=["alien", "dune"], missing="skip").deny.tolist() == [0]
    assert read(deny=frame, missing="skip").deny_per_user.nnz == 1


def test_a_frame_without_its_columns_is_refused():
    with pytest.raises(InvalidDataError, match=r"allow as a frame needs .* user_id is missing"):
        read(allow=PAIRS[["item_id"]])


def test_open_is_what_the_masks_say():
    filters = read(allow=["alien", "brazil"], deny=PAIRS)
    expected = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0]], dtype=bool)
    np.testing.assert_array_equal(filters.open(slice(0, 3), (3, 3)), expected)
    np.testing.assert_array_equal(filters.open(slice(1, 3), (2, 3)), expected[1:])
    assert Filters().open(slice(0, 2), (2, 3)).all()
    closed = read(allow=PAIRS, deny=["alien"]).open(slice(0, 3), (3, 3))
    np.testing.assert_array_equal(closed, [[0, 1, 0], [0, 0, 0], [0, 0, 0]])


def test_of_cuts_the_masks_and_leaves_the_lists():
    cut = read(allow=["alien"], deny=PAIRS).of(slice(2, 3))
    assert cut["allow"].tolist() == [0]
    assert cut["deny_per_user"].nonzero()[1].tolist() == [0]
    assert cut["allow_per_user"] is None
