"""Partitions are cut by their events, and by their bytes where the ids are long."""

import pytest

from tastebridge.batch.memory import partition_bytes
from tastebridge.batch.spreading import EVENTS, events_in_partition


@pytest.mark.parametrize("width", [60, 150, 4000, 1 << 30])
def test_a_partition_holds_the_usual_events_or_fewer_if_they_are_long(width):
    usual = events_in_partition(None, width)
    assert 1 <= usual <= EVENTS
    room = 80 << 20
    assert usual == 1 or partition_bytes(usual, 0, width, 0) <= room
    assert usual == EVENTS or partition_bytes(usual + 1, 0, width, 0) > room


def test_events_of_the_usual_length_are_not_cut_smaller_and_a_wish_is_the_most():
    assert events_in_partition(None, 60) == EVENTS
    assert events_in_partition(500, 60) == 500
    assert events_in_partition(10**9, 4000) < EVENTS
