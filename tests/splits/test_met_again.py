"""A pair that met before a moment and again after it was known: it is trained on, and not tested."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.shell import run
from tastebridge import Panel, read_panel
from tastebridge.data import CleaningPolicy
from tastebridge.exceptions import InvalidDataError
from tastebridge.splits import entrants, own_past, temporal

NAMES = ["user_id", "item_id", "category", "timestamp", "weight"]
ROWS = [
    ("ada", "dune", "books", 1, 1.0),
    ("ada", "alien", "films", 2, 2.0),  # known, and met again
    ("ada", "alien", "films", 9, 4.0),
    ("ada", "heat", "films", 8, 1.0),
    ("bob", "emma", "books", 3, 1.0),  # the book is met again, and known
    ("bob", "emma", "books", 8, 5.0),
    ("bob", "heat", "films", 7, 1.0),  # both after the moment
    ("bob", "heat", "films", 9, 1.0),
    ("eva", "emma", "books", 9, 1.0),  # nothing is known of her
    ("eva", "heat", "films", 9, 1.0),
]
MOMENT = 6.0


def panel_of(rows, policy=None):
    frame = pd.DataFrame(rows, columns=NAMES)
    return Panel.from_frame(frame, policy=policy or CleaningPolicy())


def pairs(frame):
    return set(zip(frame["user_id"], frame["item_id"], strict=True))


def test_a_user_who_was_there_before_is_no_entrant():
    split = entrants(panel_of(ROWS), "films", MOMENT)
    assert pairs(split.truth) == {("bob", "heat")}
    # known is what a panel of the earlier events holds, with their weights and times
    known = split.train.to_frame()
    expected = panel_of([row for row in ROWS if row[3] < MOMENT]).to_frame()
    columns = ["user_id", "item_id", "weight", "timestamp"]
    assert known[columns].to_numpy().tolist() == expected[columns].to_numpy().tolist()


def test_a_split_at_a_moment_does_not_hide_what_was_known():
    split = temporal(panel_of(ROWS), "films", MOMENT)
    assert pairs(split.truth) == {("ada", "heat"), ("bob", "heat"), ("eva", "heat")}
    assert ("ada", "alien") in pairs(split.train.to_frame())


def test_an_own_moment_does_not_hide_what_was_known():
    rows = [(*row[:2], "films", *row[3:]) for row in ROWS if row[0] == "ada"]
    split = own_past(panel_of(rows), "films", share=0.4)
    assert pairs(split.truth) == {("ada", "heat")}
    assert pairs(split.train.to_frame()) == {("ada", "dune"), ("ada", "alien")}


@pytest.mark.parametrize("duplicates", ["sum", "max", "last", "count"])
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["ada", "bob", "eva"]),
            st.sampled_from(["x", "y"]),
            st.sampled_from(["books", "films"]),
            st.integers(1, 6),
            st.sampled_from([1.0, 2.0, 4.0]),
        ),
        min_size=4,
        max_size=14,
    ),
    moment=st.integers(2, 6),
)
def test_entrants_are_those_of_a_loop_over_events(duplicates, rows, moment):
    rows = [(user, f"{category}:{item}", category, *rest) for user, item, category, *rest in rows]
    early = [row for row in rows if row[3] < moment]
    known = {(row[0], row[2]) for row in early}
    truth = {
        (user, item)
        for user, item, category, time, _ in rows
        if category == "films"
        and time >= moment
        and (user, "films") not in known
        and (user, "books") in known
    }
    policy = CleaningPolicy(duplicates=duplicates)
    if "films" not in {row[2] for row in rows}:
        return
    panel = panel_of(rows, policy)
    if not truth:
        with pytest.raises(InvalidDataError, match="entrants finds no user"):
            entrants(panel, "films", float(moment))
        return
    split = entrants(panel, "films", float(moment))
    assert pairs(split.truth) == truth
    # the pairs that are known are those of a panel of the earlier events
    train = split.train.to_frame()
    assert pairs(train) == {row[:2] for row in early}
    assert (train["timestamp"] < moment).all()
    # with one event before the moment, or at one time, the weight is that of these events too
    expected = panel_of(early, policy).to_frame().set_index(["user_id", "item_id"])["weight"]
    once = {pair for pair in expected.index if len({row[3] for row in early if row[:2] == pair}) == 1}
    found = train.set_index(["user_id", "item_id"])["weight"]
    for pair in once:
        assert found[pair] == expected[pair]


def test_the_first_events_follow_the_pairs_of_a_panel():
    panel = panel_of(ROWS)
    assert panel["films"].first.times.tolist() == [2.0, 8.0, 7.0, 9.0]
    assert panel["films"].first.weights.tolist() == [2.0, 1.0, 1.0, 1.0]
    chosen = panel[:2]["films"]
    assert chosen.first.times.tolist() == [2.0, 8.0, 7.0]
    assert chosen.keep(chosen.times > 8).first.times.tolist() == [2.0, 7.0]
    # a panel in which no pair met at two times keeps none
    assert panel_of([row for row in ROWS if row[3] < MOMENT])["films"].first is None


def test_the_command_line_hides_no_known_pair(tmp_path):
    rng = np.random.default_rng(0)
    rows = []
    for user in range(80):
        rows += [(user, f"b{item}", "books", 10 + int(rng.integers(50))) for item in rng.choice(20, 6, False)]
        # all are users of films from the first; 30 of them meet a film once more, much later
        film = f"f{rng.integers(12)}"
        rows.append((user, film, "films", 20))
        rows += [(user, film, "films", 95)] * (user < 30)
    for user in range(80, 120):
        rows += [(user, f"b{item}", "books", 10 + int(rng.integers(50))) for item in rng.choice(20, 6, False)]
        rows += [(user, f"f{item}", "films", 90) for item in rng.choice(12, 2, False)]
    frame = pd.DataFrame(rows, columns=NAMES[:4])
    frame.to_csv(tmp_path / "events.csv", index=False)
    found = entrants(read_panel(tmp_path / "events.csv"), "films", 85.0)
    assert found.user_ids.tolist() == list(range(80, 120))
    words = ("--split", "entrants", "--test-size", "0.12", "--write-split", tmp_path / "split")
    code, out, errors = run("evaluate", tmp_path / "events.csv", "-t", "films", *words)
    assert code == 0, errors
    assert "80 events of 40 users" in " ".join(out.split())
