"""No result depends on the floating point error state of the caller."""

import numpy as np
import pandas as pd
import pytest

import tastebridge as tb
from tastebridge._numerics.threads import one_blas_thread, together, usual_errors
from tastebridge.datasets import make_panel
from tastebridge.splits import cold_users

pytestmark = pytest.mark.filterwarnings("ignore::tastebridge.exceptions.TastebridgeWarning")
USUAL = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}


def errors():
    return {**np.geterr()}


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_calls_of_all_threads_have_the_usual_state(n_jobs):
    with np.errstate(all="raise"):
        assert together([errors, errors], n_jobs) == [USUAL, USUAL]
        assert set(errors().values()) == {"raise"}


def test_the_state_of_the_caller_comes_back():
    with np.errstate(all="raise"):
        with one_blas_thread(), usual_errors(), one_blas_thread():
            assert errors() == USUAL
        assert set(errors().values()) == {"raise"}
        with pytest.raises(KeyError), one_blas_thread():
            raise KeyError
        assert set(errors().values()) == {"raise"}


def answers(panel, n_jobs):
    users = panel.users.ids[:20]
    mapper = tb.InterestMapper("films", n_folds=2, n_components=8, n_jobs=n_jobs).fit(panel)
    own = panel.to_frame()
    own = own[own["user_id"].isin(users[:5])]
    item = mapper.recommend(users[:1], 1)["item_id"].iloc[0]
    found = [
        mapper.recommend(users, 5),
        mapper.recommend_from(own, 5),
        mapper.recommend(users, 5, diversity=0.3),
        mapper.audience(item, 5),
        mapper.related(item, 5),
        mapper.explain(users[0], item),
        mapper.interests(users),
        mapper.confidence(users, 5),
        mapper.transfer_,
        mapper.recommend_from(own, 5),
    ]
    fresh = {"user_id": [users[0]], "item_id": [item], "category": ["films"], "timestamp": [2e9]}
    mapper.update(pd.DataFrame(fresh))
    mapper.forget(users[1:3])
    return [*found, mapper.recommend(users[:1], 5)]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_mapper_answers_the_same_whatever_the_state(n_jobs):
    panel, _ = make_panel(200, 40, events_per_user=8, timestamps=True)
    expected = answers(panel, n_jobs)
    with np.errstate(all="raise"):
        found = answers(panel, n_jobs)
    for one, other in zip(found, expected, strict=True):
        pd.testing.assert_frame_equal(one, other)


def test_baselines_and_evaluation_are_the_same_whatever_the_state():
    panel, _ = make_panel(150, 30, events_per_user=8)
    split = cold_users(panel, "films", random_state=0)
    models = {"joint": tb.baselines.JointALS("films"), "popular": tb.baselines.Popularity("films")}
    expected, clock = tb.evaluate(models, split), ["fit_seconds", "score_seconds"]
    with np.errstate(all="raise"):
        found = tb.evaluate(models, split)
    drop = [name for name in clock if name in found]
    pd.testing.assert_frame_equal(found.drop(columns=drop), expected.drop(columns=drop))
