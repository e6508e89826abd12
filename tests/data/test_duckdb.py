"""Relations of DuckDB: a query is a table of events, read without a file in between."""

import numpy as np
import pandas as pd
import pytest

import tastebridge as tb
from tastebridge.exceptions import InvalidDataError

duckdb = pytest.importorskip("duckdb")


@pytest.fixture
def connection(tmp_path):
    rng = np.random.default_rng(0)
    orders = pd.DataFrame(
        {
            "buyer": [f"{number:03d}" for number in rng.integers(40, size=600)],
            "sku": rng.integers(2**53, 2**53 + 30, size=600),
            "stars": rng.integers(1, 6, size=600) / 1.0,
            "day": pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(90, size=600), unit="D"),
        }
    )
    orders["shelf"] = np.where(orders["sku"] % 2, "NA", "007")  # texts that look like something else
    with duckdb.connect() as opened:
        opened.register("given", orders)
        opened.execute("create table orders as select * from given")
        yield opened, orders


QUERY = (
    "select buyer as user_id, sku as item_id, shelf as category, stars as weight, day as timestamp "
    "from orders"
)


def test_a_relation_gives_the_panel_of_its_frame(connection):
    opened, orders = connection
    panel = tb.read_panel(opened.sql(QUERY))
    names = {"buyer": "user_id", "sku": "item_id", "shelf": "category", "stars": "weight", "day": "timestamp"}
    frame = tb.Panel.from_frame(orders.rename(columns=names))
    pd.testing.assert_frame_equal(panel.to_frame(), frame.to_frame())
    assert panel.categories == ("007", "NA")
    assert panel.users.ids[0] == "000"


def test_columns_are_named_and_rows_chosen_by_the_query(connection):
    opened, orders = connection
    relation = opened.sql("select * from orders where stars >= 4")
    columns = {
        "user_id": "buyer",
        "item_id": "sku",
        "category": "shelf",
        "weight": "stars",
        "timestamp": "day",
    }
    panel = tb.read_panel(relation, columns=columns)
    assert panel.cleaning.rows_in == (orders["stars"] >= 4).sum()


def test_a_relation_is_read_in_pieces_and_again(connection):
    opened, _ = connection
    opened.execute("create table many as select buyer, sku, shelf, stars, day from orders, range(400)")
    relation = opened.sql(QUERY.replace("orders", "many"))
    assert tb.read_panel(relation).cleaning.rows_in == 240_000  # more than a vector or a row group
    assert tb.read_panel(relation).cleaning.rows_in == 240_000


def test_an_empty_relation_is_refused(connection):
    opened, _ = connection
    with pytest.raises(InvalidDataError, match="no rows"):
        tb.read_panel(opened.sql(QUERY + " where stars > 9"))
