"""Warnings of models that are compared and thrown away are muted in the thread that fits them alone."""

import threading

import pytest

from tastebridge._foundation.warnings import muted, warn
from tastebridge._numerics.threads import together
from tastebridge.exceptions import TastebridgeWarning


def test_a_muted_block_warns_again_after_an_error():
    with pytest.raises(KeyError), muted():
        {}["lost"]
    with pytest.warns(TastebridgeWarning, match="seen"):
        warn("seen")


def test_blocks_of_two_threads_that_overlap_leave_none_muted():
    inside, left = threading.Event(), threading.Event()

    def first():
        with muted():
            inside.set()
            assert left.wait(20)

    other = threading.Thread(target=first)
    other.start()
    assert inside.wait(20)
    with pytest.warns(TastebridgeWarning, match="in another thread"):
        warn("in another thread")
    with muted():
        left.set()
        other.join()
    with pytest.warns(TastebridgeWarning, match="seen"):
        warn("seen")


def test_threads_of_a_muted_block_are_muted():
    with muted():
        assert together([lambda: warn("lost")] * 3, 2) == [None] * 3
