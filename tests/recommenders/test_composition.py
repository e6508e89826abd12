"""A mapper holds its parts: faults that the chain of base classes had, closed by construction."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

import tastebridge as tb
from tastebridge.datasets import make_panel
from tastebridge.exceptions import InvalidDataError, TastebridgeWarning
from tastebridge.factors import SVDFactors
from tastebridge.persist import fingerprint
from tastebridge.recommenders import Recommender
from tastebridge.routes import TransferRoute

pytestmark = pytest.mark.filterwarnings("ignore:no source helps")
ROUTES = [TransferRoute(SVDFactors(6), SVDFactors(6))]


def small(target, **parameters):
    return tb.InterestMapper(target, routes=ROUTES, n_lists=100, n_negatives=20, n_folds=1, **parameters)


@pytest.fixture(scope="module")
def panel():
    frame = make_panel(400, 60, ("books", "films", "music"), events_per_user=12)[0].to_frame()
    frame["user_id"] = "user " + frame["user_id"].astype(str)
    return tb.Panel.from_frame(frame)


@pytest.fixture(scope="module")
def several(panel):
    return small(["films", "books"]).fit(panel)


def test_the_mapper_is_a_recommender_and_nothing_between():
    assert tb.InterestMapper.__mro__[1] is Recommender
    own = [kind for kind in tb.InterestMapper.__mro__ if kind.__module__.startswith("tastebridge")]
    private = {name for kind in own for name, one in vars(kind).items() if callable(one) and name[0] == "_"}
    assert len({name for name in private if not name.startswith("__")} - {"_abc_impl"}) <= 15


def test_users_without_a_history_are_found_by_their_own_ids(panel):
    ids = panel.users_without("films")
    events = panel.to_frame()
    viewers = set(events.loc[events["category"] == "films", "user_id"])
    assert set(ids) == set(panel.users.ids) - viewers
    assert set(panel.users_with("films")) == viewers
    assert set(panel["films"].active) == viewers
    assert set(panel.users_with("films", "books")) == viewers & set(panel["books"].active)


def test_compressing_several_targets_compresses_each(several, panel):
    tiny = several.compress(2, "int8")
    for name in ("films", "books"):
        assert tiny.item_vectors(name).vectors.shape[1] == 2
        assert tiny.mappers_[name].compression_["dtype"].eq("int8").all()
    lists = tiny.recommend(panel.users.ids[:20], n=5)
    assert lists.groupby("user_id").size().eq(5).all()
    assert several.item_vectors("films").vectors.shape[1] > 2


@pytest.mark.parametrize("act", ["update", "forget", "drift"])
def test_one_of_several_targets_says_why_it_cannot_be_changed(several, panel, act):
    one = several.mappers_["films"]
    call = {"update": lambda: one.update(panel[:3]), "forget": lambda: one.forget(panel.users.ids[:1])}
    with pytest.raises(InvalidDataError, match="several targets"):
        call.get(act, one.drift)()


def test_a_compressed_mapper_says_that_it_was_compressed(panel):
    tiny = small("films").fit(panel).compress(2, "int8")
    with pytest.raises(InvalidDataError, match="was compressed"):
        tiny.forget(panel.users.ids[:1])


@pytest.mark.parametrize("model", [small("films"), tb.Popularity("films"), tb.ItemNeighbours("films")])
def test_an_unfitted_recommender_is_not_fitted_whatever_is_asked(model, panel):
    for ask in (
        lambda: model.score(panel),
        lambda: model.predict(pd.DataFrame({"user_id": [], "item_id": []})),
        lambda: model.recommend_from(panel[:2]),
        model.item_vectors,
        lambda: model.save("nowhere"),
        lambda: fingerprint(model),
    ):
        with pytest.raises(NotFittedError):
            ask()


def test_a_fingerprint_of_several_targets_follows_each(several, panel, tmp_path):
    several.save(tmp_path / "model")
    assert fingerprint(tb.load(tmp_path / "model")) == fingerprint(several)
    assert fingerprint(several.compress(2, "int8")) != fingerprint(several)


def line_of(call):
    """The file a warning points to."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        call()
    return {one.filename for one in found if issubclass(one.category, TastebridgeWarning)}


def test_warnings_point_to_the_line_of_the_caller(several, panel):
    events = panel.to_frame()
    bad = pd.concat([events, events.head(3).assign(user_id=None)])
    one = tb.Popularity("films").fit(panel)
    assert line_of(lambda: one.recommend(panel.users.ids[:2], n=10_000)) == {__file__}
    assert line_of(lambda: several.recommend(panel.users.ids[:2], n=10_000)) == {__file__}
    assert line_of(lambda: tb.Popularity("films").fit(bad)) == {__file__}
    strange = events[events["category"] == "films"].head(3).assign(item_id="unheard of")
    assert line_of(lambda: one.recommend_from(strange)) == {__file__}


@pytest.mark.filterwarnings("ignore::tastebridge.exceptions.TastebridgeWarning")
def test_warnings_of_a_fit_point_to_the_line_of_the_caller():
    rng = np.random.default_rng(0)
    rows = [(user, f"{name} {rng.integers(30)}", name) for user in range(80) for name in ("a", "b", "c")]
    events = pd.DataFrame(rows * 2, columns=["user_id", "item_id", "category"])
    events["item_id"] = [f"{name} {rng.integers(30)}" for name in events["category"]]
    assert line_of(lambda: small("a").fit(events)) == {__file__}
    assert line_of(lambda: small("all", n_jobs=2).fit(events)) == {__file__}


def test_a_failed_fit_leaves_nothing_of_the_last_one(panel):
    model = small("films").fit(panel)
    with pytest.raises(InvalidDataError):
        model.fit(panel.without("films", panel.users.ids))
    with pytest.raises(NotFittedError):
        model.recommend(panel.users.ids[:1])


def test_learned_attributes_cannot_be_set(several):
    for name in ("model_", "items_", "transfer_", "weighting_", "statistics_"):
        with pytest.raises(AttributeError):
            setattr(several, name, None)
