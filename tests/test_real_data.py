"""The modelling half on real people: clothing to sports, for people whose sports rows are all held out."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import tastebridge as tb
from tastebridge.factors import SVDFactors
from tastebridge.routes import NeighbourRoute, TargetRoute, TransferRoute

FOLDER = os.environ.get("TASTEBRIDGE_DATA", "")
FILE = Path(FOLDER) / "amazon_cloth_sport_cold.parquet"
pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(
        not FOLDER or not FILE.exists(),
        reason="set TASTEBRIDGE_DATA to the folder that holds amazon_cloth_sport_cold.parquet",
    ),
]
ROUTES = [
    TransferRoute(SVDFactors(64), SVDFactors(64, filter="power")),
    NeighbourRoute(),
    TargetRoute(SVDFactors(32)),
]


@pytest.fixture(scope="module")
def cloth_to_sport():
    rows = pd.read_parquet(FILE)[["user_id", "item_id", "category", "split"]]
    train, held = rows[rows["split"] == "train"], rows[rows["split"] != "train"]
    panel = tb.Panel.from_frame(train.drop(columns="split"))
    mapper = tb.InterestMapper("sport", routes=ROUTES, n_folds=1).fit(panel)
    return panel, held[held["category"] == "sport"].drop(columns="split"), mapper


def test_the_mapper_beats_every_baseline_on_cold_people(cloth_to_sport):
    panel, held, mapper = cloth_to_sport
    baselines = [tb.Popularity("sport"), tb.ItemNeighbours("sport"), tb.JointALS("sport")]
    scores = [model.fit(panel).score(held) for model in baselines]
    assert mapper.score(held) > max(scores)
    assert scores[1] > scores[0]


def test_what_transfer_says_is_what_held_out_people_show(cloth_to_sport):
    panel, held, mapper = cloth_to_sport
    row = mapper.transfer_.iloc[0]
    assert row["verdict"] == "helps"
    assert row["canonical_correlation"] > 0.4  # of factors without twins; with them it was above 0.5
    lift = mapper.score(held) - tb.Popularity("sport").fit(panel).score(held)
    assert row["lift_low"] - 0.03 < lift < row["lift_high"] + 0.03


def test_explanations_sum_to_the_scores(cloth_to_sport):
    _, held, mapper = cloth_to_sport
    pairs = mapper.recommend(held["user_id"].unique()[:20], n=3)
    sums = [mapper.explain(*pair)["contribution"].sum() for pair in pairs[["user_id", "item_id"]].to_numpy()]
    np.testing.assert_allclose(sums, pairs["score"], rtol=1e-4)


def test_interests_are_calibrated(cloth_to_sport):
    _, _, mapper = cloth_to_sport
    for part in mapper.interests_.values():
        predicted, observed, _ = part["reliability"].T
        assert np.abs(predicted - observed).max() < 0.05


def test_an_audience_finds_held_out_takers_better_than_activity(cloth_to_sport):
    panel, held, mapper = cloth_to_sport
    popular = held["item_id"].value_counts()
    items = [item for item in popular.index[:200] if item in mapper.item_vectors().ids]
    people = np.intersect1d(held["user_id"].unique(), panel.users.ids)
    found = mapper.audience(items, len(people), user_ids=people)
    found = found.merge(held[["user_id", "item_id"]].assign(taken=True), how="left")
    found["taken"] = found["taken"].eq(True)
    found["activity"] = found["user_id"].map(panel.to_frame().groupby("user_id").size())

    def auc(column):
        place = found.groupby("item_id")[column].rank(pct=True)
        return place[found["taken"]].mean()

    assert auc("score") > auc("activity") + 0.05 > 0.55
