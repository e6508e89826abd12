"""An update while another thread asks: every answer is of before it or of after it, never of both."""

import copy
import threading

import numpy as np
import pandas as pd
import pytest

import tastebridge as tb
from tastebridge._numerics.threads import together
from tastebridge.datasets import make_panel
from tastebridge.factors import SVDFactors
from tastebridge.recommenders import base
from tastebridge.routes import NeighbourRoute, TargetRoute, TransferRoute

pytestmark = pytest.mark.filterwarnings("ignore::tastebridge.exceptions.TastebridgeWarning")
PANEL, _ = make_panel(120, 25, events_per_user=6)
# ids below all others: the row of every user and the place of every item moves
ROWS = [(-1 - n, f"a {name[:-1]}", name) for n in range(9) for name in ("books", "films")]
NEWS = pd.DataFrame(ROWS, columns=["user_id", "item_id", "category"])
VERBS = {
    "recommend": lambda mapper: mapper.recommend([7, 50], 5),
    "predict": lambda mapper: pd.DataFrame(
        mapper.predict(pd.DataFrame({"user_id": [7, 50], "item_id": PANEL["films"].items.ids[:2]}))
    ),
    "audience": lambda mapper: mapper.audience(PANEL["films"].items.ids[0], 5),
    "explain": lambda mapper: mapper.explain(50, PANEL["films"].items.ids[1]),
    "vectors": lambda mapper: pd.DataFrame(np.round(mapper.user_vectors([7, 50]).vectors, 5)),
    "interests": lambda mapper: mapper.interests([7, 50]),
    "confidence": lambda mapper: mapper.confidence([7, 50], 5),
    "related": lambda mapper: mapper.related(PANEL["films"].items.ids[0], 5),
}


def fitted():
    svd = SVDFactors(8)
    routes = [NeighbourRoute(), TransferRoute(svd, svd), TargetRoute(svd)]
    return tb.InterestMapper("films", routes=routes, n_folds=1).fit(PANEL)


@pytest.fixture(scope="module")
def answers():
    """Every answer before and after the update."""
    mapper = fitted()
    before = {name: verb(mapper) for name, verb in VERBS.items()}
    mapper.update(NEWS)
    return before, {name: verb(mapper) for name, verb in VERBS.items()}


@pytest.mark.parametrize("name", VERBS)
def test_an_update_in_the_middle_of_an_answer_does_not_change_it(monkeypatch, answers, name):
    """The worst moment: the user's number is known, the user's row is not read yet."""
    mapper, found = fitted(), base.users_asked_for

    def with_an_update(*given):
        numbers = found(*given)
        monkeypatch.setattr(base, "users_asked_for", found)
        mapper.update(NEWS)
        return numbers

    monkeypatch.setattr(base, "users_asked_for", with_an_update)
    pd.testing.assert_frame_equal(VERBS[name](mapper), answers[0][name])


def changes(mapper):
    """Change a mapper twice there and back, and yield after each step."""
    for _ in range(2):
        mapper.update(NEWS)
        yield
        mapper.forget(NEWS["user_id"].unique())
        yield


def test_threads_that_ask_during_updates_get_the_answers_of_one_state():
    mapper, done, wrong = fitted(), threading.Event(), []
    names, other = ("recommend", "explain"), copy.deepcopy(mapper)
    known = {VERBS[name](other).to_json() for name in names}
    known |= {VERBS[name](other).to_json() for _ in changes(other) for name in names}

    def ask():
        while not done.is_set():
            wrong.extend(found for name in names if (found := VERBS[name](mapper).to_json()) not in known)

    def change():
        for _ in changes(mapper):
            continue
        done.set()

    together([ask, ask, change], 3)
    assert not wrong
