"""Interests: calibrated, out of category, comparable, and no person in what is kept."""

import numpy as np
import pandas as pd
import pytest

import tastebridge as tb
from tastebridge.data import Panel
from tastebridge.datasets import make_panel
from tastebridge.diagnostics.interests import interest_of
from tastebridge.exceptions import TastebridgeWarning, UnknownIdError
from tastebridge.recommenders.attributes import encoder_of
from tastebridge.routes import NeighbourRoute


def planted(n=3000, seed=0):
    """Books of two kinds; readers of the first go to films with probability 0.8, of the second 0.1."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 2, n)
    goes = rng.random(n) < np.where(kind == 0, 0.8, 0.1)
    books = [(u, f"{kind[u]}-{item}", "books") for u in range(n) for item in rng.choice(15, 4, replace=False)]
    films = [
        (u, f"film{item}", "films") for u in np.flatnonzero(goes) for item in rng.choice(20, 3, replace=False)
    ]
    only = [(n + u, f"film{item}", "films") for u in range(200) for item in rng.choice(20, 3, replace=False)]
    columns = ["user_id", "item_id", "category"]
    return Panel.from_frame(pd.DataFrame(books + films + only, columns=columns)), kind, goes


@pytest.fixture(scope="module")
def fitted():
    panel, kind, goes = planted()
    mapper = tb.InterestMapper("films", routes=[NeighbourRoute(20)], n_folds=1, n_lists=100)
    with pytest.warns(TastebridgeWarning, match="no source helps"):
        mapper.fit(panel)
    return mapper, kind, goes


def test_interest_finds_the_planted_probability(fitted):
    mapper, kind, _ = fitted
    table = mapper.interests(range(3000))
    assert table.columns.tolist() == ["user_id", "category", "interest"]
    films = table[table["category"] == "films"].set_index("user_id")["interest"].to_numpy()
    assert films[kind == 0].mean() == pytest.approx(0.8, abs=0.03)
    assert films[kind == 1].mean() == pytest.approx(0.1, abs=0.03)
    assert films[kind == 0].std() < 0.1


def test_interest_is_calibrated_out_of_fold(fitted):
    mapper, _, _ = fitted
    bins = mapper.interests_["films"]["reliability"]
    assert bins[:, 2].sum() == 3000
    assert (np.diff(bins[:, 0]) >= 0).all()
    error = np.average(np.abs(bins[:, 0] - bins[:, 1]), weights=bins[:, 2])
    assert error < 0.035


def test_interest_does_not_look_at_the_category_itself(fitted):
    mapper, _, _ = fitted
    rows = mapper.panel_.to_frame()
    rows = rows[rows["user_id"] < 200]
    whole = mapper.interests_from(rows)
    hidden = mapper.interests_from(rows[rows["category"] == "books"])
    one, two = (table[table["category"] == "films"].reset_index(drop=True) for table in (whole, hidden))
    pd.testing.assert_frame_equal(one, two)
    pd.testing.assert_frame_equal(whole, mapper.interests(range(200)))


def test_of_whom_nothing_else_is_known_the_share_is_said(fitted):
    mapper, _, goes = fitted
    table = mapper.interests([3000, 999_999], missing="popular")
    films = table[table["category"] == "films"]["interest"]
    np.testing.assert_allclose(films, (goes.sum() + 0.5) / 3001)


@pytest.mark.bits
def test_interest_keeps_the_order_and_the_policies(fitted):
    mapper, _, _ = fitted
    table = mapper.interests([5, 2])
    assert table["user_id"].tolist() == [5, 5, 2, 2]
    assert table["category"].tolist() == ["books", "films"] * 2
    assert table["interest"].between(0, 1).all()
    with pytest.raises(UnknownIdError):
        mapper.interests([5, 999_999])
    assert mapper.interests([5, 999_999], missing="skip")["user_id"].unique().tolist() == [5]
    both, one = mapper.interests([5, 2])["interest"][:2], mapper.interests([5])["interest"]
    np.testing.assert_array_equal(both, one)


def test_what_is_kept_is_small_plain_and_of_no_person(fitted):
    mapper, _, _ = fitted
    for name, part in mapper.interests_.items():
        assert sorted(part) == ["coef", "encoder", "knots", "rate", "reliability"]
        assert all(array.dtype == np.float64 for array in part.values())
        assert len(part["encoder"]) == len(mapper.items_[name])
        assert all(max(array.shape, default=0) < 100 for array in part.values())
    empty = encoder_of(mapper).rows_of(mapper.panel_, np.array([-1, -1]))
    assert interest_of(mapper.interests_, empty).shape == (2, 2)


def test_a_category_everybody_is_in_has_no_slope():
    panel, _ = make_panel(n_users=80, n_items=20, overlap=1.0, events_per_user=5)
    mapper = tb.InterestMapper("films", routes=[NeighbourRoute(5)], n_folds=1, n_lists=50)
    with pytest.warns(TastebridgeWarning, match="no source helps"):
        mapper.fit(panel)
    np.testing.assert_allclose(mapper.interests()["interest"], 80.5 / 81)
