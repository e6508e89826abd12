"""The lift of each source for users who came later: planted sources, one of taste and one of noise."""

import warnings

import numpy as np
import pandas as pd
import pytest

import tastebridge as tb
from tastebridge.fitting.sources_in_time import LIFTS, VERDICT, told
from tastebridge.metrics.intervals import Interval
from tastebridge.model.evidence import TOGETHER

DAY = 86_400


def planted(sources: dict[str, float], season: float, n_users: int = 700) -> tb.Panel:
    """Return users of four themes who enter films last; each source shows the theme by its weight.

    With a season, films have their time too.
    """
    rng, rows = np.random.default_rng(3), []
    for user in range(n_users):
        theme, start = rng.integers(4), rng.uniform(0, 360)
        for name, weight in sources.items():
            item = np.arange(40)
            share = np.exp(weight * (item % 4 == theme))
            items = rng.choice(40, 4, p=share / share.sum())
            days = start + rng.uniform(0, 20, 4)
            rows += [(user, f"{name}{item}", name, day) for item, day in zip(items, days, strict=True)]
        for day in start + 20 + rng.uniform(0, 10, 3):
            film = np.arange(60)
            share = np.exp(2.5 * (film % 4 == theme) - season * ((film * 6.5 - day) / 40) ** 2)
            rows.append((user, f"f{rng.choice(60, p=share / share.sum())}", "films", day))
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "category", "timestamp"])
    frame["timestamp"] = 1e9 + np.floor(frame["timestamp"] * DAY)
    return tb.Panel.from_frame(frame.drop_duplicates(["user_id", "item_id"]))


def fitted(panel: tb.Panel) -> tb.InterestMapper:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return tb.InterestMapper("films", n_components=8, n_jobs=1, random_state=0).fit(panel)


@pytest.mark.parametrize("season", [0.0, 0.5])
def test_a_source_of_taste_helps_later_users_and_one_of_noise_does_not(season):
    mapper = fitted(planted({"books": 3.0, "toys": 0.0}, season))
    table = mapper.transfer_.set_index("source")
    assert table.loc["books", VERDICT] == "helps"
    assert table.loc["books", "lift_low_in_time"] > 0
    assert table.loc[TOGETHER, VERDICT] == "helps"
    assert table.loc["toys", VERDICT] != "helps"


def test_the_lift_of_the_only_source_is_that_of_the_lists_served():
    mapper = fitted(planted({"books": 3.0}, season=0.0))
    [row] = mapper.transfer_.to_dict("records")
    accuracy = mapper.findings_["accuracy"]
    rows = accuracy[accuracy["segment"] == "cold in time"].set_index("list")["mean"]
    # the blend without sources can be the best list without them, so this is a bound
    assert 0 < row["lift_in_time"] <= rows["tastebridge"] - rows.drop("tastebridge").max() + 1e-12
    assert row["lift_in_time"] > 0.5 * (rows["tastebridge"] - rows.drop("tastebridge").max())


def test_without_times_there_is_no_such_column():
    panel = planted({"books": 3.0}, season=0.0, n_users=200)
    frame = panel.to_frame().drop(columns="timestamp")
    assert not set(LIFTS) & set(fitted(tb.Panel.from_frame(frame)).transfer_.columns)


def test_it_is_saved_and_told_on_card_and_report(tmp_path):
    mapper = fitted(planted({"books": 3.0, "toys": 0.0}, season=0.0))
    mapper.save(tmp_path / "model")
    again = tb.load(tmp_path / "model")
    pd.testing.assert_frame_equal(again.transfer_, mapper.transfer_)
    assert "users who came later (95 %)" in (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    mapper.report(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "lift for users who came later" in page
    assert "books, later" in page


def test_a_source_may_have_the_name_of_the_last_row():
    lifts = {TOGETHER: Interval(0.1, 0.05, 0.15), None: Interval(-0.1, -0.15, -0.05)}
    table = told(pd.DataFrame({"source": [TOGETHER, "toys", TOGETHER]}), lifts)
    assert table[VERDICT].tolist() == ["helps", "no evidence", "hurts"]
    assert table[LIFTS[0]].isna().tolist() == [False, True, False]
    one = told(pd.DataFrame({"source": [TOGETHER]}), lifts)
    assert one[VERDICT].tolist() == ["helps"]
