"""Runs of events on the disk: whole, or refused before anything reads them."""

import random

import numpy as np
import pyarrow as pa
import pytest

from tastebridge.batch.runs import Run, write_run
from tastebridge.exceptions import OutputError


@pytest.fixture
def run(tmp_path):
    rows = pa.table({"user_id": [3, 1, 2, 9], "item_id": ["a", "b", None, "a\x00"]})
    parts = [rows.slice(0, 3), rows.slice(3, 0), rows.slice(3, 1)]
    with (tmp_path / "run.arrow").open("wb") as file:
        write_run(file, iter(parts), np.array([3, 0, 1]), (10, 14))
    return tmp_path / "run.arrow", parts


def test_a_run_comes_back_as_it_was(run):
    path, parts = run
    found = Run.open(path, 10, 14)
    assert found.events.tolist() == [3, 0, 1]
    assert found.users.tolist() == [3, 0, 1]
    assert found.nbytes == sum(part.nbytes for part in parts)
    assert [found.partition(number).equals(part) for number, part in enumerate(parts)] == [True] * 3


def test_the_run_of_other_rows_is_refused(run):
    with pytest.raises(OutputError, match=r"is damaged\. Start again with restart=True"):
        Run.open(run[0], 0, 4)


def read(path):
    found = Run.open(path, 10, 14)
    return [found.partition(number) for number in range(3)]


def test_every_flipped_bit_and_every_cut_is_refused(run):
    path, _ = run
    text, rng = path.read_bytes(), random.Random(0)
    for place in range(len(text)):
        flipped = bytearray(text)
        flipped[place] ^= 1 << rng.randrange(8)
        path.write_bytes(flipped)
        with pytest.raises(OutputError, match="is damaged"):
            read(path)
    for size in range(0, len(text), 7):
        path.write_bytes(text[:size])
        with pytest.raises(OutputError, match="is damaged"):
            read(path)
    path.unlink()
    with pytest.raises(OutputError, match="is damaged"):
        read(path)
