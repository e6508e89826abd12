import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator
from sklearn.model_selection import GridSearchCV, KFold, cross_validate

from tastebridge.data import CleaningPolicy, Panel
from tastebridge.data.pipeline import clean
from tastebridge.exceptions import (
    InvalidDataError,
    TastebridgeWarning,
    UnknownCategoryError,
    UnknownIdError,
)

COLUMNS = ["user_id", "item_id", "category", "weight", "timestamp"]


def frame_of(rows):
    return pd.DataFrame(rows, columns=COLUMNS[: len(rows[0])])


def assert_same(one, other):
    assert one.users == other.users
    assert one.categories == other.categories
    for name in one.categories:
        assert one[name].items == other[name].items
        for part in ("data", "indices", "indptr"):
            np.testing.assert_array_equal(getattr(one[name].matrix, part), getattr(other[name].matrix, part))
        if one.has_times or other.has_times:
            np.testing.assert_array_equal(one[name].times, other[name].times)


@pytest.fixture
def frame():
    return frame_of(
        [
            ("eva", 3, "films", 2.0, 30.0),
            ("ada", 1, "books", 1.0, 10.0),
            ("ada", 3, "films", 5.0, 20.0),
            ("ada", 2, "books", 4.0, 40.0),
            ("bob", 1, "books", 3.0, 50.0),
        ]
    )


@pytest.fixture
def panel(frame):
    return Panel.from_frame(frame)


ROWS = st.lists(
    st.tuples(
        st.sampled_from([None, "", "a", "b", "c"]),
        st.sampled_from([None, 1, 2, 3]),
        st.sampled_from(["x", "y", None]),
        st.sampled_from([0.1, 0.7, 1e8, 3.0, 0.0, -1.0, float("nan"), float("inf")]),
        st.sampled_from([1.0, 2.0, None]),
    ),
    min_size=1,
    max_size=25,
)
POLICIES = st.builds(
    CleaningPolicy,
    duplicates=st.sampled_from(["sum", "max", "count", "last"]),
    max_events_per_user=st.none() | st.integers(1, 8),
    min_user_events=st.integers(1, 2),
    min_item_events=st.integers(1, 2),
)


def quiet_panel(rows, policy):
    """Return the panel, or None where nothing is left to make one of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TastebridgeWarning)
        try:
            return Panel.from_frame(frame_of(rows), policy=policy)
        except InvalidDataError:
            return None


@given(ROWS, POLICIES)
@settings(max_examples=80, deadline=None)
def test_cleaning_accounts_for_every_row(rows, policy):
    panel = quiet_panel(rows, policy)
    if panel is None:
        return
    report = panel.cleaning
    assert report.rows_in == len(rows)
    assert report.rows_out == sum(panel[name].matrix.nnz for name in panel.categories)
    assert report.rows_in - report.dropped - report.merged == report.rows_out
    for name in panel.categories:
        matrix = panel[name].matrix
        assert (matrix.data > 0).all() or policy.settled(None).ratings
        assert np.isfinite(matrix.data).all()
        assert matrix.copy().nnz == matrix.nnz == matrix.tocoo().tocsr().nnz
        per_user, per_item = np.diff(matrix.indptr), np.bincount(matrix.indices)
        assert per_user[per_user > 0].min() >= policy.min_user_events
        assert per_item.min() >= policy.min_item_events


@given(ROWS, POLICIES, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_panel_does_not_depend_on_row_order(rows, policy, random):
    if policy.duplicates == "last":  # equally late rows are told apart by their order, as documented
        rows = [(*row[:4], float(time)) for time, row in enumerate(rows)]
    shuffled = random.sample(rows, len(rows))
    one, other = quiet_panel(rows, policy), quiet_panel(shuffled, policy)
    assert (one is None) == (other is None)
    if one is not None and other is not None:
        assert_same(one, other)
        assert one.cleaning == other.cleaning


@given(ROWS)
@settings(max_examples=40, deadline=None)
def test_panel_round_trips_through_a_frame(rows):
    panel = quiet_panel(rows, CleaningPolicy())
    if panel is not None:
        assert_same(panel, Panel.from_frame(panel.to_frame()))


@pytest.mark.parametrize(
    "convert",
    [
        lambda frame: frame.astype({"user_id": object}),
        lambda frame: frame.astype({"user_id": "category", "category": "category"}),
        lambda frame: frame.astype({"item_id": "float64", "weight": "float32"}),
        lambda frame: frame.set_index("weight", drop=False),
        lambda frame: pd.concat([frame, pd.Series(range(5), name=0)], axis=1),
        lambda frame: frame.assign(split="train", extra=[[1]] * len(frame)),
        lambda frame: frame.assign(timestamp=pd.to_datetime(frame["timestamp"], unit="s")),
        lambda frame: frame.assign(timestamp=pd.to_datetime(frame["timestamp"], unit="s", utc=True)),
        lambda frame: pl.from_pandas(frame),
        lambda frame: pl.from_pandas(frame).lazy(),
        lambda frame: pl.from_pandas(frame).with_columns(pl.col("category").cast(pl.Categorical)),
        lambda frame: pa.Table.from_pandas(frame),
        lambda frame: pa.concat_tables([pa.Table.from_pandas(frame[:2]), pa.Table.from_pandas(frame[2:])]),
    ],
)
def test_any_frame_gives_the_same_panel(frame, panel, convert):
    assert_same(panel, Panel.from_frame(convert(frame)))


def test_panel_holds_what_the_frame_says(panel):
    assert panel.categories == ("books", "films")
    assert panel.users.ids.tolist() == ["ada", "bob", "eva"]
    assert panel["books"].items.ids.tolist() == [1, 2]
    assert panel["books"].matrix.toarray().tolist() == [[1, 4], [3, 0], [0, 0]]
    assert panel["books"].matrix.dtype == np.float32
    assert panel["books"].times.tolist() == [10, 40, 50]
    assert panel["films"].active_numbers.tolist() == [0, 2]
    assert panel.linked("books", "films").tolist() == [0]
    assert panel.has_times
    assert panel.last_time == 50
    assert panel.shape == (3, 2)
    assert repr(panel["books"]) == "<Interactions 'books': 2 of 3 users, 2 items, 3 pairs>"


def test_overview_counts(panel):
    table = panel.overview()
    assert table.columns.tolist() == [
        "people", "items", "interactions", "density", "median", "with books", "with films",
    ]  # fmt: skip
    assert table.loc["books"].tolist() == [2, 2, 3, 0.75, 1.5, 2, 1]
    assert panel.overlap().to_numpy().tolist() == [[2, 1], [1, 2]]


@pytest.mark.parametrize(
    ("duplicates", "weight"), [("sum", 6.0), ("max", 3.0), ("last", 2.0), ("count", 3.0)]
)
def test_duplicates_are_merged_as_asked(duplicates, weight):
    rows = [("a", 1, "x", 3.0, 10), ("a", 1, "x", 2.0, 30), ("a", 1, "x", 1.0, 20)]
    panel = Panel.from_frame(frame_of(rows), policy=CleaningPolicy(duplicates=duplicates))
    assert panel["x"].matrix.data.tolist() == [weight]
    assert panel["x"].times.tolist() == [30]
    assert panel.cleaning.merged == 2


def test_last_without_times_is_the_last_row():
    rows = [("a", 1, "x", 3.0), ("b", 1, "x", 9.0), ("a", 1, "x", 2.0)]
    panel = Panel.from_frame(frame_of(rows), policy=CleaningPolicy(duplicates="last"))
    assert panel["x"].matrix.data.tolist() == [2, 9]


def test_duplicates_can_be_errors():
    rows = [("a", 1, "x"), ("a", 1, "x"), ("a", 1, "y")]
    with pytest.raises(
        InvalidDataError, match="1 rows repeat a user and an item, such as the row at place 1"
    ):
        Panel.from_frame(frame_of(rows), policy=CleaningPolicy(duplicates="error"))


def test_bots_are_left_out_whole():
    rows = [("bot", item, "x") for item in range(5)] + [("a", 1, "x")]
    panel = Panel.from_frame(frame_of(rows), policy=CleaningPolicy(max_events_per_user=4))
    assert panel.users.ids.tolist() == ["a"]
    assert panel.cleaning.steps == (("busy users", 5, "users with more than 4 rows"),)


def test_minimum_counts_are_iterated_to_a_fixed_point():
    rows = [("a", 1, "x"), ("a", 2, "x"), ("b", 1, "x"), ("b", 2, "x"), ("c", 2, "x"), ("c", 3, "x")]
    policy = CleaningPolicy(min_user_events=2, min_item_events=2)
    panel = Panel.from_frame(frame_of(rows), policy=policy)
    assert panel.users.ids.tolist() == ["a", "b"]
    assert [step[:2] for step in panel.cleaning.steps] == [("rare users", 1), ("rare items", 1)]


@pytest.mark.parametrize(
    ("row", "step", "name"),
    [
        ((None, 1, "x", 1.0, 1.0), "missing ids", "missing_ids"),
        (("a", 1, "x", 1.0, None), "missing times", "missing_times"),
        (("a", 1, "x", np.nan, 1.0), "NaN weights", "nan_weights"),
        (("a", 1, "x", np.inf, 1.0), "infinite weights", "infinite_weights"),
        (("a", 1, "x", -1.0, 1.0), "negative weights", "negative_weights"),
        (("a", 1, "x", 0.0, 1.0), "zero weights", "zero_weights"),
    ],
)
def test_bad_rows_are_told_or_refused(row, step, name):
    frame = frame_of([("b", 2, "x", 1.0, 1.0), row])
    with pytest.warns(TastebridgeWarning, match=f"of 2 rows .* left out: 1 with {step}"):
        panel = Panel.from_frame(frame)
    assert [one.step for one in panel.cleaning.steps] == [step]
    with pytest.raises(InvalidDataError, match=f"1 rows have {step} .*{name}='drop'"):
        Panel.from_frame(frame, policy=CleaningPolicy(**{name: "error"}))


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({"user_id": [1]}, "a pyarrow table or an Arrow stream; got dict"),
        (None, "got NoneType"),
        (pd.DataFrame(columns=COLUMNS), "the frame has no rows"),
        (pl.DataFrame(schema=COLUMNS), "the frame has no rows"),
        (frame_of([(1, 1, "x", np.nan), (2, 1, "x", None)]), "every weight is missing or NaN"),
        (frame_of([(1, 1, "x", 1.0, None)]), "every timestamp is missing"),
        (frame_of([(1, 1, "x", "much")]), "weight must be a column of numbers"),
        (frame_of([(1, 1, "x", 1.0, "soon")]), "timestamp must hold dates, numbers or ISO 8601 text"),
        (frame_of([(1, 1, "x"), ("1", 1, "x")]), r"user_id .* mixes int \(first in row 0\) and str"),
        (frame_of([(1, 1, "x"), (1, "1", "y")]), r"item_id must hold one type"),
        (frame_of([(True, 1, "x")]), "user_id must hold ids of type int or str; it holds bool"),
        (frame_of([(1, 1.5, "x")]), "item_id .* row 0 is not a whole number"),
        (frame_of([(1, 1, "x", -1.0)]), "no row is left after cleaning. 1 rows in, 0 out"),
        (frame_of([(1, 1, "x", 3e38), (1, 1, "x", 3e38)]), "exceed the range of single precision"),
        (pd.DataFrame([[1, 2, 3]], columns=["user_id", "user_id", "item_id"]), "the frame cannot be read"),
    ],
)  # fmt: skip
def test_frames_that_make_no_panel_are_refused(frame, message):
    with pytest.raises(InvalidDataError, match=message):
        Panel.from_frame(frame)


def test_one_row_is_a_panel():
    panel = Panel.from_frame(frame_of([(7, "dune", 3)]))
    assert panel.categories == ("3",)
    assert panel.overview().loc["3", "density"] == 1
    assert panel.last_time is None


def test_ids_upcast_to_float_are_ints_again():
    with pytest.warns(TastebridgeWarning, match="missing ids"):
        panel = Panel.from_frame(frame_of([(7.0, 1, "x"), (None, 1, "x")]))
    assert panel.users.ids.tolist() == [7]


@pytest.mark.parametrize("scale", [1, 1e3, 1e6, 1e9])
def test_numeric_times_are_recognised_by_magnitude(scale):
    panel = Panel.from_frame(frame_of([(1, 1, "x", 1.0, int(1_260_759_144 * scale))]))
    assert panel["x"].times.tolist() == [1_260_759_144]


def test_times_are_read_from_text_and_zones():
    texts = Panel.from_frame(frame_of([(1, 1, "x", 1.0, "1970-01-01T01:00:00")]))
    zoned = pd.Timestamp("1970-01-01 02:00", tz="Europe/Berlin")
    assert texts["x"].times.tolist() == [3600]
    assert Panel.from_frame(frame_of([(1, 1, "x", 1.0, zoned)]))["x"].times.tolist() == [3600]


def test_event_types_become_weights():
    frame = frame_of([(1, 1, "x"), (1, 2, "x"), (1, 3, "x")]).assign(event=["view", "buy", "view"])
    panel = Panel.from_frame(frame, event_weights={"view": 1, "buy": 5})
    assert panel["x"].matrix.data.tolist() == [1, 5, 1]
    assert Panel.from_frame(frame)["x"].matrix.data.tolist() == [1, 1, 1]
    weighted = Panel.from_frame(frame.assign(weight=[2, 2, 2]), event_weights={"view": 1, "buy": 5})
    assert weighted["x"].matrix.data.tolist() == [2, 10, 2]
    with pytest.raises(InvalidDataError, match=r"no weight for 'buy'; .*Did you mean 'buys'"):
        Panel.from_frame(frame, event_weights={"view": 1, "buys": 5})
    with pytest.raises(InvalidDataError, match="needs a column of event types"):
        Panel.from_frame(frame.drop(columns="event"), event_weights={"view": 1})
    with pytest.raises(ValueError, match=r"event_weights\['view'\] must be a finite number"):
        Panel.from_frame(frame, event_weights={"view": -1, "buy": 5})


def test_people_are_chosen_by_numbers_mask_and_slice(panel):
    for key in ([0, 2], [2, 0], np.array([True, False, True]), slice(0, 3, 2), ([0, 2], Ellipsis)):
        some = panel[key]
        assert some.users.ids.tolist() == ["ada", "eva"]
        assert some["books"].matrix.toarray().tolist() == [[1, 4], [0, 0]]
        assert some["books"].times.tolist() == [10, 40]
        assert some["books"].items == panel["books"].items
    assert len(panel[[]]) == 0
    assert panel[[]].overview()["people"].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (0, r"write panel\[\[number\]\]"),
        (["ada"], "takes the name of a category"),
        ([0, 0], "a user twice"),
        ([3], "numbers in 0 … 2; got 3 … 3"),
        ([-1], "got -1"),
        ([True], "a mask over its 3 users; got one of 1"),
    ],
)
def test_choices_of_people_are_checked(panel, key, message):
    with pytest.raises(InvalidDataError, match=message):
        panel[key]


def test_unknown_categories_are_named(panel):
    with pytest.raises(UnknownCategoryError, match="Did you mean 'books'"):
        panel["book"]


class CountPeople(BaseEstimator):
    def __init__(self, factor=1):
        self.factor = factor

    def fit(self, panel, y=None):
        self.seen_ = panel.users
        return self

    def score(self, panel, y=None):
        assert isinstance(panel, Panel)
        assert not set(panel.users.ids) & set(self.seen_.ids)
        return self.factor * len(panel)


def test_scikit_learn_splits_and_searches_people(panel):
    search = GridSearchCV(CountPeople(), {"factor": [1, 2]}, cv=3, n_jobs=1).fit(panel)
    assert search.best_params_ == {"factor": 2}
    assert cross_validate(CountPeople(), panel, cv=KFold(3, shuffle=True))["test_score"].tolist() == [1, 1, 1]


def test_without_hides_people_in_one_category(panel):
    hidden = panel.without("books", ["ada"])
    assert hidden["books"].matrix.toarray().tolist() == [[0, 0], [3, 0], [0, 0]]
    assert hidden["books"].times.tolist() == [50]
    assert hidden["films"] is panel["films"]
    assert hidden.users is panel.users
    assert panel["books"].active_numbers.tolist() == [0, 1]
    assert panel.without("books", []).overlap().equals(panel.overlap())
    with pytest.raises(UnknownIdError, match=r"'adda'.*Did you mean 'ada'"):
        panel.without("books", ["adda"])


def test_select_keeps_the_people(panel):
    films = panel.select(["films"])
    assert films.categories == ("films",)
    assert len(films) == 3
    with pytest.raises(InvalidDataError, match=r"Write \['films'\]"):
        panel.select("films")


def test_item_names_are_spread_over_categories(frame):
    names = pd.DataFrame({"item_id": [3, 1, 1, 9], "name": ["Alien", "Dune", "Dune II", None]})
    for table in (names, pl.from_pandas(names).lazy()):
        panel = Panel.from_frame(frame, item_names=table)
        assert panel.item_names["books"].to_dict() == {1: "Dune", 2: None}
        assert panel.select(["films"]).item_names["films"][3] == "Alien"
    with pytest.raises(InvalidDataError, match="item_names needs the columns 'item_id' and 'name'"):
        Panel.from_frame(frame, item_names=names.rename(columns={"name": "title"}))
    with pytest.raises(InvalidDataError, match="kind"):
        Panel.from_frame(frame, item_names=names.astype({"item_id": str}))


def test_panel_is_frozen_and_pickles(panel):
    with pytest.raises(TypeError):
        panel.interactions["new"] = panel["books"]
    with pytest.raises(AttributeError):
        panel.users = None
    assert_same(panel, pickle.loads(pickle.dumps(panel)))


def test_parts_of_a_panel_must_share_people(panel):
    with pytest.raises(InvalidDataError, match="has other users"):
        Panel(panel.users, {"books": panel[[0, 1]]["books"]}, panel.cleaning)


def test_a_part_of_a_table_may_be_all_bad_without_an_error_or_a_warning():
    columns = {"user_id": ["a", "a"], "item_id": ["x", None], "category": ["books", "books"]}
    frame = pd.DataFrame({**columns, "weight": [np.nan, 1.0], "timestamp": [np.nan, np.nan]})
    users, parts, report = clean(frame, None, None, CleaningPolicy(), part=True)
    assert (len(users), parts, report.rows_in, report.dropped) == (0, [], 2, 2)
    users, parts, report = clean(frame[:0], None, None, CleaningPolicy(), part=True)
    assert (len(users), parts, report.rows_in) == (0, [], 0)
    with pytest.raises(InvalidDataError):
        clean(frame, None, None, CleaningPolicy())


def test_a_type_of_event_that_weighs_nothing_is_no_bad_row():
    rows = [
        ("ada", "dune", "books", "view"),
        ("ada", "dune", "books", "buy"),
        ("bob", "emma", "books", "buy"),
    ]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "category", "event_type"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        panel = Panel.from_frame(frame, event_weights={"view": 0, "buy": 1})
    assert {step.step: step.rows for step in panel.cleaning.steps}["zero weights"] == 1
    with pytest.warns(TastebridgeWarning, match="1 with zero weights"):
        Panel.from_frame(frame.assign(weight=[0.0, 1.0, 1.0]).drop(columns="event_type"))


def test_a_time_of_zero_among_dates_is_told():
    frame = pd.DataFrame({"user_id": list("abcd"), "item_id": list("wxyz"), "category": "books"})
    with pytest.warns(TastebridgeWarning, match=r"2 rows have the time 0.* of 2024-05-01 and later"):
        Panel.from_frame(frame.assign(timestamp=[0, 1_714_521_600, 1_750_000_000, 0]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Panel.from_frame(frame.assign(timestamp=[0, 1, 2, 86_400]))
