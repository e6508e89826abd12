"""Kinds of routes are set where a route is built; no name of a category or of features decides anything."""

import warnings

import numpy as np
import pandas as pd
import pytest

import tastebridge as tb
from tastebridge.datasets import make_panel
from tastebridge.features import tag_features
from tastebridge.model import read_by_gates
from tastebridge.persist.linear import _kind_in_older_files
from tastebridge.routes import RouteKind

warnings.simplefilter("ignore")
PANEL, _ = make_panel(n_users=200, n_items=30, random_state=6, events_per_user=8)
NAMES = ["x", "neighbours", "a → neighbours", "popularity", "b ⇢ new items", "all features"]


def described(*names):
    """The panel with tags as features of these names, all drawn apart."""
    rng, panel = np.random.default_rng(0), PANEL
    for name in names:
        for category in PANEL.categories:
            ids = PANEL[category].items.ids
            tags = ["|".join(rng.choice(list("abcdef"), 2, replace=False)) for _ in ids]
            panel = panel.with_item_features(category, tag_features(ids, tags), name=name)
    return panel


@pytest.fixture(scope="module")
def fits():
    return {name: tb.InterestMapper("films").fit(described(name)) for name in NAMES}


@pytest.mark.parametrize("name", NAMES[1:])
def test_the_name_of_features_changes_no_score(fits, name):
    pd.testing.assert_frame_equal(fits[name].recommend(n=10), fits["x"].recommend(n=10), check_exact=True)


def test_features_of_any_two_names_stand_side_by_side():
    mapper = tb.InterestMapper("films").fit(described("all features", "x"))
    names = [route.name for route in mapper.model_.routes]
    assert len(set(names)) == len(names)


def test_the_kinds_are_those_of_what_built_them(fits):
    kinds = {route.name: route.kind for route in fits["neighbours"].model_.routes}
    expected = {
        "popularity": RouteKind.POPULARITY,
        "books → neighbours": RouteKind.NEIGHBOURS,
        "films ≈ neighbours": RouteKind.LIKENESS,
        "books → neighbours → Ridge 0.2 → neighbours": RouteKind.CONTENT,
        "films → SVD 30": RouteKind.WITHIN,
    }
    assert {name: kinds[name] for name in expected if name in kinds} == {
        name: kind for name, kind in expected.items() if name in kinds
    }
    assert "books → neighbours" in kinds
    assert RouteKind.OTHER not in kinds.values()


def test_kinds_are_saved_and_decide_after_loading(fits, tmp_path):
    mapper = fits["a → neighbours"]
    mapper.save(tmp_path / "model")
    loaded = tb.load(tmp_path / "model")
    assert [route.kind for route in loaded.model_.routes] == [route.kind for route in mapper.model_.routes]
    history = PANEL.to_frame().query("user_id < 5")
    pd.testing.assert_frame_equal(
        loaded.recommend_from(history, n=10), mapper.recommend_from(history, n=10), check_exact=True
    )


def test_files_of_before_kinds_were_written_are_read_by_names():
    told = {
        "popularity": RouteKind.POPULARITY,
        "popularity among linked people": RouteKind.LINKED_POPULARITY,
        "books → neighbours": RouteKind.NEIGHBOURS,
        "popularity ⇢ new items": RouteKind.NEW_ITEMS,
        "books → SVD 64 → Ridge 0.5 → SVD 64": RouteKind.OTHER,
    }
    assert {name: _kind_in_older_files(name) for name in told} == told


def test_the_gates_read_neighbours_alone(fits):
    read = [route.name for route in fits["a → neighbours"].model_.routes if read_by_gates(route)]
    assert sorted(read) == ["books → neighbours", "films → neighbours"]
