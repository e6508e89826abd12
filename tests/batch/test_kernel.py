import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import tastebridge as tb
from tastebridge.batch import RecommendationKernel, nest
from tastebridge.batch.schema import unnest
from tastebridge.data import CleaningPolicy
from tastebridge.datasets import make_panel
from tastebridge.exceptions import InvalidDataError, InvalidParameterError, UnknownIdError
from tastebridge.factors import ALSFactors, SVDFactors
from tastebridge.routes import NeighbourRoute, TargetRoute, TransferRoute

PANEL, _ = make_panel(n_users=400, n_items=90, events_per_user=8, timestamps=True)
FRAME = PANEL.to_frame().assign(category=lambda frame: frame["category"].astype(str))
ROUTES = [
    TransferRoute(SVDFactors(60), SVDFactors(50)),
    TransferRoute(ALSFactors(16), ALSFactors(16)),
    NeighbourRoute(50),
    TargetRoute(SVDFactors(12)),
]
MODELS = [
    tb.InterestMapper("films", routes=ROUTES, n_folds=1),
    tb.InterestMapper("films", routes=ROUTES, n_folds=1, weighting=tb.Weighting("bm25", half_life=90)),
    tb.ItemNeighbours("films"),
]


@pytest.fixture(scope="module", params=MODELS, ids=["mapper", "decayed", "neighbours"])
def model(request):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tb.exceptions.TastebridgeWarning)
        return request.param.fit(PANEL)


@pytest.fixture(scope="module")
def popular():
    return tb.Popularity("films").fit(PANEL)


def in_batches(kernel, frame, n_batches):
    """What a kernel says of a frame when people come in several batches, in an order of their own."""
    users = np.random.default_rng(0).permutation(frame["user_id"].dropna().unique())
    parts = [frame[frame["user_id"].isin(some)] for some in np.array_split(users, n_batches)]
    batches = [nest(pa.Table.from_pandas(part, preserve_index=False)) for part in parts]
    answers = [batch.to_pandas() for batch in kernel.map(batches)]
    return pd.concat(answers).sort_values(["user_id", "rank"], ignore_index=True)


@pytest.mark.bits
@pytest.mark.parametrize("n_batches", [1, 7])
def test_the_kernel_says_what_recommend_from_says_bit_by_bit(model, n_batches):
    shuffled = FRAME.sample(frac=1, random_state=1)
    expected = model.recommend_from(shuffled, 6)
    found = in_batches(RecommendationKernel(model, 6, chunk=17), shuffled, n_batches)
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


def test_filters_are_those_of_recommend_from(popular):
    some = PANEL["films"].items.ids[:30]
    rng = np.random.default_rng(0)
    rows = {"user_id": rng.choice(PANEL.users.ids, 900), "item_id": rng.choice(PANEL["films"].items.ids, 900)}
    for to_frame in (pd.DataFrame, pl.DataFrame, pa.table):
        for filters in (
            {"allow": some, "deny": to_frame(rows)},
            {"allow": to_frame(rows), "deny": ["nowhere"]},
        ):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                expected = popular.recommend_from(FRAME, 4, **filters)
            found = in_batches(RecommendationKernel(popular, 4, **filters), FRAME, 5)
            pd.testing.assert_frame_equal(found, expected, check_exact=True)


def test_bad_rows_are_counted_and_a_person_without_a_good_one_is_nobody(popular):
    rows = [
        (1, "books:03", "books", 1.0),
        (1, "books:03", "books", 2.0),
        (2, "books:03", "books", np.nan),
        (3, None, "books", 1.0),
        (None, "books:03", "books", 1.0),
        (4, "unheard", "films", 1.0),
        (4, "x", "games", 1.0),
    ]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "category", "weight"])
    answer, account = RecommendationKernel(popular, 2)(nest(pa.Table.from_pandas(frame)))
    assert answer["user_id"].to_pylist() == [1, 1, 4, 4]
    assert (account.events, account.people, account.served, account.short, account.rows) == (7, 2, 2, 0, 4)
    assert account.cleaning == {"missing ids": 2, "NaN weights": 1, "duplicates": 1}
    assert account.unknown == {"films": 1}
    with pytest.raises(UnknownIdError, match="missing='skip'"):
        RecommendationKernel(popular, 2, missing="error")(nest(pa.Table.from_pandas(frame)))
    strict = RecommendationKernel(popular, 2, policy=CleaningPolicy(nan_weights="error"))
    with pytest.raises(InvalidDataError, match="NaN weights"):
        strict(nest(pa.Table.from_pandas(frame)))
    nothing, account = RecommendationKernel(popular, 2)(nest(pa.Table.from_pandas(frame[2:4])))
    assert (len(nothing), account.people, account.events) == (0, 0, 2)
    assert nothing.schema == answer.schema


def test_nesting_loses_nothing():
    table = pa.Table.from_pandas(FRAME.sample(frac=1, random_state=2), preserve_index=False)
    nested = nest(table)
    assert nested["user_id"].to_pylist() == sorted(FRAME["user_id"].unique())
    order = ["user_id", "category", "item_id"]
    back = unnest(nested).to_pandas().astype({"user_id": int}).sort_values(order, ignore_index=True)
    pd.testing.assert_frame_equal(back[FRAME.columns], FRAME.sort_values(order, ignore_index=True))
    sliced = pa.RecordBatch.from_arrays(
        [column.slice(5, 7) for column in nested.columns], nested.schema.names
    )
    assert set(unnest(sliced)["user_id"].to_pylist()) == set(nested["user_id"].to_pylist()[5:12])


def test_a_batch_that_is_not_of_histories_is_refused(popular):
    kernel = RecommendationKernel(popular, 2)
    with pytest.raises(InvalidDataError, match="user_id and events"):
        kernel(pa.record_batch({"user_id": [1], "item_id": ["a"]}))
    with pytest.raises(InvalidDataError, match="user_id and events"):
        kernel(pa.record_batch({"user_id": [1], "events": [[1, 2]]}))
    one = nest(pa.table({"user_id": [1], "item_id": ["books:03"], "category": ["books"]}))
    twice = pa.Table.from_batches([one, one]).combine_chunks().to_batches()[0]
    with pytest.raises(InvalidDataError, match="each user once; 1 has several"):
        kernel(twice)
    with pytest.raises(InvalidParameterError, match="min_item_events=1"):
        RecommendationKernel(popular, policy=CleaningPolicy(min_item_events=2))
