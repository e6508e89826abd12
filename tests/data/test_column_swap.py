import warnings

import numpy as np
import pandas as pd
import pytest

from tastebridge.data import Panel
from tastebridge.datasets import load_movielens, make_panel
from tastebridge.exceptions import TastebridgeWarning

SWAP = {"user_id": "item_id", "item_id": "user_id"}


@pytest.mark.parametrize("overlap", [0.1, 0.5, 1.0])
def test_swapped_columns_are_noticed(overlap):
    panel, _ = make_panel(n_users=200, n_items=60, overlap=overlap, events_per_user=5)
    with pytest.warns(TastebridgeWarning, match=r"look swapped: 0% .* columns="):
        Panel.from_frame(panel.to_frame(), columns=SWAP)


def test_swapped_movielens_is_noticed():
    with pytest.warns(TastebridgeWarning, match="look swapped"):
        Panel.from_frame(load_movielens().to_frame(), columns=SWAP)


def two_shops(shared):
    """Two shops that share nobody, and this share of the items of the smaller one."""
    panel, _ = make_panel(n_users=300, n_items=80, events_per_user=6)
    frame = panel.to_frame()
    here = frame["user_id"] < 150
    frame = frame[here == (frame["category"] == "books")].copy()
    frame["item_id"] = frame["item_id"].str.split(":").str[1].astype(int)
    frame.loc[frame["category"] == "films", "item_id"] += int(80 * (1 - shared))
    return frame


@pytest.mark.parametrize("shared", [0.25, 0.6, 1.0])
def test_two_shops_with_the_same_items_and_nobody_in_both_raise_no_alarm(shared):
    frame = two_shops(shared)
    people = frame.groupby("user_id")["category"].nunique()
    items = frame.groupby("item_id")["category"].nunique()
    assert people.max() == 1
    assert (items > 1).mean() > 0.05
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Panel.from_frame(frame)
    with pytest.warns(TastebridgeWarning, match="look swapped"):  # nobody in both, yet most items are
        Panel.from_frame(make_panel(300, 80, events_per_user=6)[0].to_frame(), columns=SWAP)


def numbered_from_zero(n_linked):
    """Two categories that number their items from 0, and some people in both."""
    rng = np.random.default_rng(0)
    films = rng.integers(0, 100, 500) + 100 - n_linked
    users = np.concatenate([rng.integers(0, 100, 500), films])
    items = np.concatenate([rng.integers(0, 50, 500), rng.integers(0, 50, 500)])
    return pd.DataFrame({"user_id": users, "item_id": items, "category": ["books"] * 500 + ["films"] * 500})


@pytest.mark.parametrize("overlap", [0.0, 0.02, 1.0])
@pytest.mark.parametrize("n_categories", [1, 2, 5])
def test_data_the_right_way_round_raise_no_alarm(overlap, n_categories):
    names = [f"c{number}" for number in range(n_categories)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        panel, _ = make_panel(200, 60, names, overlap=overlap, events_per_user=4)
        Panel.from_frame(panel.to_frame())
        Panel.from_frame(numbered_from_zero(n_linked=10))


def test_items_shared_and_nobody_linked_is_worth_a_warning():
    with pytest.warns(TastebridgeWarning, match="hardly any user connects the categories"):
        Panel.from_frame(numbered_from_zero(n_linked=0))
