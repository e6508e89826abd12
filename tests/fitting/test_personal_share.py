"""The personal share of a blend for users who come later: planted folds and panels."""

from __future__ import annotations

import warnings
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import tastebridge as tb
from tastebridge.baselines import Popularity, RecentPopularity
from tastebridge.evaluation import user_scores
from tastebridge.exceptions import TastebridgeWarning
from tastebridge.fitting import later_users
from tastebridge.fitting.folds import Fold, Held
from tastebridge.fitting.personal_share import (
    PERSONAL,
    TIES,
    Choice,
    likelihoods,
    mixed,
    slope_of_popularity,
)
from tastebridge.metrics.intervals import paired_difference
from tastebridge.model import GATES, Segment
from tastebridge.model.blend import StackingBlend
from tastebridge.model.evidence import InTime
from tastebridge.online.in_time_figures import personal_shares, share_sentences, shares_of, warning_in_time

DAY, DAYS, N_ITEMS = 86_400, 400, 40
NOBODY = np.zeros(0, dtype=np.int64)


def fold(rng, taste: float, n_users: int = 200, recent: bool = True) -> Fold:
    """Return users who take items by their popularity of the day, and by their taste.

    Routes are popularity, a taste the route knows exactly, one half-life, and popularity of current users.
    """
    m = np.linspace(1.0, -1.0, N_ITEMS)
    change = rng.permutation(np.linspace(-1.5, 1.5, N_ITEMS)) * recent
    likes = rng.normal(size=(n_users, N_ITEMS))
    p = np.exp(m + change + taste * likes)
    items = [rng.choice(N_ITEMS, p=row / row.sum()) for row in p]
    hidden = sparse.csr_matrix((np.ones(n_users), (np.arange(n_users), items)), (n_users, N_ITEMS))
    one = np.ones((n_users, 1), dtype=np.float32)
    return Fold(
        Held("cold", np.arange(n_users), hidden),
        np.zeros((n_users, len(GATES))),
        [one, likes.astype(np.float32), one, one],
        ["popularity", "likes", "recent", "popularity"],
        {
            "popularity": m[:, None].astype(np.float32),
            "likes": np.eye(N_ITEMS, dtype=np.float32),
            "recent": change[:, None].astype(np.float32),
        },
        sparse.csr_matrix((n_users, N_ITEMS)),
    )


def blend(popular: float) -> Segment:
    equal = StackingBlend.equal(2, len(GATES))
    equal.scale_ = np.array([1.0 / popular, 1.0])
    return Segment(equal, np.array([True, True]))


def chosen(drawn: Fold, late: Fold) -> float:
    return Choice([drawn], [late], NOBODY, options_of(slope_of_popularity([late], blend(1.0)))).share()


def options_of(slope: float) -> dict[float, tuple]:
    halves = {share: (mixed(blend(1.0), share, slope, np.ones(1)),) * 2 for share in PERSONAL}
    return {share: (pair, pair) for share, pair in halves.items()}


def test_the_slope_of_popularity_is_its_weight_in_the_blend():
    one = fold(np.random.default_rng(0), taste=0.0, n_users=4000)
    for weight in (0.4, 1.0, 2.5):
        assert slope_of_popularity([one], blend(weight)) == pytest.approx(weight, abs=0.05)
    assert slope_of_popularity([], blend(0.4)) == 1.0
    assert slope_of_popularity([one], Segment(blend(1.0).blend, np.array([False, False]))) == 0.1


@pytest.mark.parametrize("share", PERSONAL)
def test_the_part_all_users_share_is_recent_popularity_at_any_share(share):
    one = fold(np.random.default_rng(1), taste=0.0)
    segment = mixed(blend(0.5), share, 0.5, np.array([0.8]))
    weights = segment.blend.weights(one.gates) * segment.kept
    scores = one.scores(np.arange(200), weights) - share * one.vectors[1]
    expected = 0.5 * (one.items["popularity"] + 0.8 * one.items["recent"])[:, 0]
    np.testing.assert_allclose(scores, np.tile(expected, (200, 1)), atol=1e-5)


def test_users_decide_how_much_taste_counts():
    rng = np.random.default_rng(2)
    assert chosen(fold(rng, taste=1.0), fold(rng, taste=1.0)) == 1.0
    assert chosen(fold(rng, taste=0.0), fold(rng, taste=0.0)) <= 1 / 16
    # users drawn at random count as ten users, whatever their number
    assert chosen(fold(rng, taste=1.0, n_users=1000), fold(rng, taste=0.0)) <= 1 / 8
    assert chosen(fold(rng, taste=0.0, n_users=1000), fold(rng, taste=1.0)) >= 1 / 2


def test_the_share_is_near_a_quarter_before_later_users_say_more():
    rng = np.random.default_rng(4)
    few = [chosen(fold(rng, taste=taste), fold(rng, taste=taste, n_users=3)) for taste in (0.0, 0.5)]
    assert all(1 / 16 <= share <= 1 / 2 for share in few)


def test_drawn_users_who_are_not_current_say_nothing():
    rng = np.random.default_rng(5)
    drawn, late = fold(rng, taste=2.0), fold(rng, taste=0.0, n_users=20)
    old = replace(drawn, vectors=[*drawn.vectors[:2], *(np.zeros((200, 1), np.float32),) * 2])
    assert chosen(old, late) <= chosen(drawn, late)
    empty = replace(old, vectors=[drawn.vectors[0], 0.0 * drawn.vectors[1], *old.vectors[2:]])
    assert chosen(old, late) == chosen(empty, late)


def test_every_other_later_user_is_judged_by_the_others():
    rng = np.random.default_rng(3)
    drawn, late = fold(rng, taste=0.5), fold(rng, taste=0.5)
    even = np.arange(0, 200, 2)
    late.vectors[1][even] = rng.normal(size=(len(even), N_ITEMS))  # half of them have no known taste
    choice = Choice([drawn], [late], NOBODY, options_of(1.0))
    assert choice.share([1]) > choice.share([0])


def planted(taste: float, seed: int = 0, n_users: int = 900) -> tb.Panel:
    """Return users with one of four themes, who read books all the time and enter films once.

    Films have a season each, and a theme; taste is its weight in the logarithm of their probability.
    """
    rng, rows = np.random.default_rng(seed), []
    for user in range(n_users):
        theme, start = rng.integers(4), rng.uniform(0, DAYS - 40)
        days = start + np.sort(rng.uniform(0, 30, 5))
        rows += [(user, f"b{4 * rng.integers(10) + theme}", "books", day) for day in days]
        for day in start + 30 + np.sort(rng.uniform(0, 10, 3)):
            film = np.arange(60)
            share = np.exp(-0.5 * ((film / 60 * DAYS - day) / 40) ** 2 + taste * (film % 4 == theme))
            rows.append((user, f"f{rng.choice(60, p=share / share.sum()):02d}", "films", day))
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "category", "timestamp"])
    frame["timestamp"] = 1e9 + np.floor(frame["timestamp"] * DAY)
    return tb.Panel.from_frame(frame.drop_duplicates(["user_id", "item_id"]))


@pytest.mark.parametrize("taste", [0.0, 2.0])
def test_entrants_are_not_worse_served_than_by_either_popularity(taste):
    split = tb.splits.entrants(planted(taste), "films")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mapper = tb.InterestMapper("films", n_components=8, n_jobs=1).fit(split.train)
    models = {"own": mapper, "all": Popularity("films"), "recent": RecentPopularity("films")}
    values = {}
    for name, model in models.items():
        fitted = model if name == "own" else model.fit(split.train)
        values[name] = user_scores(fitted, split, ["ndcg@10"])["ndcg@10"].to_numpy()
    best = max(("all", "recent"), key=lambda name: values[name].mean())
    assert best == "recent"
    assert values["own"].mean() > 0.9 * values[best].mean()
    if taste:
        assert paired_difference(values["own"], values[best]).low > 0
        shares = mapper.findings_["in_time"].set_index("segment")["personal"]
        assert shares["cold"] >= 0.5


def test_a_share_below_one_is_told():
    shares = {"cold": 0.0, "warm": 0.25}
    state = SimpleNamespace(target="films", findings={"in_time": personal_shares(shares)})
    cold, warm = share_sentences(state)
    assert "users new to films, popularity does better than any source" in cold
    assert "users with a history in films" in warm
    assert "count 25%" in warm
    assert "new to 'films'" in warning_in_time(shares, "films")
    assert warning_in_time({"warm": shares["warm"]}, "films") == ""
    whole = SimpleNamespace(target="films", findings={"in_time": personal_shares({"cold": 1.0})})
    assert share_sentences(whole) == []
    assert share_sentences(SimpleNamespace(target="films", findings={})) == []


def test_a_share_is_known_where_nobody_came_later(monkeypatch):
    """Answers are on the scale of the blend, so the scale must not be lost with the figures in time."""
    monkeypatch.setattr(later_users, "figures_in_time", lambda *_: None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mapper = tb.InterestMapper("films", n_components=8, n_jobs=1).fit(planted(taste=0.3))
    table = mapper.findings_["in_time"].set_index("segment")["personal"]
    assert 0 < table["cold"] < 1
    assert shares_of(mapper.targets_["films"])["cold"] == table["cold"]


def _without_sources(monkeypatch):
    """Return a mapper whose later users are worse served by the blend, whatever they did."""
    monkeypatch.setattr(InTime, "worse", property(lambda self: True))
    monkeypatch.setattr(later_users, "_ENOUGH", 1)
    with pytest.warns(TastebridgeWarning, match="On later events of users new to 'films', popularity does"):
        return tb.InterestMapper("films", n_components=8, n_jobs=1).fit(planted(taste=2.0, n_users=500))


def test_where_no_source_counts_a_fit_says_so(monkeypatch, tmp_path):
    mapper = _without_sources(monkeypatch)
    mapper.save(tmp_path / "model")
    assert "popularity does better than any source" in (tmp_path / "model" / "README.md").read_text()
    mapper.report(tmp_path / "report.html")
    assert "popularity does better than any source" in (tmp_path / "report.html").read_text()


def test_users_whose_last_event_is_old_keep_the_blend_that_current_users_lose(monkeypatch):
    mapper = _without_sources(monkeypatch)
    users = [1, 1, 2, 2]
    books = pd.DataFrame({"user_id": users, "item_id": ["b1", "b2", "b7", "b9"], "category": "books"})
    now, old = (
        mapper.recommend_from(books.assign(timestamp=at), n=5).groupby("user_id")["item_id"].apply(list)
        for at in (1e9 + DAYS * DAY, 1e9)
    )
    assert now[1] == now[2]
    assert old[1] != old[2]
    assert mapper.findings_["in_time"].set_index("segment").loc["cold", "personal"] == TIES


def test_users_whose_best_items_are_seen_ones_have_finite_objectives():
    """The open items of a user may be so far behind that their exponentials are 0."""
    part = fold(np.random.default_rng(0), taste=1.0, n_users=6)
    far = np.zeros((6, N_ITEMS), dtype=np.float32)
    far[:, 0] = 5000.0
    seen = sparse.csr_matrix((np.ones(6), (np.arange(6), np.zeros(6, int))), (6, N_ITEMS))
    hidden = sparse.csr_matrix((np.ones(6), (np.arange(6), np.full(6, 3))), (6, N_ITEMS))
    part = replace(
        part,
        held=part.held._replace(hidden=hidden),
        vectors=[0 * part.vectors[0], far, *(0 * rest for rest in part.vectors[2:])],
        seen=seen,
    )
    equal = Segment(StackingBlend.equal(4, len(GATES)), np.ones(4, dtype=bool))
    halves = (equal, equal)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        found = likelihoods([part], halves, np.zeros(6, dtype=np.int64))
    # the 39 open items are alike
    np.testing.assert_allclose(found, -np.log(N_ITEMS - 1), atol=1e-4)
