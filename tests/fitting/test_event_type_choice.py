"""Types of event get weights from their rarity, where that is significantly better out of fold."""

import numpy as np
import pandas as pd
import pytest

from contracts.shell import run
from tastebridge.exceptions import InvalidDataError
from tastebridge.fitting.event_type_choice import candidate_worths, choose_event_weights, event_counts


def shop(telling: bool = True, n_users: int = 250, seed: int = 0) -> pd.DataFrame:
    """Users whose purchases follow taste, if telling, among views by chance."""
    rng, rows = np.random.default_rng(seed), []
    for user in range(n_users):
        own = rng.integers(5)
        for category in ("books", "films"):
            for _ in range(rng.integers(8, 18)):
                bought = rng.random() < 0.2
                liked = bought if telling else rng.random() < 0.3
                group = own if liked else rng.integers(5)
                row = user, f"{category}{group}-{rng.integers(10)}", category
                rows.append((*row, "buy" if bought else "view"))
    return pd.DataFrame(rows, columns=["user_id", "item_id", "category", "event"])


def test_purchases_that_tell_taste_weigh_more(tmp_path):
    frame = shop()
    weights, table = choose_event_weights(frame, "films")
    assert weights == {"view": 1.0, "buy": 5.0}
    assert table.loc[table["chosen"], "events"].item() == "rarity"
    assert table["chosen"].sum() == 1
    frame.to_csv(tmp_path / "events.csv", index=False)
    again, other = choose_event_weights(tmp_path / "events.csv", "films")
    assert again == weights
    pd.testing.assert_frame_equal(other, table)


def test_purchases_that_tell_nothing_do_not():
    weights, table = choose_event_weights(shop(telling=False), "films")
    assert weights == {"view": 1.0, "buy": 1.0}
    assert table["events"][0] == "alike"


def test_candidates_by_hand():
    counts = {"view": 10_000, "cart": 900, "buy": 100, "gift": 1}
    found = candidate_worths(counts)
    assert found["alike"] == dict.fromkeys(counts, 1.0)
    assert found["root"] == {"view": 1.0, "cart": 5.0, "buy": 10.0, "gift": 100.0}
    assert found["rarity"] == {"view": 1.0, "cart": 10.0, "buy": 100.0, "gift": 100.0}
    # equal candidates come once
    assert list(candidate_worths({"view": 10, "buy": 9})) == ["alike"]


def test_counts_and_their_errors():
    frame = shop(n_users=60)
    assert event_counts(frame) == frame["event"].value_counts().to_dict()
    assert list(event_counts(frame)) == ["view", "buy"]
    with pytest.raises(InvalidDataError, match="no column of types"):
        event_counts(frame.drop(columns="event"))
    many = frame.assign(event=np.arange(len(frame)) % 30)
    with pytest.raises(InvalidDataError, match="30 types"):
        choose_event_weights(many, "films")


def test_a_shell_chooses_at_the_fit_and_shows_the_numbers(tmp_path):
    shop().to_csv(tmp_path / "events.csv", index=False)
    words = ("--event-weight", "auto")
    code, text, _ = run("fit", tmp_path / "events.csv", "-t", "films", "-o", tmp_path / "model", *words)
    flat = " ".join(text.split())
    assert code == 0
    assert "Types of event: view=1, buy=5." in flat
    assert "--event-weight view=1 --event-weight buy=5" in flat
    code, _, err = run("evaluate", tmp_path / "events.csv", "-t", "films", *words)
    assert code != 0
    assert "is for `fit`" in " ".join(err.split())
