import numpy as np
import pandas as pd
import pytest
from implicit.nearest_neighbours import bm25_weight, normalize, tfidf_weight
from sklearn.base import BaseEstimator, clone

from tastebridge.data import CleaningPolicy, Panel, Weighting
from tastebridge.data.alignment import with_items
from tastebridge.data.history_encoder import HistoryEncoder
from tastebridge.datasets import make_panel
from tastebridge.exceptions import InvalidDataError, InvalidParameterError

DAY = 86_400.0


@pytest.fixture(scope="module")
def books():
    panel, _ = make_panel(n_users=80, n_items=40, events_per_user=6, timestamps=True)
    frame = panel.to_frame()
    weights = np.random.default_rng(0).integers(1, 6, len(frame))
    return Panel.from_frame(frame.assign(weight=weights))["books"]


def dense_active(interactions, matrix):
    return matrix[interactions.active_numbers].toarray()


def test_bm25_and_tfidf_agree_with_implicit(books):
    active = books.matrix[books.active_numbers]
    for matrix, expected in [
        (Weighting("bm25").apply(books), bm25_weight(active)),
        (Weighting("bm25", k1=1.2, b=0.5).apply(books), bm25_weight(active, K1=1.2, B=0.5)),
        (Weighting("tfidf").apply(books), tfidf_weight(active)),
        (Weighting("l2").apply(books), normalize(active)),
    ]:
        np.testing.assert_allclose(dense_active(books, matrix), expected.toarray(), rtol=1e-5)


def test_simple_schemes(books):
    assert (Weighting("binary").apply(books).data == 1).all()
    np.testing.assert_allclose(Weighting("log").apply(books).data, np.log1p(books.matrix.data), rtol=1e-6)
    np.testing.assert_array_equal(Weighting().apply(books).data, books.matrix.data)


@pytest.mark.parametrize("scheme", ["none", "binary", "log", "bm25", "tfidf", "l2"])
def test_weighting_keeps_the_pattern_and_leaves_its_input_alone(books, scheme):
    before = books.matrix.data.copy()
    matrix = Weighting(scheme, half_life=30).apply(books)
    np.testing.assert_array_equal(matrix.indices, books.matrix.indices)
    np.testing.assert_array_equal(books.matrix.data, before)
    assert matrix.dtype == np.float32


def test_half_life_halves():
    rows = [(1, item, "x", 8.0, item * 10 * DAY) for item in range(4)]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "category", "weight", "timestamp"])
    part = Panel.from_frame(frame)["x"]
    weighting = Weighting(half_life=10)
    assert weighting.apply(part).data.tolist() == [1, 2, 4, 8]
    assert weighting.apply(part, now=40 * DAY).data.tolist() == [0.5, 1, 2, 4]
    assert weighting.apply(part, now=20 * DAY).data.tolist() == [2, 4, 8, 8]


def test_fresh_rows_are_weighted_as_in_the_fit(books):
    for weighting in (
        Weighting("bm25", half_life=60),
        Weighting("tfidf"),
        Weighting("l2", center=True),
    ):
        whole = weighting.apply(books)
        statistics = weighting.statistics(books)
        one = books.of(books.active_numbers[:1], type(books.users)(books.users.ids[books.active_numbers[:1]]))
        alone = weighting.apply(one, statistics=statistics)
        np.testing.assert_array_equal(alone.toarray()[0], whole[books.active_numbers[0]].toarray()[0])


def test_centering_follows_its_formula(books):
    ratings = dense_active(books, books.matrix)
    there, mean = ratings > 0, books.matrix.data.mean()
    items = np.where(there, ratings - mean, 0).sum(0) / (there.sum(0) + 25)
    people = np.where(there, ratings - mean - items, 0).sum(1) / (there.sum(1) + 10)
    expected = np.where(there, ratings - mean - items - people[:, None], 0)
    centred = dense_active(books, Weighting(center=True).apply(books))
    np.testing.assert_allclose(centred, expected, atol=1e-5)


def test_an_item_everybody_has_weighs_nothing():
    frame = pd.DataFrame([(1, 1, "x"), (2, 1, "x")], columns=["user_id", "item_id", "category"])
    assert Weighting("tfidf").apply(Panel.from_frame(frame)["x"]).data.tolist() == [0, 0]


class Holder(BaseEstimator):
    def __init__(self, weighting=None):
        self.weighting = weighting


def test_a_grid_search_reaches_the_parameters():
    holder = clone(Holder(Weighting())).set_params(weighting__scheme="bm25", weighting__half_life=30)
    assert holder.weighting.scheme == "bm25"
    assert repr(holder.weighting) == "Weighting(half_life=30, scheme='bm25')"


@pytest.mark.parametrize(
    ("weighting", "message"),
    [
        (Weighting("bm52"), "scheme must be one of .* Did you mean 'bm25'"),
        (Weighting(half_life=0), "half_life must be a finite number"),
        (Weighting(center="yes"), "center must be one of True, False"),
        (Weighting("bm25", b=2), "b must be a finite number"),
        (Weighting("log", center=True), "needs positive ones"),
    ],
)
def test_parameters_are_checked_when_applied(books, weighting, message):
    with pytest.raises(InvalidParameterError, match=message):
        weighting.apply(books)


def test_half_life_needs_times():
    frame = pd.DataFrame([(1, 1, "x")], columns=["user_id", "item_id", "category"])
    with pytest.raises(InvalidDataError, match="needs times, and 'x' has none"):
        Weighting(half_life=3).apply(Panel.from_frame(frame)["x"])


def test_empty_categories_are_weighted_to_nothing(books):
    nobody = books.keep(np.zeros(books.matrix.nnz, dtype=bool))
    for scheme in ("none", "bm25", "tfidf", "l2"):
        assert Weighting(scheme, half_life=3).apply(nobody).nnz == 0
    assert Weighting(center=True).apply(with_items(nobody, books.items)[0]).nnz == 0


@pytest.mark.parametrize("scheme", ["none", "log", "tfidf", "bm25", "l2"])
def test_weights_below_zero_are_refused_where_strengths_are_needed(scheme):
    columns = {"user_id": "ada", "item_id": ["a", "b"], "weight": [-1.0, 2.0]}
    frame = pd.DataFrame(columns).assign(category="films")
    films = Panel.from_frame(frame, policy=CleaningPolicy(duplicates="last"))["films"]
    with pytest.raises(InvalidDataError, match=r"needs weights of at least 0; the lowest is -1"):
        Weighting(scheme).apply(films)
    assert Weighting("binary").apply(films).data.tolist() == [1.0, 1.0]
    assert Weighting("none", shift=2.0).apply(films).data.tolist() == [1.0, 4.0]
    with pytest.raises(InvalidDataError, match="where all ratings were above -1"):
        Weighting("none", shift=1.0).apply(films)


def test_a_stored_zero_stays_had_beside_users_nobody_knows():
    columns = {"user_id": ["ada", "eva"], "item_id": "a", "weight": [0.0, 2.0]}
    frame = pd.DataFrame(columns).assign(category="films")
    panel = Panel.from_frame(frame, policy=CleaningPolicy(duplicates="last"))
    rows = HistoryEncoder.of(panel, Weighting()).rows_of(panel, np.array([-1, 0, 1]))["films"]
    assert np.diff(rows.indptr).tolist() == [0, 1, 1]
