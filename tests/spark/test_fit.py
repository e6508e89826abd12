import warnings
from contextlib import ExitStack

import numpy as np
import pandas as pd
import pytest

import tastebridge as tb
from tastebridge.data import CleaningPolicy
from tastebridge.datasets import make_panel
from tastebridge.exceptions import InvalidDataError, InvalidParameterError, TastebridgeWarning
from tastebridge.factors import ALSFactors
from tastebridge.maps import RidgeMap
from tastebridge.recommenders.single_fit import fit_elsewhere
from tastebridge.routes import FitContext, JointRoute, NeighbourRoute, TargetRoute, TransferRoute
from tastebridge.routes.exact import ExactMoments
from tastebridge.spark import fit, recommend, sums
from tastebridge.spark.context import SparkFitContext
from tastebridge.spark.events import read_events
from tastebridge.spark.factors import train
from tastebridge.spark.taken import Taken

PANEL, _ = make_panel(n_users=500, n_items=60, events_per_user=8)
FRAME = PANEL.to_frame().assign(category=lambda frame: frame["category"].astype(str))
ALS = ALSFactors(6, alpha=5.0, iterations=3)
ROUTES = [
    NeighbourRoute(80),
    TransferRoute(ALS, ALS, RidgeMap(0.5)),
    TargetRoute(ALS),
    JointRoute(ALSFactors(6, 1.0, 20.0, iterations=3)),
]


@pytest.fixture(scope="module")
def context(spark_frame):
    """A context of the whole panel, of which Spark has the people too."""
    with ExitStack() as kept:
        taken = Taken.of(
            read_events(spark_frame(FRAME), None, None, CleaningPolicy()), None, CleaningPolicy(), kept
        )
        who, panel = taken.sample(10_000, 0)
        histories = {name: panel[name].matrix for name in panel.categories}
        yield SparkFitContext(histories, "films", taken=taken, who=who)


def hidden_half(context):
    """The target's matrix without every second pair."""
    matrix = context.histories["films"].tocoo()
    kept = np.arange(matrix.nnz) % 2 == 0
    return type(matrix)((matrix.data[kept], (matrix.row[kept], matrix.col[kept])), matrix.shape).tocsr()


def test_the_sample_of_everybody_is_the_panel(context):
    for name in PANEL.categories:
        assert (context.histories[name] != PANEL[name].matrix).nnz == 0


@pytest.mark.parametrize("hide", [False, True], ids=["whole", "hidden"])
@pytest.mark.parametrize("people", [10_000, 7], ids=["a leaf", "a tree"])
def test_moments_are_those_of_the_local_workshop(context, monkeypatch, hide, people):
    monkeypatch.setattr(sums, "PEOPLE", people)
    here = context.hiding(hidden_half(context)) if hide else context
    there = FitContext(here.histories, "films")
    phi, psi = (ALS.fit(PANEL[name].matrix) for name in ("books", "films"))
    found, linked = here.moments("books", phi, psi), there.linked("books")
    X, Y = (there.encoded((name,), model, linked) for name, model in (("books", phi), ("films", psi)))
    for name, array in ExactMoments.of(X, Y, found.grid).to_arrays().items():
        np.testing.assert_array_equal(getattr(found, name), array)
    assert found.n > 100


def test_pairs_and_counts_are_those_of_the_local_workshop(context):
    here = context.hiding(hidden_half(context))
    there = FitContext(here.histories, "films")
    for among in ((), ("books",)):
        np.testing.assert_array_equal(here.counts(among), there.counts(among))
    assert there.counts(()).sum() > there.counts(("books",)).sum() > 0
    for name in ("books", "films"):
        assert here.n_people(name) == there.n_people(name)
        found, expected = (one.pairs(name) for one in (here, there))
        assert expected.both.nnz > 1000
        assert (found.both != expected.both).nnz == 0
        np.testing.assert_array_equal(found.here, expected.here)
        np.testing.assert_array_equal(found.there, expected.there)


class Trained:
    """MLlib's factors kept in the order they were trained, to be given to a local fit in the same order."""

    def __init__(self):
        self.models = []

    def keep(self, pairs, categories, estimator):
        self.models.append((tuple(categories), train(pairs, categories, estimator)))
        return self.models[-1][1]

    def context(self, *given, features, same, seed):
        waiting = iter(self.models)

        class Given(FitContext):
            learns_from_twins = True  # as on Spark

            def hiding(self, target):
                rows = {**self.histories, self.target: target}
                return Given(rows, self.target, self.rank, self, self.features, self.same, self.seed)

            def _train(self, categories, estimator):
                if not isinstance(estimator, ALSFactors):
                    return super()._train(categories, estimator)
                known, model = next(waiting)
                assert known == tuple(categories)
                return model

        return Given(*given, features=features, same=same, seed=seed)


@pytest.fixture(scope="module")
def both(spark_frame):
    """A fit on Spark, and a local one with the same item factors."""
    trained, patch = Trained(), pytest.MonkeyPatch()
    patch.setattr("tastebridge.spark.context.train", trained.keep)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TastebridgeWarning)
        there = fit(spark_frame(FRAME), "films", routes=ROUTES)
        local = tb.InterestMapper("films", routes=ROUTES, n_folds=1, n_jobs=1)
        here = fit_elsewhere(local, PANEL, trained.context)
    patch.undo()
    return there, here


def test_with_the_same_item_factors_the_model_is_the_local_one(both):
    there, here = (mapper.model_ for mapper in both)
    assert [route.name for route in there.routes] == [route.name for route in here.routes]
    assert len(there.routes) >= 4
    np.testing.assert_allclose(there.item_vectors(), here.item_vectors(), rtol=1e-6, atol=1e-7)
    for one, other in zip(there.routes, here.routes, strict=True):
        for name in ("coef", "intercept"):
            if getattr(other, name) is not None:
                np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-8, atol=1e-9)
    pd.testing.assert_frame_equal(both[0].routes_, both[1].routes_, rtol=1e-4, atol=1e-5)
    scores = [mapper.recommend_from(PANEL, 5)["score"].to_numpy() for mapper in both]
    np.testing.assert_allclose(*scores, rtol=1e-4, atol=1e-4)


def test_people_join_and_leave_it_as_they_do_the_local_one(both, tmp_path):
    fresh = pd.DataFrame({"user_id": 10_000, "item_id": ["books:01", "new", "films:02"]})
    fresh["category"] = ["books", "films", "films"]
    there, here = (mapper.ledger_ for mapper in both)
    assert there.people == here.people
    vectors = []
    for place, mapper in enumerate(both):
        mapper.save(tmp_path / str(place), updatable=True)
        vectors.append(tb.load(tmp_path / str(place)).update(fresh).item_vectors())
    assert "new" in vectors[0].ids
    new = np.flatnonzero(vectors[0].ids == "new")
    assert np.abs(vectors[0].vectors[new]).max() > 0
    old = vectors[0].ids != "new"
    np.testing.assert_allclose(vectors[0].vectors[old], vectors[1].vectors[old], rtol=1e-6, atol=1e-6)


def test_what_it_tells_of_itself_is_what_the_local_fit_tells(both):
    told, expected = (mapper.transfer_[["source", "verdict", "kept", "linked"]] for mapper in both)
    pd.testing.assert_frame_equal(told, expected)
    interests = [mapper.interests_from(PANEL)["interest"].to_numpy() for mapper in both]
    np.testing.assert_allclose(*interests, rtol=1e-6)


def test_it_saves_and_loads_as_the_local_one_and_holds_no_people(both, spark_frame, tmp_path):
    both[0].save(tmp_path / "model")
    loaded = tb.load(tmp_path / "model")
    expected = both[0].recommend_from(PANEL, 3)
    pd.testing.assert_frame_equal(loaded.recommend_from(PANEL, 3), expected)
    found = recommend(tmp_path / "model", spark_frame(FRAME), 3).toArrow().to_pandas()
    found = found.sort_values(["user_id", "rank"], ignore_index=True)
    pd.testing.assert_frame_equal(found, expected, check_exact=True)
    with pytest.raises(InvalidDataError, match="without users"):
        both[0].recommend()


def test_mllib_finds_the_minimum_that_implicit_finds(context):
    """The loss of the items that MLlib trained, people folded in, is within a twentieth of implicit's."""
    X = PANEL["films"].matrix
    X = X[np.diff(X.indptr) > 0]
    estimator = ALSFactors(6, alpha=5.0, iterations=8)
    losses = []
    for model in (train(context._taken, ["films"], estimator), estimator.fit(X)):
        Z, Y = model.transform(X), model.item_factors_
        miss = (X.toarray() - Z @ Y.T) ** 2
        losses.append(float((miss * np.where(X.toarray() > 0, 5.0, 1.0)).sum()))
    assert losses[0] < 1.05 * losses[1]


def test_bad_rows_are_told_and_left_out(spark_frame):
    rows = [(PANEL.users.ids[0], "films:00", "films"), (PANEL.users.ids[0], None, "films")]
    bad = pd.DataFrame(rows, columns=["user_id", "item_id", "category"])
    frame = pd.concat([FRAME.drop(columns="weight"), bad])
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        mapper = fit(spark_frame(frame), "films", routes=[NeighbourRoute(20)], n_people=100)
    assert any("1 with missing ids" in str(one.message) for one in told)
    assert len(mapper.items_["films"]) == len(PANEL["films"].items)


def test_what_cannot_be_fitted_is_refused(spark_frame):
    with pytest.raises(InvalidParameterError, match="min_item_events"):
        fit(spark_frame(FRAME), "films", policy=CleaningPolicy(min_item_events=2))
    with pytest.raises(InvalidParameterError, match="alpha of at least 1"):
        train(None, ["films"], ALSFactors(2, alpha=0.5))
    with pytest.raises(InvalidDataError, match="no row is left"):
        fit(spark_frame(FRAME.assign(weight=np.nan)), "films")
