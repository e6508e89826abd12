"""Finished recommendations are judged by one stated rule, whatever container they come in."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import tastebridge as tb
from tastebridge.datasets import make_panel
from tastebridge.evaluation import FinishedLists, evaluate, user_scores
from tastebridge.exceptions import InvalidDataError, InvalidParameterError, TastebridgeWarning
from tastebridge.metrics import average_popularity, intra_list_diversity, novelty, popularity_bias
from tastebridge.splits import cold_users

METRICS = [
    "ndcg@10",
    "hr@5",
    "coverage@10",
    "novelty@10",
    "diversity@5",
    "popularity@10",
    "popularity_bias@10",
]


@pytest.fixture(scope="module")
def split():
    panel, _ = make_panel(n_users=200, n_items=60, random_state=0)
    return cold_users(panel, "films", random_state=0)


@pytest.fixture(scope="module")
def model(split):
    return tb.Popularity("films").fit(split.train)


@pytest.fixture(scope="module")
def lists(model, split):
    return model.recommend(split.user_ids, n=10)


def judged(split, theirs, metrics=METRICS, **options):
    return evaluate({"theirs": theirs}, split, metrics, n_resamples=50, **options)


def figures(table: pd.DataFrame) -> pd.DataFrame:
    return table.drop(columns=["model", "fit_seconds", "score_seconds"])


def test_lists_of_a_model_get_the_figures_of_the_model(split, model, lists):
    own = evaluate({"theirs": model}, split, METRICS, n_resamples=50, fit=False)
    found = judged(split, lists)
    pd.testing.assert_frame_equal(figures(found), figures(own))
    assert found[["fit_seconds", "score_seconds"]].isna().all(axis=None)
    pd.testing.assert_frame_equal(user_scores(lists, split), user_scores(model, split))


@pytest.mark.parametrize("by", ["score", "rank", "both"])
@pytest.mark.parametrize("kind", ["pandas", "polars", "lazy", "arrow", "parquet", "csv"])
def test_any_container_and_any_order(split, lists, tmp_path, kind, by):
    frame = lists.drop(columns={"score": ["rank"], "rank": ["score"], "both": []}[by])
    frame = frame.sample(frac=1.0, random_state=0) if by != "score" else frame
    if kind == "parquet":
        frame.to_parquet(tmp_path / "lists.parquet")
    elif kind == "csv":
        frame.to_csv(tmp_path / "lists.csv", index=False)
    given = {
        "pandas": lambda: frame,
        "polars": lambda: pl.from_pandas(frame),
        "lazy": lambda: pl.from_pandas(frame).lazy(),
        "arrow": lambda: pa.Table.from_pandas(frame),
        "parquet": lambda: tmp_path / "lists.parquet",
        "csv": lambda: str(tmp_path / "lists.csv"),
    }[kind]()
    pd.testing.assert_frame_equal(figures(judged(split, given)), figures(judged(split, lists)))


def test_the_rule_for_each_finding(split, lists):
    user, other = split.user_ids[:2]
    known = split.train["films"].active[0]
    truth = split.truth[split.truth["user_id"] == user]["item_id"].iloc[0]
    book = split.train["books"].items.ids[0]
    rows = [
        (user, "no such item", 1),
        (user, book, 2),
        (user, truth, 3),
        (user, truth, 4),
        (user, None, 5),
        (known, truth, 1),
        (user, "another", np.nan),
    ]
    found = FinishedLists.of(pd.DataFrame(rows, columns=["user_id", "item_id", "rank"]), split)
    account = found.account.set_index("finding")
    assert found.lists["item_id"].tolist() == ["no such item", truth]
    assert account["rows"].to_dict() == {
        "rows without an id or a number": 2,
        "users without hidden rows": 1,
        "items of other categories": 1,
        "duplicates": 1,
        "unknown items": 1,
        "users without a row": 0,
    }
    assert account.loc["users without a row", "users"] == len(split.user_ids) - 1
    # the unknown item keeps its place: the hit stands at place 2
    with pytest.warns(TastebridgeWarning, match="unknown items: 1 rows of 1 users"):
        values = user_scores(found.lists, split, ["mrr@10", "hr@10"])
    assert values.loc[user, "mrr@10"] == 0.5
    assert values.loc[other].tolist() == [0.0, 0.0]


def test_items_already_had_are_left_out_and_the_list_closes_up():
    rows = [(u, f"f{i}", "films") for u in range(30) for i in range(u % 5, u % 5 + 4)]
    rows += [(u, f"b{i}", "books") for u in range(30) for i in range(3)]
    panel = tb.Panel.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id", "category"]))
    split = tb.splits.leave_last(panel, "films")
    user = split.user_ids[0]
    hidden = split.truth.set_index("user_id").loc[[user], "item_id"].tolist()
    items = split.train["films"]
    row = items.matrix[split.train.users.numbers([user])[0]]
    had = items.items.ids[row.indices].tolist()
    frame = pd.DataFrame({"user_id": user, "item_id": [*had, *hidden]})
    frame["rank"] = range(1, len(frame) + 1)
    found = FinishedLists.of(frame, split)
    assert found.lists["item_id"].tolist() == hidden
    assert found.account.set_index("finding").loc["items already had", "rows"] == len(had)


def test_paired_differences_are_over_the_same_users(split, model, lists):
    half = lists[lists["user_id"].isin(split.user_ids[::2])]
    with pytest.warns(TastebridgeWarning, match="users without a row"):
        table = evaluate({"ours": model, "theirs": half}, split, ["ndcg@10"], baseline="ours", fit=False)
    row = table.set_index("model").loc["theirs"]
    whole = user_scores(model, split, ["ndcg@10"])["ndcg@10"].to_numpy()
    expected = np.where(np.arange(len(whole)) % 2 == 0, 0.0, -whole).mean()
    assert row["difference"] == pytest.approx(expected)
    assert row["difference_low"] < expected < row["difference_high"]
    assert row["n_users"] == len(split.user_ids)


def test_metrics_beyond_accuracy_are_those_of_the_lists(split, lists):
    part = split.train["films"]
    counts = np.bincount(part.matrix.indices, minlength=len(part.items))
    numbers = part.items.numbers(lists["item_id"]).reshape(-1, 10)
    n_users = int((np.diff(part.matrix.indptr) > 0).sum())
    table = judged(split, lists).set_index("metric")
    assert table.loc["coverage@10", "mean"] == len(np.unique(numbers)) / len(part.items)
    assert table.loc["coverage@10", ["low", "high"]].isna().all()
    assert table.loc["novelty@10", "mean"] == pytest.approx(novelty(numbers, counts, n_users).mean())
    assert table.loc["popularity@10", "mean"] == pytest.approx(average_popularity(numbers, counts).mean())
    assert table.loc["popularity_bias@10", "mean"] == pytest.approx(popularity_bias(numbers, counts).mean())
    vectors = part.matrix.T.astype(bool).toarray().astype(float)
    expected = intra_list_diversity(numbers[:, :5], vectors).mean()
    assert table.loc["diversity@5", "mean"] == pytest.approx(expected)


def test_unknown_items_are_in_no_part_of_the_catalogue(split, lists):
    strange = lists.assign(item_id=[f"x{row}" for row in range(len(lists))])
    with pytest.warns(TastebridgeWarning, match="unknown items"):
        table = judged(split, strange).set_index("metric")
    assert table.loc[["ndcg@10", "coverage@10", "popularity@10"], "mean"].tolist() == [0.0, 0.0, 0.0]
    assert table.loc["diversity@5", "mean"] == 1.0
    assert np.isnan(table.loc["popularity_bias@10", "mean"])


def test_coverage_has_a_difference_without_an_interval(split, model, lists):
    one = lists.assign(item_id="films:00").drop_duplicates(["user_id", "item_id"])
    with pytest.warns(TastebridgeWarning, match="shorter than 10"):
        table = evaluate({"a": lists, "b": one}, split, ["coverage@10"], baseline="a")
    row = table.set_index("model").loc["b"]
    assert row["difference"] == pytest.approx(row["mean"] - table["mean"][0])
    assert np.isnan(row["difference_low"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda frame: frame.drop(columns=["score", "rank"]), "score or rank"),
        (lambda frame: frame.drop(columns="item_id"), "need the columns item_id"),
        (lambda frame: frame.assign(rank="first", score="best"), "must be a number"),
        (lambda frame: frame.assign(item_id=7), "of kind str"),
        (lambda frame: frame.assign(user_id=-1), "no recommendation is to a user"),
    ],
)
def test_tables_that_cannot_be_judged_say_why(split, lists, change, said):
    with pytest.raises(InvalidDataError, match=said):
        judged(split, change(lists))


def test_a_metric_of_all_lists_is_of_no_user(split, lists):
    with pytest.raises(InvalidParameterError, match="all lists"):
        user_scores(lists, split, ["coverage@10"])
    with pytest.raises(InvalidParameterError, match="coverage"):
        judged(split, lists, ["covrage@10"])


def test_a_system_with_recommend_alone_is_judged_as_it_is(split):
    """What a service returns by itself needs no ``fit``."""
    popular = tb.Popularity("films").fit(split.train)

    class Service:
        def recommend(self, user_ids, n=10):
            return popular.recommend(user_ids, n, twins="keep")

    with pytest.raises(InvalidParameterError, match=r"a Service has no method fit.*fit=False"):
        tb.evaluate({"service": Service()}, split)
    table = tb.evaluate({"service": Service(), "popular": popular}, split, fit=False)
    assert table["mean"].notna().all()
    means = table.pivot(index="metric", columns="model", values="mean")
    np.testing.assert_array_equal(means["service"], means["popular"])


def test_an_error_shows_ids_as_they_are_written(split, lists):
    first = split.user_ids.tolist()[0]
    with pytest.raises(InvalidDataError, match=f"has user_id {first}, for example"):
        judged(split, lists.assign(user_id=10**6))


def test_a_file_without_a_header_is_told_its_columns(split, lists, tmp_path):
    lists.to_csv(tmp_path / "lists.csv", index=False, header=False)
    with pytest.raises(InvalidDataError, match="such as user_id,item_id,rank"):
        judged(split, tmp_path / "lists.csv")


def test_the_sampled_protocol_points_to_the_one_that_judges_lists():
    panel, _ = make_panel(n_users=120, n_items=20)
    split = cold_users(panel, "films")
    lists = tb.Popularity("films").fit(split.train).recommend(split.user_ids, n=3)
    for table in (lists, lists.to_dict("list")):
        with pytest.raises(InvalidParameterError, match=r"finished lists with tastebridge\.evaluate"):
            tb.evaluate_sampled({"theirs": table}, split)


def test_an_error_names_the_system_whose_lists_cannot_be_judged(split, lists):
    with pytest.raises(
        InvalidDataError, match=r"recommendations of 'theirs': .* need a column score or rank"
    ):
        tb.evaluate({"ours": lists, "theirs": lists[["user_id", "item_id"]]}, split)
    with pytest.raises(InvalidDataError, match="recommendations of 'theirs': a table must be a path"):
        tb.evaluate({"ours": lists, "theirs": {"user_id": [1]}}, split)


def test_a_column_without_numbers_is_told_of_and_not_the_users(split, lists):
    with pytest.raises(InvalidDataError, match="no row has both ids and a finite number"):
        tb.evaluate({"theirs": lists.assign(score=np.nan)}, split)


def test_a_table_in_place_of_models_is_named_by_its_type(split, lists):
    with pytest.raises(InvalidParameterError, match=r"got a DataFrame\. Write") as error:
        tb.evaluate(lists, split)
    assert len(str(error.value).splitlines()) == 1
    with pytest.raises(InvalidParameterError, match="got an empty one"):
        tb.evaluate({}, split)
