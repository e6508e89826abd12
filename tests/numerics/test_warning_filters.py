"""Threads that change the filters of warnings leave those of their caller as they were."""

import sys
import threading
import warnings

import pytest

from tastebridge._numerics.threads import together

pytestmark = pytest.mark.skipif(
    getattr(sys.flags, "context_aware_warnings", False), reason="threads have filters of their own"
)


@pytest.fixture(autouse=True)
def own_filters():
    with warnings.catch_warnings():
        yield


def overlapping(change):
    """Return two calls: the first restores the filters while the second has changed them."""
    first_in, second_in, first_out = threading.Event(), threading.Event(), threading.Event()

    def first():
        with warnings.catch_warnings():
            change()
            first_in.set()
            assert second_in.wait(20)
        first_out.set()

    def second():
        assert first_in.wait(20)
        with warnings.catch_warnings():
            second_in.set()
            assert first_out.wait(20)

    return [first, second]


@pytest.mark.parametrize("change", [lambda: warnings.simplefilter("ignore"), warnings.resetwarnings])
def test_a_filter_that_one_thread_leaves_behind_ends_with_the_threads(change):
    before, listed = warnings.filters, list(warnings.filters)
    together(overlapping(change), 2)
    assert warnings.filters is before
    assert list(before) == listed
    with pytest.warns(UserWarning, match="seen"):
        warnings.warn("seen", stacklevel=1)


def test_an_error_in_a_thread_restores_the_filters_too():
    before = warnings.filters

    def fail():
        warnings.simplefilter("ignore")
        raise KeyError("lost")

    with pytest.raises(KeyError, match="lost"):
        together([fail, lambda: 1], 2)
    assert warnings.filters is before


def test_of_two_callers_at_once_neither_keeps_filters_of_the_threads_of_the_other():
    listed = list(warnings.filters)
    inside, done = threading.Event(), threading.Event()

    def ignores():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            inside.set()
            assert done.wait(20)

    def waits():
        done.set()
        other.join(0.2)  # the threads of the other caller end first

    other = threading.Thread(target=together, args=([ignores, lambda: None], 2))
    other.start()
    assert inside.wait(20)
    together([waits, lambda: None], 2)
    other.join()
    assert list(warnings.filters) == listed


def test_a_context_of_the_caller_that_ends_meanwhile_is_no_reason_to_restore_its_filters():
    outer = warnings.filters
    running, ended = threading.Event(), threading.Event()

    def waits():
        running.set()
        assert ended.wait(20)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = threading.Thread(target=together, args=([waits, lambda: None], 2))
        other.start()
        assert running.wait(20)
    ended.set()
    other.join()
    assert warnings.filters is outer


def test_a_context_of_the_caller_that_begins_meanwhile_restores_filters_of_before():
    listed = list(warnings.filters)
    running, ended = threading.Event(), threading.Event()

    def ignores():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            running.set()
            assert ended.wait(20)

    other = threading.Thread(target=together, args=([ignores, lambda: None], 2))
    other.start()
    assert running.wait(20)
    with warnings.catch_warnings():
        ended.set()
        other.join()
    assert list(warnings.filters) == listed


def test_a_filter_set_by_the_caller_in_between_stays():
    together([lambda: None] * 2, 2)
    warnings.simplefilter("ignore", ResourceWarning)
    listed = list(warnings.filters)
    together([lambda: None] * 2, 2)
    assert list(warnings.filters) == listed
