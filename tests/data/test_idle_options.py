"""A parameter of a reader never does nothing in silence."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from contracts.shell import run
from tastebridge import InterestMapper, Panel, read_panel
from tastebridge.batch import recommend_all
from tastebridge.data import ReadingOptions
from tastebridge.datasets import make_panel
from tastebridge.exceptions import DataWarning, InvalidDataError, InvalidParameterError
from tastebridge.routes import PopularityRoute

FRAME = pd.DataFrame(
    {"user_id": [1, 1, 2, 3], "item_id": ["a", "b", "a", "c"], "category": ["x", "y", "x", "x"]}
)
ITEMS = pd.DataFrame({"item_id": ["a", "b", "c"], "category": ["x", "y", "x"], "title": ["A", "B", "C"]})
PANEL, _ = make_panel(n_users=300, n_items=40, events_per_user=8)


@pytest.fixture(scope="module")
def mapper():
    return InterestMapper("films", random_state=0).fit(PANEL)


def forms(frame, folder):
    """The table as a frame of two libraries, as Parquet and as text."""
    frame.to_csv(folder / "e.csv", index=False)
    frame.to_parquet(folder / "e.parquet", index=False)
    return {
        "frame": frame,
        "polars": pl.from_pandas(frame),
        "csv": folder / "e.csv",
        "parquet": folder / "e.parquet",
    }


@pytest.mark.parametrize("form", ["frame", "polars", "csv", "parquet"])
@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("time_unit", "days", "a column of times, and none is read; such columns are named timestamp, time"),
        ("time_format", "%d/%m/%Y", "a column of times, and none is read"),
        ("decimal", ",", "a column of weights, and none is read; such columns are named weight, rating"),
    ],
)
def test_an_option_about_a_column_that_is_not_there_is_an_error(tmp_path, form, option, value, expected):
    with pytest.raises(InvalidDataError, match=expected):
        read_panel(forms(FRAME, tmp_path)[form], **{option: value})
    # a column that was left out by name is not there either
    role = "weight" if option == "decimal" else "timestamp"
    with pytest.raises(InvalidDataError, match=expected):
        read_panel(
            forms(FRAME.assign(**{role: "1"}), tmp_path)[form], columns={role: None}, **{option: value}
        )


def test_a_unit_without_times_is_an_error_of_batches_and_of_every_command(tmp_path, mapper):
    frame = PANEL.to_frame().astype({"category": str})
    frame.to_parquet(tmp_path / "e.parquet", index=False)
    mapper.save(tmp_path / "model")
    with pytest.raises(InvalidDataError, match="time_unit='days' is for a column of times"):
        recommend_all(
            mapper, tmp_path / "e.parquet", tmp_path / "o", reading=ReadingOptions(time_unit="days")
        )
    events, model, out = tmp_path / "e.parquet", tmp_path / "model", tmp_path / "out.csv"
    for words in (
        ("fit", events, "-t", "films", "-o", tmp_path / "m"),
        ("evaluate", events, "-t", "films"),
        ("recommend", model, events, "-o", out),
        ("audience", model, events, "--items", "films:03", "-o", out),
        ("vectors", model, events, "-o", tmp_path / "v"),
        ("report", model, events, "-o", tmp_path / "r.html"),
    ):
        code, _, errors = run(*words, "--time-unit", "days")
        assert code == 1, words
        shown = " ".join(errors.split())
        assert "--time-unit 'days' is for a column of times" in shown, words
        assert "--time-column NAME" in shown, words


@pytest.mark.parametrize("form", ["frame", "polars", "parquet"])
@pytest.mark.parametrize(
    ("option", "value"), [("delimiter", ";"), ("encoding", "latin-1"), ("quoting", True)]
)
def test_the_layout_of_text_is_a_warning_where_no_file_is_text(tmp_path, form, option, value):
    with pytest.warns(DataWarning, match=f"{option} had nothing to do: no file is text with delimiters"):
        read_panel(forms(FRAME, tmp_path)[form], **{option: value})


def test_options_of_texts_are_a_warning_where_the_column_holds_none(tmp_path):
    frame = FRAME.assign(weight=2.5, timestamp=pd.Timestamp("2020-01-01"), item_id=[1, 2, 1, 3])
    for option, value, told in (
        ("decimal", ",", "the column of weight holds double"),
        ("time_format", "%d", r"the column of timestamp holds timestamp\["),
        ("trim", True, "the ids are numbers"),
    ):
        with pytest.warns(DataWarning, match=f"{option} had nothing to do: {told}"):
            read_panel(forms(frame, tmp_path)["parquet"], **{option: value})


@pytest.mark.filterwarnings("error")
def test_options_that_have_something_to_do_are_no_warning(tmp_path):
    frame = FRAME.assign(weight="2,5", timestamp="01/02/2020")
    text = frame.to_csv(index=False, sep=";").encode("latin-1")
    (tmp_path / "e.csv").write_bytes(text)
    options = {
        "delimiter": ";",
        "encoding": "latin-1",
        "quoting": True,
        "decimal": ",",
        "time_format": "%d/%m/%Y",
    }
    panel = read_panel(tmp_path / "e.csv", **options, trim=True)
    assert panel["x"].times[0] == pd.Timestamp("2020-02-01").timestamp()
    assert panel["x"].matrix.data[0] == 2.5
    # the encoding is for the table of items too
    ITEMS.to_csv(tmp_path / "i.csv", index=False, encoding="latin-1")
    read_panel(FRAME.drop(columns="category"), items=tmp_path / "i.csv", encoding="latin-1")


def test_options_that_cells_decide_on_are_a_note(tmp_path):
    for options, told in (
        ({"list_separator": " "}, "list_separator=' ' changed nothing: no cell of items holds it"),
        ({"categories": "all"}, "categories='all' changed nothing: no item of 'category' has several"),
        ({"category_level": 2}, "category_level=2 changed nothing: no cell of 'category' is a hierarchy"),
        ({"categories": "all", "items": ITEMS}, "no item of 'the table of items' has several"),
        ({"category_level": 1, "items": ITEMS}, "no cell of 'the table of items' is a hierarchy"),
    ):
        notes = read_panel(FRAME, **options).cleaning.notes
        assert any(told in note for note in notes), (options, notes)
    deep = FRAME.assign(category=["x > y", "z", "x", "x > w"])
    bars = FRAME.assign(category=["x|y", "x", "x", "y"]).rename(columns={"category": "genres"})
    for frame, options in ((deep, {"category_level": 1}), (bars, {"categories": "all"})):
        assert not any("changed nothing" in note for note in read_panel(frame, **options).cleaning.notes)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"item_columns": ["a"]}, "item_columns=.* names columns of a table of items"),
        ({"item_id": "z"}, "item_id='z' names columns of a table of items"),
        ({"item_name": "z"}, "item_name='z' names columns of a table of items"),
        ({"items": "i.csv", "category": "films"}, "items and category exclude each other"),
        ({"items": "i.csv", "category_from_name": True}, "items and category_from_name exclude each other"),
    ],
)
def test_options_of_a_table_that_is_not_given_or_of_two_categories_are_errors(options, told):
    with pytest.raises(InvalidParameterError, match=told):
        ReadingOptions(**options)


def test_a_name_column_that_is_not_there_is_an_error_that_names_the_others():
    with pytest.raises(InvalidDataError, match=r"item_name='zzz' is not among .*: 'title'"):
        read_panel(FRAME.drop(columns="category"), items=ITEMS, item_name="zzz")


def test_names_of_no_item_are_a_warning():
    names = pd.DataFrame({"item_id": ["A", "B"], "name": ["a", "b"]})
    with pytest.warns(DataWarning, match="item_names names none of the items: its item_id is such as 'A'"):
        Panel.from_frame(FRAME, item_names=names)


@pytest.mark.parametrize("form", ["frame", "polars", "csv", "parquet"])
def test_ids_of_digits_are_numbers_wherever_that_is_asked_for(tmp_path, form):
    digits = FRAME.assign(item_id=["1", "2", "1", "3"])
    assert read_panel(forms(digits, tmp_path)[form], ids="int")["x"].items.ids.tolist() == [1, 3]
    with pytest.raises(InvalidDataError, match="item_id must hold whole numbers"):
        read_panel(forms(FRAME, tmp_path)[form], ids="int")


def test_a_rank_next_to_routes_and_a_seed_without_draws_are_errors(mapper):
    with pytest.raises(InvalidParameterError, match="rank of the default routes, and routes were given"):
        InterestMapper("films", routes=[PopularityRoute()], n_components=8).fit(PANEL)
    with pytest.raises(InvalidParameterError, match="random_state is the seed of the draws of explore"):
        mapper.recommend(PANEL.users.ids[:2], random_state=1)
    assert len(mapper.recommend(PANEL.users.ids[:2], 3, random_state=1, explore=0.5)) == 6


def test_commands_refuse_options_that_have_nothing_to_do(tmp_path, mapper):
    events, model, out = tmp_path / "e.parquet", tmp_path / "model", tmp_path / "out.csv"
    frame = PANEL.to_frame().astype({"category": str})
    frame["weight"] = np.arange(len(frame)) % 5 + 1.0
    frame.to_parquet(events, index=False)
    labels = pd.DataFrame({"item_id": ["films:03"], "genre": ["war"]})
    labels.to_csv(tmp_path / "g.csv", index=False)
    mapper.save(model)
    explicit = ("fit", events, "-t", "films", "-o", tmp_path / "m", "--feedback", "explicit")
    fit, page = ("fit", events, "-t", "films", "-o", tmp_path / "m"), tmp_path / "r.html"
    for words, told in (
        ((*fit, "--stop-words", "none"), "--stop-words has no effect without --features"),
        ((*fit, "--rank-by", "preference"), "--rank-by has no effect without --feedback explicit"),
        ((*explicit, "--bridge", "users"), "--bridge has no effect with --feedback explicit"),
        (("evaluate", events, "-t", "films", "--stop-words", "none"), "--stop-words has no effect"),
        (("recommend", model, events, "-o", out, "--seed", "3"), "--seed has no effect without --explore"),
        (("recommend", model, events, "-o", out, "--groups", tmp_path / "g.csv"), "--groups has no effect"),
        (
            ("vectors", model, "-o", tmp_path / "v", "--memory", "4GB"),
            "--memory has no effect without EVENTS",
        ),
        (("vectors", model, "-o", tmp_path / "v", "--trim"), "--trim has no effect without EVENTS"),
        (("report", model, "-o", page, "--user-column", "q"), "--user-column has no effect without EVENTS"),
        (("report", model, "-o", page, "--people", "5"), "--people 5 needs users to look up"),
        (("compress", model, "-o", tmp_path / "c", "--ids", "str"), "--ids has no effect without EVENTS"),
    ):
        code, _, errors = run(*words)
        assert code == 2, words
        assert told in " ".join(errors.split()), words
    code, _, errors = run("recommend", model, events, "-o", out, "--delimiter", ";")
    assert code == 0
    assert "--delimiter had nothing to do" in errors
    assert run("recommend", model, events, "-o", out, "--delimiter", ";", "--strict", "--overwrite")[0] == 1


def test_a_word_that_ends_as_a_parameter_does_is_none(tmp_path, mapper):
    mapper.save(tmp_path / "model")
    code, _, errors = run("compress", tmp_path / "model", "-o", tmp_path / "small")
    assert code == 1
    assert "with_users=True" in errors
