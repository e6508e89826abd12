"""Calls side by side give what they give one after the other."""

import threading
import time

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from tastebridge._numerics.threads import n_threads, one_blas_thread, together


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


def blas_threads():
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def test_one_blas_thread_lasts_until_the_last_is_out():
    entered, leave, found = threading.Event(), threading.Event(), []

    def stay():
        with one_blas_thread():
            entered.set()
            leave.wait(20)
            found.append(blas_threads())

    other = threading.Thread(target=stay)
    with threadpool_limits(2, "blas"):
        with one_blas_thread():
            other.start()
            entered.wait(20)
            with one_blas_thread():
                assert blas_threads() == {1}
        assert blas_threads() == {1}
        leave.set()
        other.join()
        assert found == [{1}]
        assert blas_threads() == {2}


def test_one_blas_thread_holds_though_another_thread_set_their_number():
    found = []

    def work():
        with one_blas_thread():
            found.append(blas_threads())
        found.append(blas_threads())

    with threadpool_limits(2, "blas"):
        other = threading.Thread(target=work)
        other.start()
        other.join()
        assert blas_threads() == {2}
    assert found == [{1}, {2}]


def test_one_blas_thread_ends_with_an_error():
    with threadpool_limits(2, "blas"):
        with pytest.raises(KeyError), one_blas_thread():
            raise KeyError
        assert blas_threads() == {2}
