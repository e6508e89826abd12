import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import tastebridge as tb
from tastebridge.data import CleaningPolicy
from tastebridge.datasets import make_panel
from tastebridge.exceptions import InvalidDataError, InvalidParameterError
from tastebridge.factors import ALSFactors, SVDFactors
from tastebridge.routes import NeighbourRoute, TransferRoute
from tastebridge.spark import account, recommend

PANEL, _ = make_panel(n_users=400, n_items=90, events_per_user=8, timestamps=True)
FRAME = PANEL.to_frame().assign(category=lambda frame: frame["category"].astype(str))
LAST = CleaningPolicy(duplicates="last")
ROUTES = [
    TransferRoute(SVDFactors(30), SVDFactors(20)),
    TransferRoute(ALSFactors(16), ALSFactors(16)),
    NeighbourRoute(50),
]


@pytest.fixture(scope="module")
def model():
    weighting = tb.Weighting("bm25", half_life=90)
    mapper = tb.InterestMapper("films", routes=ROUTES, n_folds=1, weighting=weighting)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tb.exceptions.TastebridgeWarning)
        return mapper.fit(PANEL)


@pytest.fixture(scope="module")
def popular():
    return tb.Popularity("films").fit(PANEL)


def collected(answer):
    return answer.toArrow().to_pandas().sort_values(["user_id", "rank"], ignore_index=True)


def locally(model, frame, *given, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tb.exceptions.TastebridgeWarning)
        return model.recommend_from(frame, *given, **options)


@pytest.mark.parametrize("scale", [1, 1000, None], ids=["seconds", "milliseconds", "timestamps"])
def test_spark_says_what_recommend_from_says_bit_by_bit(model, spark_frame, scale):
    times = FRAME["timestamp"]
    times = pd.to_datetime(times, unit="s") if scale is None else (times * scale).astype("int64")
    frame = FRAME.assign(timestamp=times)
    found = collected(recommend(model, spark_frame(frame), 6))
    pd.testing.assert_frame_equal(found, locally(model, frame, 6), check_exact=True)


@pytest.mark.parametrize("form", ["days", "dates in text", "seconds like dates"])
def test_times_are_read_by_all_rows_as_in_a_local_frame(model, spark_frame, form):
    days = np.arange(len(FRAME)) % 400
    times = {
        "days": days,
        "dates in text": np.where(days % 40 > 12, "20/3/2019", "1/2/2019"),
        "seconds like dates": np.where(days > 5, 20_150_731, 20_150_799),
    }[form]
    frame, columns = FRAME.drop(columns="timestamp").assign(DAY=times), {"timestamp": "DAY"}
    found = collected(recommend(model, spark_frame(frame), 6, columns=columns))
    wanted = locally(model, tb.Panel.from_frame(frame, columns=columns), 6)
    pd.testing.assert_frame_equal(found, wanted, check_exact=True)


def test_a_saved_model_serves_spark_as_it_serves_locally(model, spark_frame, tmp_path):
    model.save(tmp_path / "model")
    found = collected(recommend(tmp_path / "model", spark_frame(FRAME), 3))
    pd.testing.assert_frame_equal(
        found, tb.load(tmp_path / "model").recommend_from(FRAME, 3), check_exact=True
    )


def test_people_by_number_and_columns_by_other_names(popular, spark_frame):
    numbers = FRAME["user_id"].rank(method="dense").astype("int32")
    frame = FRAME.assign(user_id=numbers).rename(columns={"user_id": "who`s it", "item_id": "sku.id"})
    columns = {"user_id": "who`s it", "item_id": "sku.id"}
    found = collected(recommend(popular, spark_frame(frame), 4, columns=columns))
    expected = popular.recommend_from(tb.Panel.from_frame(frame, columns=columns), 4)
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


def test_lists_that_allow_and_deny(popular, spark_frame):
    rng, items = np.random.default_rng(0), PANEL["films"].items.ids
    rows = pd.DataFrame({"user_id": rng.choice(PANEL.users.ids, 900), "item_id": rng.choice(items, 900)})
    found = collected(recommend(popular, spark_frame(FRAME), 4, allow=items[:30], deny=rows))
    expected = locally(popular, FRAME, 4, allow=items[:30], deny=rows, missing="skip")
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


def test_bad_rows_are_left_out_and_counted(model, popular, spark_frame):
    rows = {
        "user_id": [1, 1, 2, 2, 3, None],
        "item_id": ["books:03", "nowhere", "films:04", "films:04", None, "films:01"],
        "category": ["books", "books", "films", "films", "films", "films"],
        "weight": [1.0, 1.0, 1.0, 2.0, 1.0, 1.0],
    }
    frame = spark_frame(pa.table(rows))
    told = account(popular, frame)
    assert (told.events, told.people, told.served) == (6, 2, 0)
    assert told.cleaning == {"missing ids": 2, "duplicates": 1}
    assert told.unknown == {}
    assert account(popular, frame, policy=CleaningPolicy(duplicates="max")).cleaning == told.cleaning
    with_times = frame.withColumn("timestamp", frame["weight"])
    assert account(model, with_times).unknown == {"books": 1}
    assert set(collected(recommend(popular, frame))["user_id"]) == {1, 2}


def test_what_is_refused_is_an_error_when_the_answer_is_asked_for(popular, spark_frame):
    frame = spark_frame(pa.table({"user_id": [1], "item_id": ["nowhere"], "category": ["films"]}))
    answer = recommend(popular, frame, missing="error")
    with pytest.raises(Exception, match="UnknownIdError"):
        answer.collect()


def test_what_cannot_be_answered_is_refused_at_once(popular, spark_frame):
    with pytest.raises(InvalidDataError, match="Spark data frame of events; got DataFrame"):
        recommend(popular, FRAME)
    with pytest.raises(InvalidDataError, match="no column for category"):
        recommend(popular, spark_frame(FRAME.drop(columns="category")))
    with pytest.raises(InvalidParameterError, match="timestamp column"):
        recommend(popular, spark_frame(FRAME.drop(columns="timestamp")), policy=LAST)
    with pytest.raises(InvalidParameterError, match="n must be a whole number"):
        recommend(popular, spark_frame(FRAME), 0)


def test_a_frame_without_rows_gives_none(popular, spark_frame):
    assert recommend(popular, spark_frame(FRAME).limit(0)).count() == 0
    assert account(popular, spark_frame(FRAME).limit(0)).events == 0
