"""Columns of ids as numbers: the short way gives what the long one gives."""

import numpy as np
import pandas as pd
import pytest

from tastebridge.data import coding
from tastebridge.exceptions import InvalidDataError

SHORT = [
    ["b", "a", "b"], ["b", None, "a"], ["", "a"], ["\ud800", "a"], ["é", "a"], ["a", 1], ["007", "7"],
    [" a", "a"], [np.str_("a"), "b"], [True, False], [2, 1, 2], [2, None], [2.0, 1.0], [2**60, 1],
    [2**70, 1], [1.5], [b"a"], [], ["a\x00", "a"], ["nan", "NA"],
]  # fmt: skip


@pytest.mark.parametrize("values", SHORT, ids=repr)
@pytest.mark.parametrize("dtype", [None, object])
def test_a_short_column_is_coded_as_a_long_one(values, dtype, monkeypatch):
    def coded():
        try:
            found = coding.encode(pd.Series(values, dtype=dtype), "user_id")
        except (InvalidDataError, UnicodeError) as error:
            return type(error), str(error)
        return found.ids.dtype, found.ids.tolist(), found.codes.dtype, found.codes.tolist()

    short = coded()
    monkeypatch.setattr(coding, "_plain", lambda values: None)
    assert short == coded()
