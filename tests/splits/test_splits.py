"""Splits are honest: nothing held out is trained on, nothing is lost, and row order does not matter."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tastebridge.data import Panel
from tastebridge.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    NoLinkedUsersError,
    UnknownCategoryError,
)
from tastebridge.splits import (
    Split,
    cold_users,
    entrants,
    k_fold_users,
    leave_last,
    linked_users,
    own_past,
    temporal,
)

KEY = ["user_id", "item_id", "category"]


def events(seed=0, n_rows=400, times=True):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "user_id": rng.integers(0, 40, n_rows).astype(str),
            "item_id": rng.integers(0, 25, n_rows).astype(str),
            "category": rng.choice(["books", "films", "games"], n_rows),
            "weight": rng.integers(1, 6, n_rows),
        }
    ).drop_duplicates(KEY, ignore_index=True)
    frame["item_id"] = frame["category"].str[0] + frame["item_id"]
    return frame.assign(timestamp=rng.integers(10**9, 10**9 + 50, len(frame))) if times else frame


def rows_of(panel):
    return panel.to_frame().drop(columns="timestamp", errors="ignore").astype({"category": str})


SPLITS = {
    "cold": lambda panel: cold_users(panel, "films", 0.3, random_state=3),
    "cold, everyone": lambda panel: cold_users(panel, "films", 5, random_state=3, linked_only=False),
    "last": lambda panel: leave_last(panel, "films", n_last=2, random_state=3),
    "temporal": lambda panel: temporal(panel, "films", at=0.7),
    "own past": lambda panel: own_past(panel, "films", share=0.7),
    "entrants": lambda panel: entrants(panel, "films", 0.2),
}
IN_TIME = ("temporal", "own past", "entrants")


@pytest.mark.parametrize(
    ("name", "times"),
    [(name, times) for name in SPLITS for times in (True, False) if times or name not in IN_TIME],
)
def test_split_holds_out_honestly_and_loses_nothing(name, times):
    panel = Panel.from_frame(events(times=times))
    split = SPLITS[name](panel)
    assert len(split.truth)
    whole, train = (rows_of(p) for p in (panel, split.train))
    truth = split.truth.assign(category="films")
    assert train.merge(truth, on=KEY).empty
    together = pd.concat([train, truth])
    if name == "entrants":  # nor are later rows of users who are no entrants
        whole = whole.merge(together[KEY], on=KEY)
    if name in IN_TIME:  # later rows of other categories are in neither part, on purpose
        whole, together = (frame[frame["category"] == "films"] for frame in (whole, together))
    pd.testing.assert_frame_equal(
        *(f.sort_values(KEY, ignore_index=True) for f in (whole, together)), check_like=True
    )
    assert split.train.users == panel.users


@pytest.mark.parametrize("name", SPLITS)
def test_split_does_not_depend_on_the_order_of_rows(name):
    frame = events()
    once = SPLITS[name](Panel.from_frame(frame))
    again = SPLITS[name](Panel.from_frame(frame.sample(frac=1, random_state=1)))
    pd.testing.assert_frame_equal(once.truth, again.truth)
    pd.testing.assert_frame_equal(once.train.to_frame(), again.train.to_frame())


def test_cold_users_lose_all_their_target_rows_and_keep_others():
    panel = Panel.from_frame(events())
    split = cold_users(panel, "films", 7)
    hidden = panel.users.numbers(split.user_ids)
    assert len(hidden) == 7
    assert set(hidden) <= set(linked_users(panel, "films"))
    assert not split.train["films"].matrix[hidden].nnz
    assert len(np.intersect1d(hidden, linked_users(panel, "films"))) == 7
    assert cold_users(panel, "films", 7, random_state=1).user_ids.tolist() != split.user_ids.tolist()


def test_leave_last_takes_the_latest_rows_and_spares_short_histories():
    frame = events()
    split = leave_last(Panel.from_frame(frame), "films", n_last=2, min_left=3)
    films = frame[frame["category"] == "films"]
    for user, rows in films.groupby("user_id"):
        held_out = split.truth[split.truth["user_id"] == user].merge(rows, on=["user_id", "item_id"])
        assert len(held_out) == (2 if len(rows) >= 5 else 0)
        rest = rows[~rows["item_id"].isin(held_out["item_id"])]
        assert held_out.empty or held_out["timestamp"].min() >= rest["timestamp"].max()


def test_leave_last_without_times_is_random():
    panel = Panel.from_frame(events(times=False))
    truths = [leave_last(panel, "films", random_state=seed).truth for seed in (0, 1)]
    assert not truths[0].equals(truths[1])


@pytest.mark.parametrize(
    "at", [0.5, 10**9 + 25, "2001-09-09 01:47:05", pd.Timestamp(10**9 + 25, unit="s", tz="UTC")]
)
def test_temporal_trains_on_the_past_only_in_every_category(at):
    split = temporal(Panel.from_frame(events()), "films", at=at)
    latest = split.train.last_time
    held_out = events().merge(split.truth, on=["user_id", "item_id"])
    assert latest < held_out["timestamp"].min()
    if at != 0.5:
        assert latest < 10**9 + 25 <= held_out["timestamp"].min()


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 7), st.integers(7, 60), st.integers(0, 99))
def test_k_fold_users_deal_everyone_once_in_even_folds(n_folds, n_users, seed):
    rng = np.random.default_rng(seed)
    users, counts = rng.permutation(1000)[:n_users], rng.integers(1, 50, n_users)
    folds = k_fold_users(users, n_folds, seed, counts=counts)
    assert np.concatenate(folds).size == n_users
    assert set(np.concatenate(folds)) == set(users)
    sizes = [len(fold) for fold in folds]
    assert max(sizes) - min(sizes) <= 1
    order = rng.permutation(n_users)
    for one, other in zip(
        folds, k_fold_users(users[order], n_folds, seed, counts=counts[order]), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_k_fold_users_balances_the_lengths_of_histories():
    counts = np.random.default_rng(0).pareto(1.0, 400)
    folds = k_fold_users(np.arange(400), 4, counts=counts)
    medians = [np.median(counts[fold]) for fold in folds]
    assert max(medians) < 1.1 * min(medians)
    assert not np.array_equal(folds[0], k_fold_users(np.arange(400), 4, 1, counts=counts)[0])


def test_split_refuses_a_truth_that_is_trained_on():
    panel = Panel.from_frame(events())
    truth = panel.to_frame()[lambda frame: frame["category"] == "films"].reset_index(drop=True)
    with pytest.raises(InvalidDataError, match="1 of 1 held-out rows"):
        Split(panel, "films", truth[:1])
    with pytest.raises(InvalidDataError, match="'weight'"):
        Split(panel, "films", truth[["user_id", "item_id"]])
    with pytest.raises(InvalidDataError, match="rows"):
        Split(panel, "films", truth[:0])
    elsewhere = truth.assign(item_id="new")
    assert len(Split(panel, "films", elsewhere).truth) == len(truth)


def test_splits_refuse_what_cannot_be_done():
    panel = Panel.from_frame(events())
    alone = Panel.from_frame(events()[lambda frame: frame["category"] == "films"])
    with pytest.raises(NoLinkedUsersError, match="another category"):
        cold_users(alone, "films")
    with pytest.raises(UnknownCategoryError, match="Did you mean 'films'"):
        cold_users(panel, "film")
    for size in (0, 1.0, 1.5, 10**6, True, "all"):
        with pytest.raises(InvalidParameterError, match="test_size"):
            cold_users(panel, "films", size)
    with pytest.raises(InvalidDataError, match="the most any user has"):
        leave_last(panel, "films", n_last=1000)
    with pytest.raises(InvalidDataError, match="needs times"):
        temporal(Panel.from_frame(events(times=False)), "films")
    for at in ("1999-01-01", "2030-01-01"):
        with pytest.raises(InvalidDataError, match="no row"):
            temporal(panel, "films", at)
    with pytest.raises(InvalidDataError, match="Lower n_folds"):
        k_fold_users([1, 2], 3)
    with pytest.raises(InvalidDataError, match="each once"):
        k_fold_users([1, 1, 2], 2)


def test_own_past_trains_on_the_earlier_part_of_every_persons_events():
    panel = Panel.from_frame(events())
    split = own_past(panel, "films", share=0.6)
    whole, train = panel.to_frame(), split.train.to_frame()
    truth = split.truth.merge(whole[whole["category"] == "films"], on=["user_id", "item_id"])
    moment = truth.groupby("user_id")["timestamp"].min()
    latest = train.groupby("user_id")["timestamp"].max()
    assert (latest[moment.index] < moment).all()
    kept = train.groupby("user_id").size() / whole.groupby("user_id").size()
    assert kept.min() > 0
    assert abs(kept.mean() - 0.6) < 0.1
    with pytest.raises(InvalidDataError, match="needs times"):
        own_past(Panel.from_frame(events(times=False)), "films")
    rows = pd.DataFrame(
        {"user_id": ["a", "b"], "item_id": ["x", "x"], "category": "films", "timestamp": [1, 2]}
    )
    with pytest.raises(InvalidDataError, match="finds no user"):
        own_past(Panel.from_frame(rows), "films")


@given(st.integers(0, 30), st.sampled_from([None, 0.3, 0.6, 10.0**9 + 20]))
@settings(max_examples=60, deadline=None)
def test_entrants_are_the_rows_that_pandas_finds(seed, moment):
    frame = events(seed, n_rows=60)
    panel = Panel.from_frame(frame)
    times = np.sort(frame["timestamp"].to_numpy())
    share = 0.8 if moment is None else moment
    when = times[int(share * len(times))] if share < 1 else share
    early = frame["timestamp"] < when
    here = set(frame["user_id"][early & (frame["category"] == "films")])
    elsewhere = set(frame["user_id"][early & (frame["category"] != "films")])
    tested = ~early & (frame["category"] == "films") & frame["user_id"].isin(elsewhere - here)
    if not tested.any():
        with pytest.raises(InvalidDataError, match="entrants finds no user"):
            entrants(panel, "films", moment)
        return
    split = entrants(panel, "films", moment)
    expected = frame[tested].sort_values(["user_id", "item_id"])
    assert split.truth[["user_id", "item_id"]].to_numpy().tolist() == (
        expected[["user_id", "item_id"]].to_numpy().tolist()
    )
    pd.testing.assert_frame_equal(
        rows_of(split.train).sort_values(KEY, ignore_index=True),
        frame[early].drop(columns="timestamp").sort_values(KEY, ignore_index=True),
        check_dtype=False,
    )
    assert split.train.users == panel.users


def test_entrants_need_times_and_take_a_moment_in_words():
    with pytest.raises(InvalidDataError, match="entrants needs the time of every row"):
        entrants(Panel.from_frame(events(times=False)), "films")
    panel = Panel.from_frame(events(n_rows=60))
    stamp = pd.Timestamp(10**9 + 15, unit="s")
    one, other = entrants(panel, "films", stamp), entrants(panel, "films", float(10**9 + 15))
    pd.testing.assert_frame_equal(one.truth, other.truth)
    with pytest.raises(UnknownCategoryError):
        entrants(panel, "film")


@pytest.mark.parametrize("moment", ["junk", pd.NaT, float("nan"), float("inf"), True, [1]])
def test_what_is_no_moment_is_refused_by_the_name_of_the_parameter(moment):
    panel = Panel.from_frame(events())
    with pytest.raises(InvalidParameterError, match=r"^moment must be"):
        entrants(panel, "films", moment)
    with pytest.raises(InvalidParameterError, match=r"^at must be"):
        temporal(panel, "films", moment)


def test_a_share_of_any_width_of_float_is_a_share():
    panel = Panel.from_frame(events())
    one, other = (temporal(panel, "films", at) for at in (np.float32(0.5), 0.5))
    pd.testing.assert_frame_equal(one.truth, other.truth)


def test_a_truth_of_another_library_is_refused_by_name():
    rows = [(user, item, name) for user in "abc" for item, name in (("x", "films"), ("y", "books"))]
    panel = Panel.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id", "category"]))
    truth = {"user_id": ["a"], "item_id": ["z"], "weight": [1.0]}
    with pytest.raises(InvalidParameterError, match="truth must be a DataFrame; got dict"):
        Split(panel, "films", truth)


@pytest.mark.parametrize("moment", [1.6e12, -1e15, "2300-01-01"])
def test_a_moment_that_no_calendar_of_nanoseconds_knows_is_one_error(moment):
    rows = [("a", "x", "films", 3), ("a", "y", "books", 1), ("b", "x", "films", 2)]
    panel = Panel.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id", "category", "timestamp"]))
    for split in (temporal, entrants):
        with pytest.raises(InvalidDataError, match="Choose"):
            split(panel, "films", moment)


@pytest.mark.parametrize(
    ("users", "said"),
    [
        (["ada", "bob", "cy"], "got <U3"),
        ([0.5, 1.5, 2.5], "got float64"),
        ([[0, 1], [2, 3]], r"got int64 of shape \(2, 2\)"),
        ("films", "got an? str"),
        (Panel.from_frame(events()), "got a Panel"),
    ],
)
def test_k_fold_users_takes_numbers_of_users_alone(users, said):
    with pytest.raises(InvalidDataError, match=f"takes a list of numbers of users; {said}"):
        k_fold_users(users, 2)


@pytest.mark.parametrize("counts", [[1, 2], ["a", "b", "c"], [1, 2, np.nan], 5])
def test_k_fold_users_takes_one_length_for_each_user(counts):
    with pytest.raises(InvalidParameterError, match="counts must be one finite number for each of 3 users"):
        k_fold_users([1, 2, 3], 2, counts=counts)
