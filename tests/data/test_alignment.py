import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tastebridge._numerics.rows import index_type
from tastebridge.data import Panel, Vocabulary
from tastebridge.data.alignment import align, with_items
from tastebridge.data.interactions import canonical
from tastebridge.exceptions import InvalidDataError

PAIRS = st.sets(st.tuples(st.integers(0, 5), st.integers(0, 9)), min_size=1)


@given(PAIRS, st.sets(st.integers(0, 9)))
@settings(max_examples=50, deadline=None)
def test_align_keeps_each_known_pair_in_its_place(pairs, known):
    frame = pd.DataFrame([(*pair, "x", 1.0 + sum(pair), 5.0) for pair in pairs])
    panel = Panel.from_frame(
        frame.set_axis(["user_id", "item_id", "category", "weight", "timestamp"], axis=1)
    )
    items = Vocabulary.from_ids(sorted(known), "item_id")
    matrix, n_dropped = align(panel, "x", items)
    expected = {pair for pair in pairs if pair[1] in known}
    rows, columns = matrix.nonzero()
    found = set(zip(panel.users.ids[rows].tolist(), items.ids[columns].tolist(), strict=True))
    assert found == expected
    assert n_dropped == len(pairs) - len(expected)
    np.testing.assert_array_equal(matrix.data, 1 + panel.users.ids[rows] + items.ids[columns])
    aligned, _ = with_items(panel["x"], items)
    assert len(aligned.times) == matrix.nnz


def test_align_of_an_absent_category_is_empty():
    panel = Panel.from_frame(pd.DataFrame([(1, 1, "x")], columns=["user_id", "item_id", "category"]))
    matrix, n_dropped = align(panel, "y", Vocabulary.from_ids([1, 2]))
    assert matrix.shape == (1, 2)
    assert (matrix.nnz, n_dropped) == (0, 0)


def test_align_refuses_the_other_kind():
    panel = Panel.from_frame(pd.DataFrame([(1, "1", "x")], columns=["user_id", "item_id", "category"]))
    with pytest.raises(InvalidDataError, match="item_id is of kind int here"):
        align(panel, "x", Vocabulary.from_ids([1, 2], "item_id"))


def test_align_over_the_same_items_is_free():
    panel = Panel.from_frame(pd.DataFrame([(1, "1", "x")], columns=["user_id", "item_id", "category"]))
    assert align(panel, "x", panel["x"].items)[0] is panel["x"].matrix


def test_index_arrays_are_wide_enough_for_the_pairs():
    """Beyond 2^31 pairs 32 bits are too few; shapes alone, as nobody has the memory."""
    assert index_type(2**31 - 1, 5) is np.int32
    assert index_type(2**31, 5) is np.int64
    assert index_type(3, 2**31) is np.int64
    parts = (np.ones(2, np.float32), np.array([0, 1], np.int64), np.array([0, 2], np.int64))
    narrow, wide = canonical(parts, (1, 2)), canonical(parts, (1, 2**31 + 1))
    assert narrow.indices.dtype == narrow.indptr.dtype == np.int32
    assert wide.indices.dtype == wide.indptr.dtype == np.int64
    assert wide[0, 1] == 1.0
