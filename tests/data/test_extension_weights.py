"""Weights of an extension type of Arrow are not the numbers it is stored as."""

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tastebridge import Panel, read_panel
from tastebridge.baselines import Popularity
from tastebridge.batch import RecommendationKernel, nest
from tastebridge.datasets import make_panel
from tastebridge.exceptions import InvalidDataError

ROWS = {"user_id": ["a", "b", "c"], "item_id": ["x", "y", "x"], "category": ["k"] * 3}


class Cents(pa.ExtensionType):
    """A price, stored as cents."""

    def __init__(self):
        super().__init__(pa.int64(), "tests.cents")

    def __arrow_ext_serialize__(self):
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage, serialized):
        return cls()


@pytest.fixture(params=["cents", "periods"])
def column(request):
    if request.param == "periods":
        # stored as the number of months since 1970: 600 and so on
        yield "pandas.period", pa.array(pd.Series(pd.period_range("2020-01", periods=3, freq="M")))
        return
    pa.register_extension_type(Cents())
    yield "tests.cents", pa.ExtensionArray.from_storage(Cents(), pa.array([150, 250, 300]))
    pa.unregister_extension_type("tests.cents")


def test_they_are_refused_with_their_type_by_every_reader(column, tmp_path):
    name, weights = column
    table = pa.table({**ROWS, "weight": weights})
    pq.write_table(table, tmp_path / "e.parquet")
    kernel = RecommendationKernel(Popularity("films").fit(make_panel(n_users=50, n_items=20)[0]))
    told = (
        f"weight holds the extension type '{name}', which is stored as int64. Convert the column to numbers"
    )
    for read in (
        lambda: Panel.from_frame(table),
        lambda: read_panel(table),
        lambda: read_panel(tmp_path / "e.parquet"),
        lambda: kernel(nest(table)),
    ):
        with pytest.raises(InvalidDataError, match=told):
            read()


def test_periods_of_pandas_are_refused_too():
    frame = pd.DataFrame({**ROWS, "weight": pd.period_range("2020-01", periods=3, freq="M")})
    with pytest.raises(InvalidDataError, match=r"extension type 'pandas\.period'"):
        Panel.from_frame(frame)


@pytest.mark.skipif(not hasattr(pa, "bool8"), reason="this version of pyarrow has no bool8")
def test_truth_values_in_bytes_are_read_as_plain_ones_are():
    bytes_ = pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1, 7, 1], pa.int8()))  # 7 is true as well
    for weights in (bytes_, pa.array([True, True, True])):
        assert Panel.from_frame(pa.table({**ROWS, "weight": weights}))["k"].matrix.data.tolist() == [1, 1, 1]
