import numpy as np
import pandas as pd
import pytest

from tastebridge.data import CleaningPolicy, Panel, read_panel
from tastebridge.data.rating_columns import rating_notes

STARS = np.array([1.0, 4.0, 5.0, 2.0])


@pytest.mark.parametrize("name", ["rating", "Stars", "review_overall", "user rating", "my_score"])
def test_small_numbers_under_the_name_of_a_rating_are_noted(name):
    (note,) = rating_notes(name, STARS)
    assert f"{name!r} look like ratings from 1 to 5" in note


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("weight", STARS),
        ("plays", STARS),
        ("rating", STARS * 100),
        ("rating", STARS / 3),
        ("rating", np.ones(4)),
        ("rating", np.array(["good", "bad"])),
        ("rating", np.full(4, np.nan)),
        (None, STARS),
    ],
)
def test_other_columns_are_not(name, values):
    assert rating_notes(name, values) == ()


def test_a_panel_says_how_ratings_are_read_unless_they_are_declared(tmp_path):
    frame = pd.DataFrame(
        {"user_id": list("abcd"), "item_id": list("wxyz"), "category": "films", "stars": STARS}
    )
    frame.to_csv(tmp_path / "stars.csv", index=False)
    for panel in (Panel.from_frame(frame), read_panel(tmp_path / "stars.csv"), read_panel(frame)):
        assert sum("look like ratings" in note for note in panel.cleaning.notes) == 1
    ratings = CleaningPolicy(duplicates="last")
    for panel in (
        Panel.from_frame(frame, policy=ratings),
        read_panel(tmp_path / "stars.csv", policy=ratings),
    ):
        assert not any("look like ratings" in note for note in panel.cleaning.notes)
