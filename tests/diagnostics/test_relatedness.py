import numpy as np
import pytest
from scipy import sparse

from tastebridge.datasets import make_panel
from tastebridge.diagnostics.relatedness import described, learn_directions
from tastebridge.diagnostics.relatedness.correlation import (
    correlation_interval,
    explained,
    held_out_variates,
    parts_of,
)
from tastebridge.diagnostics.relatedness.directions import structure
from tastebridge.exceptions import InvalidParameterError
from tastebridge.maps import CCAMap
from tastebridge.routes import FitContext


@pytest.fixture(scope="module")
def three():
    shares = {"books": 1.0, "films": 1.0, "tools": 0.0}
    return make_panel(n_users=1500, n_items=100, categories=list(shares), relatedness=shares, overlap=0.6)


def test_related_categories_are_told_from_unrelated_ones(three):
    table = three[0].relatedness().set_index(["source", "target"])
    assert table.loc[("books", "films"), "low"] > 0.7
    for pair in (("books", "tools"), ("films", "tools")):
        assert table.loc[pair, "low"] < 0 < table.loc[pair, "high"]
        assert table.loc[pair, "explained"] < 0.01
    assert table.loc[("books", "films"), "explained"] > 0.3


def test_every_ordered_pair_is_there_with_its_people(three):
    panel, _ = three
    table = panel.relatedness()
    assert len(table) == 6
    for row in table.itertuples():
        linked = len(panel.linked(row.source, row.target))
        assert row.linked == linked
        assert row.overlap == pytest.approx(linked / len(panel[row.source].active_numbers))
    back = table.set_index(["target", "source"])["correlation"].rename_axis(["source", "target"])
    assert back.sort_index().tolist() == table.set_index(["source", "target"])["correlation"].tolist()


def test_too_few_linked_people_give_no_correlation():
    panel, _ = make_panel(n_users=300, n_items=40, overlap=0.0)
    table = panel.relatedness()
    assert table["linked"].tolist() == [0, 0]
    assert table[["correlation", "low", "high", "explained"]].isna().all(axis=None)


def test_bad_rank_is_refused(three):
    with pytest.raises(InvalidParameterError, match="n_components"):
        three[0].relatedness(n_components=0)


def test_moments_of_the_others_are_those_without_the_fold():
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(50, 4)), rng.normal(size=(50, 3))
    seen = []
    for rows, rest in parts_of(X, Y, 5, 0):
        others = np.setdiff1d(np.arange(50), rows)
        assert rest.n == len(others)
        np.testing.assert_allclose(rest.xy, X[others].T @ Y[others], atol=1e-12)
        seen += rows.tolist()
    assert sorted(seen) == list(range(50))


def test_variates_are_those_of_directions_learned_without_the_person():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(60, 4))
    Y = X[:, :2] + rng.normal(size=(60, 2))
    A, _ = held_out_variates(X, Y, 1, 3, 0)
    rows, _ = next(iter(parts_of(X, Y, 3, 0)))
    others = np.setdiff1d(np.arange(60), rows)
    oracle = (X[rows] @ CCAMap(1, 1.0).fit(X[others], Y[others]).x_weights_).ravel()
    np.testing.assert_allclose(A[rows, 0], (oracle - oracle.mean()) / oracle.std())


def test_interval_covers_the_true_correlation_as_often_as_it_says():
    rng, rho, inside = np.random.default_rng(2), 0.5, 0
    for _ in range(400):
        shared = rng.standard_t(5, size=(200, 1))  # heavier tails than Fisher's interval allows for
        pair = np.sqrt(rho) * shared + np.sqrt(1 - rho) * rng.standard_t(5, size=(200, 2))
        a, b = ((pair - pair.mean(axis=0)) / pair.std(axis=0)).T
        found = correlation_interval(a, b)
        assert found.mean == pytest.approx(np.corrcoef(a, b)[0, 1])
        inside += found.low <= rho <= found.high
    assert 0.91 <= inside / 400 <= 0.98


def test_explained_share_is_that_of_a_known_linear_law():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(4000, 3))
    Y = X @ rng.normal(size=(3, 2))
    Y = Y / Y.std(axis=0) + rng.normal(size=Y.shape)
    # ridge that adds the mean eigenvalue halves the coefficients: 1 - (1/4 + 1) / 2 of the variance is left
    assert explained(X, Y, 5, 0) == pytest.approx(0.375, abs=0.02)
    assert explained(X, rng.normal(size=(4000, 2)), 5, 0) == pytest.approx(0.0, abs=0.01)


def test_structure_coefficients_are_correlations_and_rare_items_are_silent():
    rng = np.random.default_rng(4)
    B = (rng.random((80, 6)) < 0.3).astype(np.float32)
    B[:, 5] = 0
    B[:4, 5] = 1
    v = rng.normal(size=80)
    found = structure(sparse.csr_matrix(B * 3), v)
    np.testing.assert_allclose(found[:5], [np.corrcoef(B[:, j], v)[0, 1] for j in range(5)])
    assert found[5] == 0


def test_both_ends_of_a_direction_hold_items_the_planted_map_links(three):
    panel, truth = three
    histories = {name: panel[name].matrix for name in panel.categories}
    table = learn_directions(FitContext(histories, "films"), 0)
    assert set(table["source"]) == {"books"}, "nothing carries over from unrelated tools"
    for _, part in table.groupby("direction"):
        ends = {
            category: _mean(truth, part, category, "high") - _mean(truth, part, category, "low")
            for category in ("books", "films")
        }
        mapped = ends["books"] @ truth.map("books", "films")
        cosine = mapped @ ends["films"] / np.linalg.norm(mapped) / np.linalg.norm(ends["films"])
        assert cosine > 0.5


def _mean(truth, part, category, end):
    items = part[(part["category"] == category) & (part["end"] == end)]["item"]
    return truth.item_factors[category][items].mean(axis=0)


def test_directions_are_told_by_ids_and_names(three):
    panel, _ = three
    histories = {name: panel[name].matrix for name in panel.categories}
    table = learn_directions(FitContext(histories, "films"), 0)
    items = {name: panel[name].items for name in panel.categories}
    first = items["books"].ids[table["item"].iloc[0]]
    told = described(table, items, {"books": {first: "The First"}})
    assert told["item_id"].iloc[0] == first
    assert told["name"].iloc[0] == "The First"
    assert told["name"].iloc[1] is None
