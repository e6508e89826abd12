"""Drift: none where nothing changes, all of it where items lose their meaning; told with intervals."""

from copy import deepcopy

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import tastebridge as tb
from tastebridge.datasets import make_panel
from tastebridge.factors import SVDFactors
from tastebridge.maps import RidgeMap
from tastebridge.online.drift import agreement
from tastebridge.routes import PopularityRoute, TransferRoute

ROUTES = [PopularityRoute(), TransferRoute(SVDFactors(8), SVDFactors(8), RidgeMap(0.5))]


@pytest.fixture(scope="module")
def parts():
    """Events of early and of late people, all alike."""
    panel, _ = make_panel(900, 80, events_per_user=14, overlap=0.8)
    frame = panel.to_frame()
    late = frame["user_id"].isin(np.random.default_rng(0).permutation(900)[:250])
    return frame[~late], frame[late]


@pytest.fixture(scope="module")
def fitted(parts):
    return tb.InterestMapper("films", routes=ROUTES, n_lists=200, n_negatives=20).fit(parts[0])


def drift_of(fitted, *events):
    mapper = deepcopy(fitted)
    for frame in events:
        mapper.update(frame)
    return mapper.drift().set_index("category"), mapper


def test_people_like_those_of_the_fit_are_no_drift(fitted, parts):
    table, _ = drift_of(fitted, parts[1])
    assert (table["agreement_at_fit"] > 0.6).all()
    assert (table["lost_low"] < 0).all()
    assert (table["lost"].abs() < 0.2).all()
    assert set(table["verdict"]) == {"no need of a refit"}
    counts = parts[1].groupby("category", observed=True).size()
    assert table["events"].to_dict() == counts.to_dict()


def test_items_that_change_their_meaning_are_drift_in_their_category_alone(fitted, parts):
    late = parts[1].copy()
    books = (late["category"] == "books").to_numpy()
    names = sorted(late.loc[books, "item_id"].unique())
    other = dict(zip(names, np.random.default_rng(1).permutation(names), strict=True))
    late.loc[books, "item_id"] = late.loc[books, "item_id"].map(other)
    table, _ = drift_of(fitted, late)
    assert table.loc["books", "verdict"] == "a refit pays"
    assert table.loc["books", "lost"] > 0.5
    assert table.loc["films", "verdict"] == "no need of a refit"


def test_new_items_are_counted_and_have_no_agreement(fitted, parts):
    late = parts[1].copy()
    renamed = (late["category"] == "films") & (late["item_id"] > "films:40")
    late.loc[renamed, "item_id"] = "new " + late.loc[renamed, "item_id"]
    table, mapper = drift_of(fitted, late)
    share = renamed.sum() / (late["category"] == "films").sum()
    assert table.loc["films", "new_items"] == pytest.approx(share)
    assert table.loc["films", "verdict"] == "a refit pays"
    assert table.loc["books", "new_items"] == 0
    assert mapper.drift_.set_index("category").loc["films", "n"] <= (~renamed).sum()


def test_updates_add_up_and_events_had_before_are_none(fitted, parts, tmp_path):
    late = parts[1]
    first = late["user_id"] < late["user_id"].median()
    table, mapper = drift_of(fitted, late[first], late[~first], late[~first])
    whole, _ = drift_of(fitted, late)
    assert (table["events"] == whole["events"]).all()
    np.testing.assert_allclose(table["agreement"], whole["agreement"])
    mapper.save(tmp_path / "model")
    pd.testing.assert_frame_equal(tb.load(tmp_path / "model").drift(), mapper.drift())


def test_before_any_event_nothing_is_said(fitted):
    table = fitted.drift()
    assert set(table["verdict"]) == {"too few events"}
    assert table[["agreement", "lost"]].isna().all(axis=None)


def test_agreement_is_the_share_of_drawn_items_further_from_the_rest_of_the_history():
    E = np.array([[1.0, 0.0], [2.0, 0.2], [0.0, 1.0], [0.0, 0.0]])
    after = sparse.csr_matrix(np.array([[1, 1, 0, 1], [1, 0, 1, 0], [0, 0, 1, 0]], dtype=float))
    fresh = sparse.csr_matrix(np.array([[0, 1, 0, 1], [0, 0, 1, 0], [0, 0, 1, 0]], dtype=float))
    only = np.array([0.0, 0.0, 1.0, 0.0])
    np.testing.assert_array_equal(agreement(E, after, fresh, only, 0), [1.0, 0.5])
    most = np.array([0.0, 1.0, 0.0, 0.0])
    np.testing.assert_array_equal(agreement(E, after, fresh, most, 0), [0.5, 0.0])
