"""The data of the goldens: small tables in ``data/``, so that no change of ``make_panel`` can move them.

Tastes have many directions and much noise: where everything can be told from everything, weights grow without
end, and so do differences between processors.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from surface import find

DATA = Path(__file__).parent / "data"
_PLACES = ("sea", "city")
_QUERIES = 10
"""People kept out of the fit, whose histories the models are asked with."""


def table(name: str) -> pd.DataFrame:
    """Return a table of the test data."""
    return pd.read_parquet(DATA / f"{name}.parquet")


def panel(name: str) -> Any:
    """Return the panel to fit on: events, and the features or names of items where there are any."""
    names = DATA / f"{name}_names.parquet"
    found = find("Panel").from_frame(
        table(name), item_names=pd.read_parquet(names) if names.exists() else None
    )
    if (DATA / f"{name}_items.parquet").exists():
        for category, kinds in find("table_features")(item_tables(table(f"{name}_items"))).items():
            for kind, features in kinds.items():
                found = found.with_item_features(category, features, name=kind)
    return found


def item_tables(items: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the table of items of each category."""
    return {
        str(category): rows.drop(columns="category").reset_index(drop=True)
        for category, rows in items.groupby("category", sort=True)
    }


def make_data() -> None:
    """Write all tables anew. Every golden changes with them, so it is done on purpose only."""
    DATA.mkdir(exist_ok=True)
    make_panel = find("make_panel")
    usual = {"relatedness": 0.6, "popularity": 0.6, "n_components": 16, "overlap": 0.8, "random_state": 2}
    two, _ = make_panel(260, 30, events_per_user=8, timestamps=True, **usual)
    events = two.to_frame()
    events["weight"] = _ratings(events)
    _write_events("two", events)

    names = ("books", "films", "games")
    usual = {**usual, "relatedness": 0.95, "n_components": 8}
    three, _ = make_panel(220, 18, names, events_per_user=5, timestamps=True, **usual)
    events = three.to_frame()
    events["weight"] = _ratings(events)
    events["user_id"] = "user-" + events["user_id"].astype(str).str.zfill(3)
    _write_events("three", events)
    items = events["item_id"].drop_duplicates().sort_values()
    called = pd.DataFrame({"item_id": items, "name": "The " + items.str.replace(":", " no. ")})
    _write("three_names", called[called["item_id"].str[-1] != "7"])

    _make_described()
    _make_shared()


def _make_described() -> None:
    """Write people and items described by tags, words and a year, some of which nobody took."""
    usual = {"relatedness": 0.9, "popularity": 0.6, "n_components": 10, "overlap": 0.7, "random_state": 3}
    made, truth = find("make_panel")(260, 26, events_per_user=7, **usual)
    tables = []
    for category in made.categories:
        ids = made[category].items.ids
        taste = truth.item_factors[category] @ truth.rotations[category].T
        spread = np.round(taste / taste.std(), 3)
        tables.append(
            pd.DataFrame(
                {
                    "item_id": ids,
                    "category": category,
                    "tags": ["|".join(_words(row[:6], ("fast", "slow"))) for row in spread],
                    "text": [
                        "a story of " + " and ".join(_words(row[5:], ("sea", "city"))) for row in spread
                    ],
                    "year": 2000.0 + np.round(10 * spread[:, 0]),
                }
            )
        )
    items = pd.concat(tables, ignore_index=True)
    rare = [f"films:{number:02d}" for number in (4, 11)]
    events = made.to_frame()
    _write_events("described", events[~events["item_id"].isin(rare)].drop(columns="weight"))
    later = items["item_id"].isin([rare[1]])
    _write("described_items", items[~later])
    _write("described_later", items[later])


def _ratings(events: pd.DataFrame) -> pd.Series:
    """Return ratings of 1 to 5 that items, people and chance have a part in."""
    users, items = events["user_id"].astype(int), events["item_id"].str[-2:].astype(int)
    return (1 + (users * 3 % 4 + items * 5 % 7 + users * items % 3) // 2).clip(upper=5).astype("float32")


def _words(row: np.ndarray, ends: tuple[str, str]) -> list[str]:
    """Return a word for each direction an item leans to, and one for those that lean nowhere."""
    leaning = [f"{ends[int(value < 0)]}{place}" for place, value in enumerate(row) if abs(value) > 0.4]
    return leaning or [f"plain{len(ends)}"]


def _make_shared() -> None:
    """Write two categories that share items and no people, such as a shop in two countries."""
    usual = {"popularity": 0.6, "n_components": 10, "random_state": 5}
    made, _ = find("make_panel")(280, 25, ("all",), events_per_user=9, **usual)
    events = made.to_frame().drop(columns="weight")
    events["item_id"] = events["item_id"].str.replace("all:", "thing-")
    events["category"] = np.where(events["user_id"] % 2 == 0, "here", "there")
    only = {"here": "thing-24", "there": "thing-00"}
    _write_events("shared", events[events["item_id"] != events["category"].map(only)])


def _write_events(name: str, events: pd.DataFrame) -> None:
    """Write events; those of some people, drawn evenly, are what the models are asked with."""
    people = np.sort(events["user_id"].unique())
    asking = set(people[np.linspace(1, len(people) - 2, _QUERIES).astype(int)].tolist())
    asked = events["user_id"].isin(asking)
    _write(name, events[~asked])
    _write(f"{name}_queries", events[asked])


def _write(name: str, rows: pd.DataFrame) -> None:
    rows.reset_index(drop=True).to_parquet(DATA / f"{name}.parquet", index=False)
