"""Calls side by side give what they give one after the other."""

import threading
import time

import pytest

from tastebridge._threads import n_threads, together


@pytest.mark.parametrize("n_jobs", [None, -1, 1, 2, 7])
def test_results_come_in_the_order_of_the_calls(n_jobs):
    assert together([lambda k=k: k * k for k in range(5)], n_jobs) == [0, 1, 4, 9, 16]


def test_no_calls_give_no_results():
    assert together([], 2) == []


def test_two_calls_really_run_at_once():
    meeting = threading.Barrier(2, timeout=20)  # broken if one waits for the other to end
    assert sorted(together([meeting.wait, meeting.wait], 2)) == [0, 1]


def test_an_error_in_a_call_is_raised():
    def fail():
        raise KeyError("lost")

    with pytest.raises(KeyError, match="lost"):
        together([lambda: 1, fail], 2)


def test_after_an_error_nothing_new_is_begun():
    begun, both = [], threading.Barrier(2, timeout=20)

    def fail():
        both.wait()
        raise KeyError("lost")

    def work():
        both.wait()
        time.sleep(0.2)

    with pytest.raises(KeyError, match="lost"):
        together([fail, work, *[lambda: (begun.append(1), time.sleep(0.5))] * 9], 2)
    assert len(begun) <= 2


def test_one_job_means_this_thread():
    assert together([threading.get_ident] * 3, 1) == [threading.get_ident()] * 3
    assert n_threads(3) == 3
    assert n_threads(None) >= 1
