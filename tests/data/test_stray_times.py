"""Events far from all others in time: found, and said where ages are learned."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tastebridge as tb
from tastebridge.data.stray_times import stray_rows
from tastebridge.exceptions import DataWarning

DAY = 86_400.0


def by_hand(times):
    """Return the rows before and after, by trying every cut of the sorted times again and again."""
    times, most = sorted(times), len(times) // 100
    before, after = 0, 0
    while True:
        left = times[before : len(times) - after]
        least = (left[-1] - left[0]) / 3
        low = [k for k in range(1, most - before + 1) if least and left[k] - left[k - 1] >= least]
        high = [k for k in range(1, most - after + 1) if least and left[-k] - left[-k - 1] >= least]
        if not low and not high:
            return before, after
        before, after = before + max(low, default=0), after + max(high, default=0)


@given(
    st.lists(st.integers(0, 50), min_size=100, max_size=400),
    st.lists(st.integers(-20_000, 20_000), max_size=6),
)
def test_rows_apart_are_those_that_trying_every_cut_finds(usual, odd):
    times = np.array([*usual, *odd], dtype=np.float64)
    assert stray_rows(times) == by_hand(times.tolist())


def events(times):
    rng, n = np.random.default_rng(0), len(times)
    frame = pd.DataFrame({"user_id": rng.integers(80, size=n), "category": rng.choice(["films", "books"], n)})
    frame["item_id"] = frame["category"] + rng.integers(30, size=n).astype(str)
    return frame.assign(timestamp=times)


@pytest.mark.filterwarnings("ignore:no source helps")
@pytest.mark.parametrize("recency", [None, "auto"])
def test_a_fit_says_which_events_lie_apart(recency):
    times = 1.5e9 + np.arange(800) * DAY
    times[[3, 4]] = 4.1e9, 4.2e9
    frame = events(times)
    with pytest.warns(
        DataWarning, match=r"2 of .* events lie apart in time: 2 from 2099-12-03 to 2103-02-04, and"
    ):
        tb.InterestMapper("films", n_components=4, n_folds=1, n_jobs=1, recency=recency).fit(frame)


def test_a_request_with_one_old_event_is_usual_and_no_warning():
    times = 1.5e9 + np.arange(800) * DAY
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mapper = tb.InterestMapper("films", n_components=4, n_folds=1, n_jobs=1).fit(events(times))
    request = events(np.append(np.full(300, times[-1]), times[0]))
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataWarning)
        mapper.recommend_from(request, 3)
