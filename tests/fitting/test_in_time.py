"""Folds in time and recent popularity in a fit: planted data whose popularity drifts, or does not."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import tastebridge as tb
from tastebridge.cli.screen import in_time_lines
from tastebridge.data import Weighting
from tastebridge.data.ages import SPANS, ages_of, dated_weighting
from tastebridge.data.history_encoder import HistoryEncoder
from tastebridge.fitting.in_time import Dated, Later
from tastebridge.fitting.later_users import replaced
from tastebridge.fitting.popularity_drift import recent_weights
from tastebridge.model.evidence import MODEL, POPULARITY, RECENT, Evidence, InTime
from tastebridge.recommenders.dates import first_rows

DAY, DAYS = 86_400, 400


def planted(drifts: bool, seed: int = 0, n_users: int = 700) -> tb.Panel:
    """Return users who read books all the time and enter films once; if it drifts, by what is out then.

    Films have a season each; without drift all films are popular all the time, the first ones most.
    """
    rng, rows = np.random.default_rng(seed), []
    popular = 1.0 / np.arange(1, 61)
    for user in range(n_users):
        start = rng.uniform(0, DAYS - 40)
        days = start + np.sort(rng.uniform(0, 30, 5))
        rows += [(user, f"b{rng.integers(40)}", "books", day) for day in days]
        for day in start + 30 + np.sort(rng.uniform(0, 10, 3)):
            season = np.exp(-0.5 * ((np.arange(60) / 60 * DAYS - day) / 15) ** 2)
            share = season if drifts else popular
            rows.append((user, f"f{rng.choice(60, p=share / share.sum()):02d}", "films", day))
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "category", "timestamp"])
    frame["timestamp"] = 1e9 + np.floor(frame["timestamp"] * DAY)
    return tb.Panel.from_frame(frame)


def fitted(panel: tb.Panel, **parameters) -> tb.InterestMapper:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return tb.InterestMapper("films", n_components=8, n_jobs=1, **parameters).fit(panel)


@pytest.fixture(scope="module")
def drifting() -> tuple[tb.Panel, tb.InterestMapper]:
    panel = planted(drifts=True)
    return panel, fitted(panel)


def recent_routes(mapper: tb.InterestMapper) -> list[str]:
    return [name for name in mapper.routes_["route"] if name.startswith("recent popularity")]


def test_recent_popularity_enters_where_popularity_drifts(drifting):
    panel, mapper = drifting
    assert len(recent_routes(mapper)) == 3
    accuracy = mapper.findings_["accuracy"].set_index(["segment", "list"])["mean"]
    assert accuracy["cold in time", "tastebridge"] > 2 * accuracy["cold in time", "popularity"]
    # the last films are recommended to a user who read a book yesterday
    last = panel.last_time
    now = pd.DataFrame({"user_id": ["new"], "item_id": ["b1"], "category": ["books"], "timestamp": [last]})
    listed = mapper.recommend_from(now, n=5)["item_id"].str[1:].astype(int)
    assert listed.mean() > 45


def test_recent_popularity_stays_out_where_popularity_does_not_drift():
    mapper = fitted(planted(drifts=False))
    assert not recent_routes(mapper)
    accuracy = mapper.findings_["accuracy"].set_index(["segment", "list"])["mean"]
    best = max(accuracy["cold in time", "popularity"], accuracy["cold in time", "recent popularity"])
    assert accuracy["cold in time", "tastebridge"] > 0.8 * best


def test_users_whose_last_event_is_old_are_served_by_all_events(drifting):
    panel, mapper = drifting
    first = min(part.times.min() for part in panel.interactions.values())
    frame = pd.DataFrame({"user_id": ["old"], "item_id": ["b1"], "category": ["books"]})
    undated = mapper.recommend_from(frame, n=5)  # histories without times count as of now
    old = mapper.recommend_from(frame.assign(timestamp=first), n=5)
    current = mapper.recommend_from(frame.assign(timestamp=panel.last_time), n=5)
    assert undated["item_id"].tolist() == current["item_id"].tolist()
    assert old["item_id"].tolist() != current["item_id"].tolist()


def test_the_same_model_comes_from_any_number_of_threads_and_from_a_file(drifting, tmp_path):
    panel, mapper = drifting
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        again = tb.InterestMapper("films", n_components=8, n_jobs=2).fit(panel)
    ids = panel.users.ids[:50]
    first = mapper.recommend(ids, n=10)
    pd.testing.assert_frame_equal(first, again.recommend(ids, n=10))
    mapper.save(tmp_path / "model", with_users=True)
    pd.testing.assert_frame_equal(first, tb.load(tmp_path / "model").recommend(ids, n=10))


def test_the_counts_of_recent_popularity_are_saved_with_the_statistics(drifting, tmp_path):
    _, mapper = drifting
    mapper.save(tmp_path / "model", updatable=True)
    loaded = tb.load(tmp_path / "model")
    for key in recent_routes(mapper):
        saved, known = (one.ledger_.accounts[key] for one in (loaded, mapper))
        np.testing.assert_array_equal(saved.recent, known.recent)
        np.testing.assert_array_equal(saved.counts, known.counts)
        assert (saved.share, saved.prior) == (known.share, known.prior)


def test_card_report_and_screen_say_both_figures(drifting, tmp_path):
    _, mapper = drifting
    mapper.save(tmp_path / "model")
    card = (tmp_path / "model" / "README.md").read_text()
    assert "new to the target, evaluated in time" in card
    assert "routes fitted on earlier events only" in card
    mapper.report(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "Evaluated in time, users new to the target" in page
    assert "new to it, evaluated in time" in page
    accuracy = mapper.findings_["accuracy"]
    (cold, *_) = in_time_lines(accuracy, "films")
    rows = accuracy[accuracy["segment"] == "cold in time"].set_index("list")
    assert f"{rows['people'].iloc[0]:,} users new to films: NDCG@10 is {rows['mean'].iloc[0]:.3f}" in cold
    assert f"recent popularity {rows.loc['recent popularity', 'mean']:.3f}" in cold
    assert in_time_lines(accuracy[accuracy["segment"] == "cold"], "films") == []
    assert in_time_lines(None, "films") == []


def test_forgetting_and_coming_back_gives_the_same_counts(drifting):
    panel, mapper = drifting
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = fitted(panel)
        gone = panel.users.ids[:20]
        frame = panel.to_frame()
        other.forget(gone)
        other.update(frame[frame["user_id"].isin(gone)])
    key = recent_routes(mapper)[0]
    for name in ("recent", "counts"):
        old, new = (getattr(one.ledger_.accounts[key], name) for one in (mapper, other))
        np.testing.assert_array_equal(old, new)


def test_nothing_of_it_without_times_or_where_a_weighting_is_given():
    panel = planted(drifts=True, n_users=250)
    for mapper in (
        fitted(tb.Panel.from_frame(panel.to_frame().drop(columns="timestamp"))),
        fitted(panel, weighting=Weighting("binary")),
    ):
        assert mapper.weighting_.half_life is None
        assert not recent_routes(mapper)
        assert set(mapper.findings_["accuracy"]["segment"]) <= {"cold", "warm"}


def test_without_drift_a_fit_is_the_fit_without_times_bit_by_bit():
    panel = planted(drifts=False)
    dated, bare = fitted(panel), fitted(tb.Panel.from_frame(panel.to_frame().drop(columns="timestamp")))
    at_random = [name for name in dated.transfer_ if not name.endswith("_in_time")]
    pd.testing.assert_frame_equal(dated.transfer_[at_random], bare.transfer_)
    for one, other in zip(dated.model_.spaces.values(), bare.model_.spaces.values(), strict=True):
        np.testing.assert_array_equal(one, other)
    ids = panel.users.ids[:50]
    pd.testing.assert_frame_equal(dated.recommend(ids, n=10), bare.recommend(ids, n=10))
    at_random = ~dated.findings_["accuracy"]["segment"].str.endswith("in time")
    pd.testing.assert_frame_equal(
        dated.findings_["accuracy"][at_random].reset_index(drop=True), bare.findings_["accuracy"]
    )
    assert set(dated.findings_["accuracy"]["segment"]) > {"cold", "cold in time"}


def dated_of(panel):
    encoder = HistoryEncoder.of(panel, dated_weighting(panel))
    rows = encoder.rows(panel)
    return Dated(rows, first_rows(encoder, panel, rows))


def test_the_fold_in_time_is_the_split_of_entrants():
    panel = planted(drifts=True, n_users=200)
    dated = dated_of(panel)
    histories = HistoryEncoder.of(panel, Weighting("binary")).rows(panel)
    assert any((dated.first[name] != rows).nnz for name, rows in dated.rows.items())  # some pairs met again
    for rows in (dated.rows, histories):
        later = Later.of(rows, dated, "films", None, seed=0)
        split = tb.splits.entrants(panel, "films")
        for name, part in later.past.items():
            np.testing.assert_array_equal(part.indices, split.train[name].matrix.indices)
        cold = next(part for part in later.held if part.segment == "cold")
        known = later.past["films"].getnnz(axis=0) > 0
        truth = split.truth[known[panel["films"].items.numbers(split.truth["item_id"].to_numpy())]]
        assert set(panel.users.ids[cold.people]) == set(truth["user_id"])
        assert cold.hidden.nnz == len(truth)
    assert set(np.unique(later.past["films"].data)) == {1.0}


def test_warm_users_in_time_lose_one_later_row_each():
    panel = planted(drifts=True, n_users=400)
    dated = dated_of(panel)
    later = Later.of(dated.rows, dated, "films", None, seed=0)
    warm = next(part for part in later.held if part.segment == "warm")
    assert (np.diff(warm.hidden.indptr) == 1).all()
    assert (np.diff(later.past["films"].indptr)[warm.people] > 0).all()
    assert later.past["films"][warm.people].multiply(warm.hidden).nnz == 0


def test_chance_is_hardly_ever_taken_for_drift():
    found = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        frame = pd.DataFrame({"user_id": np.repeat(np.arange(90), 4)})
        frame["item_id"] = rng.choice(40, len(frame), p=(p := 1.0 / np.arange(1, 41)) / p.sum())
        frame = frame.drop_duplicates().assign(category="films")
        frame["timestamp"] = 1e9 + rng.integers(0, DAYS * DAY, len(frame))
        panel = tb.Panel.from_frame(frame)
        rows = HistoryEncoder.of(panel, dated_weighting(panel)).rows(panel)["films"]
        found += recent_weights(rows) is not None
    assert found <= 2


def test_no_drift_is_found_in_a_few_events():
    panel = planted(drifts=True, n_users=20)
    rows = HistoryEncoder.of(panel, dated_weighting(panel)).rows(panel)["films"]
    assert recent_weights(rows) is None


def test_recent_popularity_of_hardly_any_events_counts_for_as_little():
    """As on MovieLens 1M: most events are early, and those of the last years are of few users."""
    times = np.concatenate([np.repeat(np.arange(100.0), 10), np.linspace(101, 400, 12)])
    items = np.where(times < 100, times // 25, np.arange(len(times)) % 4).astype(int)
    users = np.arange(len(times))

    def weights(kept, span):
        values, cells = np.exp2((times[kept] - span) / span / SPANS), (users[kept], items[kept])
        return recent_weights(sparse.csr_matrix((values, cells), (len(times), 4), dtype=np.float32))

    assert weights(times < 100, 99).sum() > 0.9
    late = weights(times < 1000, 400)
    assert late is None or late.sum() < 0.1


def test_weights_carry_the_ages_they_had_at_the_moment():
    def rows_of(ages):
        return {"films": sparse.csr_matrix(np.exp2(-np.array(ages) / SPANS).astype(np.float32)[None, :])}

    ages = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.35, 0.3, 0.25, 0.0]
    rows = rows_of(ages)
    dated = Dated(rows, rows)
    assert dated.moment == rows["films"].data[8]  # four fifths of the events are older
    past = dated.before(rows)["films"]
    assert past.indices.tolist() == list(range(8))
    np.testing.assert_allclose(ages_of(past.data), np.array(ages[:8]) - 0.25, atol=1e-4)
    # the last pair met before the moment, too, and the eighth met twice before it
    again = Dated(rows, rows_of([*ages[:7], 0.85, 0.25, 0.45]))
    assert again.moment == np.float32(np.exp2(-0.35 / SPANS))
    past = again.before(rows)["films"]
    assert past.indices.tolist() == [0, 1, 2, 3, 4, 5, 7, 9]
    known = np.array([*ages[:6], 0.85, 0.45])  # of the eighth the age of its last event is after this moment
    np.testing.assert_allclose(ages_of(past.data), known - 0.35, atol=1e-4)


def test_several_targets_are_judged_in_time_by_shared_factors():
    panel = planted(drifts=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        both = tb.InterestMapper(["films", "books"], n_components=8, n_jobs=1).fit(panel)
    films = both.mappers_["films"]
    assert len(recent_routes(films)) == 3
    assert not recent_routes(both.mappers_["books"])  # books are popular all the time
    accuracy = films.findings_["accuracy"].set_index(["segment", "list"])["mean"]
    assert accuracy["cold in time", "tastebridge"] > 2 * accuracy["cold in time", "popularity"]


@pytest.mark.parametrize(
    ("n_later", "gain", "expected"),
    [(13, 0.15, False), (13, 0.0, True), (99, 0.15, False), (100, 0.15, True)],
)
def test_a_few_later_users_do_not_overrule_all_others(n_later, gain, expected):
    """Some later users lose by the blend, and so significantly that none of them gains."""
    lists = np.linspace(0.05, 0.15, n_later)
    in_time = InTime(np.arange(n_later), {MODEL: 0.0 * lists, POPULARITY: lists, RECENT: 0.5 * lists}, 0)
    assert in_time.worse
    values = {POPULARITY: np.full(500, 0.1), "served": np.full(500, 0.1 + gain)}
    evidence = Evidence(pd.DataFrame({"kept": [True]}), np.arange(500), values, POPULARITY)
    assert replaced(in_time, evidence) is expected
    better = in_time._replace(values={**in_time.values, MODEL: 2.0 * lists})
    assert not replaced(better, evidence)
