"""A batch reads histories by the policy of its model: repeated ratings are not added up."""

import pandas as pd
import pytest

import tastebridge as tb
from contracts.shell import run
from tastebridge.batch import audience_all, recommend_all

pytestmark = pytest.mark.filterwarnings("ignore::tastebridge.exceptions.TastebridgeWarning")


@pytest.fixture(scope="module")
def ratings(tmp_path_factory):
    """A mapper of ratings, and a table in which every third rating is given again, later."""
    path = tmp_path_factory.mktemp("ratings")
    rows = [
        (u, f"{c}{i}", c, 1.0 + (3 * u + i) % 5, 100 * u + i)
        for u in range(30)
        for i in range(4)
        for c in "ab"
    ]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "category", "weight", "timestamp"])
    frame = frame[(frame["user_id"] + frame["timestamp"]) % 4 > 0]
    again = frame[::3].assign(weight=1.0, timestamp=10_000)
    table = pd.concat([again, frame]).sample(frac=1, random_state=0)
    table.to_csv(path / "events.csv", index=False)
    mapper = tb.RatingMapper("a").fit(table)
    mapper.save(path / "model")
    return path, mapper, table


def test_a_batch_of_ratings_takes_the_last_one(ratings, tmp_path):
    path, mapper, table = ratings
    wanted = mapper.recommend_from(table, 4)
    recommend_all(mapper, path / "events.csv", tmp_path / "out.parquet", n=4, memory="8GB")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "out.parquet"), wanted, check_dtype=False)
    summed = mapper.recommend_from(tb.Panel.from_frame(table), 4)
    assert not summed["score"].equals(wanted["score"])  # the table tells the policies apart
    audience_all(mapper, path / "events.csv", ["a1"], tmp_path / "who.parquet", 9, memory="8GB")
    pd.testing.assert_frame_equal(
        pd.read_parquet(tmp_path / "who.parquet"), mapper.audience_from(table, "a1", 9), check_dtype=False
    )


def test_a_policy_that_is_given_counts(ratings, tmp_path):
    path, mapper, table = ratings
    policy = tb.CleaningPolicy(duplicates="max")
    recommend_all(mapper, path / "events.csv", tmp_path / "out.parquet", n=4, memory="8GB", policy=policy)
    wanted = mapper.recommend_from(tb.Panel.from_frame(table, policy=policy), 4)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "out.parquet"), wanted, check_dtype=False)


def test_the_command_line_takes_the_last_rating(ratings, tmp_path):
    path, mapper, table = ratings
    code, _, err = run(
        "recommend", path / "model", path / "events.csv", "-o", tmp_path / "out.parquet", "-n", 4
    )
    assert code == 0, err
    pd.testing.assert_frame_equal(
        pd.read_parquet(tmp_path / "out.parquet"), mapper.recommend_from(table, 4), check_dtype=False
    )
