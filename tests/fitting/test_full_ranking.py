"""The item regression of the target alone, where the blend of warm users reads no source."""

import warnings

import numpy as np
import pandas as pd
import pytest

import tastebridge as tb
from tastebridge.fitting import full_ranking
from tastebridge.routes.kinds import RouteKind


def panel_of_pairs(n_users: int = 700, n_pairs: int = 40) -> tb.Panel:
    """Return users whose films come in pairs, each pair with a taste of its own; their books are random."""
    rng, rows = np.random.default_rng(0), []
    for user in range(n_users):
        rows += [(user, f"b{item}", "books") for item in rng.choice(60, 4, replace=False)]
        for pair in rng.choice(n_pairs, 4, replace=False):
            rows += [(user, f"f{2 * pair + side}", "films") for side in range(2) if rng.random() < 0.85]
    return tb.Panel.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id", "category"]))


def fitted(panel: tb.Panel) -> tb.InterestMapper:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return tb.InterestMapper("films", n_components=8, n_jobs=1, random_state=0).fit(panel)


@pytest.fixture(scope="module")
def split():
    return tb.splits.leave_last(panel_of_pairs(), "films", random_state=0)


def test_a_target_whose_sources_do_not_help_has_an_item_regression_of_its_own(split, monkeypatch):
    mapper = fitted(split.train)
    assert not mapper.transfer_["kept"].any()
    [route] = [one for one in mapper.model_.routes if one.kind is RouteKind.ITEM_REGRESSION]
    assert route.sources == ("films",)
    assert mapper.routes_.set_index("route").loc[route.name, "warm"] > 0

    def hits(one: tb.InterestMapper) -> float:
        lists = one.recommend(split.truth["user_id"].unique(), n=1)
        return len(lists.merge(split.truth, on=["user_id", "item_id"])) / len(lists)

    with_it = hits(mapper)
    monkeypatch.setattr(full_ranking, "_FEWEST", 10**9)
    bare = fitted(split.train)
    assert not [one for one in bare.model_.routes if one.kind is RouteKind.ITEM_REGRESSION]
    # the other film of a pair is the best guess: a regression keeps pairs apart that 8 components mix
    assert with_it > hits(bare)


def test_the_level_of_warm_users_takes_back_the_rise_of_their_scores(split, monkeypatch):
    """The items a user does not have keep their sum of probabilities, of which scores are the logarithms."""

    def log_sums(mapper):
        users = split.train.users.ids[:300]
        scores = mapper.user_vectors(users).vectors @ mapper.item_vectors().vectors.T
        scores[split.train["films"].matrix[:300].toarray() > 0] = -np.inf
        return np.log(np.exp(scores.astype(np.float64)).sum(axis=1))

    with_it = fitted(split.train)
    monkeypatch.setattr(full_ranking, "_FEWEST", 10**9)
    bare = fitted(split.train)
    monkeypatch.undo()
    monkeypatch.setattr(full_ranking, "rise_of", lambda *_: 0.0)
    risen = fitted(split.train)
    change, rise = (float((log_sums(one) - log_sums(bare)).mean()) for one in (with_it, risen))
    assert rise > 0.1
    assert abs(change) < 0.3 * rise
