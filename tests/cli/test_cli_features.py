"""Features of items from the shell: a planted taste for tags reaches films that nobody has touched."""

import numpy as np
import pandas as pd
import pytest

import tastebridge as tb
from contracts.shell import run

TAGS = ("war", "love", "space", "crime")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with events of people of one tag each, and tables of items with 8 films nobody took."""
    path, rng, rows = tmp_path_factory.mktemp("features"), np.random.default_rng(0), []
    for person in range(80):
        for name in ("books", "films"):
            items = person % 4 + 4 * rng.integers(10, size=6)
            rows += [(person, item, name) for item in items]
    pd.DataFrame(rows, columns=["user_id", "item_id", "category"]).to_csv(path / "events.csv", index=False)
    tags = [f"{TAGS[item % 4]}|any" for item in range(48)]
    films = pd.DataFrame({"film": range(48), "tags": tags, "year": [1950 + item for item in range(48)]})
    films.to_csv(path / "films.csv", index=False)
    films[:40].rename(columns={"film": "item_id"}).to_parquet(path / "books.parquet")
    return path


def test_new_items_of_a_table_are_recommended_by_their_tags(folder):
    model, out = folder / "model", folder / "out.csv"
    code, text, err = run(
        "fit", folder / "events.csv", "-t", "films", "-o", model, "--item-column", "item_id",
        "--features", f"films={folder / 'films.csv'}", "--features", f"books={folder / 'books.parquet'}",
    )  # fmt: skip
    assert code == 1
    assert "'films' needs a column item_id; its columns are ['film', 'tags', 'year']" in err
    films = pd.read_csv(folder / "films.csv").rename(columns={"film": "item_id"})
    films.to_csv(folder / "films.csv", index=False)
    code, text, err = run(
        "fit", folder / "events.csv", "-t", "films", "-o", model,
        "--features", f"films={folder / 'films.csv'}", "--features", f"books={folder / 'books.parquet'}",
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert "films: 48 of 48 items described, 8 of them new, by tags (5), year (8)." in text
    assert "books: 40 of 40 items described, by" in text
    assert run("recommend", model, folder / "events.csv", "-o", out, "-n", 48)[0] == 0
    found = pd.read_csv(out)
    new = found[found["item_id"] >= 40]
    first = new[new.groupby("user_id")["rank"].rank() <= 2]
    assert (first["item_id"] % 4 == first["user_id"] % 4).mean() > 0.9  # by chance a quarter
    assert {40, 47} <= set(tb.load(model).items_["films"].ids)


def test_an_update_reads_a_table_of_items_as_the_fit_did(folder, tmp_path):
    films = pd.read_csv(folder / "films.csv").rename(columns={"film": "item_id"})
    films[:40].to_csv(tmp_path / "films.csv", index=False)
    films[36:].to_csv(tmp_path / "more.csv", index=False)
    events, model, new = folder / "events.csv", tmp_path / "model", tmp_path / "new"
    given = ["--features", f"films={tmp_path / 'films.csv'}"]
    assert run("fit", events, "-t", "films", "-o", model, "--updatable", *given)[0] == 0
    pd.DataFrame({"user_id": [900], "item_id": [3], "category": ["books"]}).to_csv(
        tmp_path / "today.csv", index=False
    )
    words = ["update", model, tmp_path / "today.csv", "-o", new, "--features"]
    code, text, err = run(*words, f"films={tmp_path / 'more.csv'}")
    assert (code, err) == (0, "")
    assert "films: 12 items described, 8 of them new, by tags, year." in text
    assert run("recommend", new, events, "-o", tmp_path / "out.csv", "-n", 48)[0] == 0
    found = pd.read_csv(tmp_path / "out.csv")
    late = found[found["item_id"] >= 40]
    first = late[late.groupby("user_id")["rank"].rank() <= 2]
    assert (first["item_id"] % 4 == first["user_id"] % 4).mean() > 0.9  # by chance a quarter
    films[36:].rename(columns={"year": "length"}).to_csv(tmp_path / "other.csv", index=False)
    code, _, err = run(*words, f"films={tmp_path / 'other.csv'}", "--overwrite")
    assert code == 1
    assert "no column 'length'; they had ['tags', 'year']" in err
    loaded = tb.load(new)
    assert 47 in loaded.items_["films"].ids
    later = loaded.read_features({"films": films[36:]})["films"]
    at = tb.load(model).read_features({"films": films[36:]})["films"]
    np.testing.assert_array_equal(later["year"].matrix, at["year"].matrix)


@pytest.mark.parametrize(
    ("given", "code", "message"),
    [
        (["plots"], 2, "--features must be like films=films.parquet"),
        (["films=absent.parquet"], 1, "there is no file 'absent.parquet'"),
        (["films=FOLDER/films.csv", "films=FOLDER/films.csv"], 2, "names the category 'films' twice"),
        (["film=FOLDER/films.csv"], 1, "Did you mean 'films'?"),
        (["films=FOLDER/events.csv"], 1, "each item once"),
    ],
)
def test_what_names_no_table_of_a_category_is_refused(folder, given, code, message):
    words = [word for one in given for word in ("--features", one.replace("FOLDER", str(folder)))]
    events = folder / "events.csv"
    found, _, err = run("fit", events, "-t", "films", "-o", folder / "other", *words)
    assert found == code
    assert message in err
    assert not (folder / "other").exists()


def test_ratings_have_no_use_for_features(folder):
    for command, more in (("fit", ["-o", folder / "other"]), ("evaluate", [])):
        code, _, err = run(
            command, folder / "events.csv", "-t", "films", "--feedback", "explicit",
            "--features", f"films={folder / 'films.csv'}", *more,
        )  # fmt: skip
        assert code == 2
        assert "--features has no effect with --feedback explicit" in err


def test_only_the_columns_named_after_the_colon_are_features(folder, tmp_path):
    films = pd.read_csv(folder / "films.csv").rename(columns={"film": "item_id"})
    films.assign(price=range(48), plot="a war of love").to_csv(tmp_path / "films.csv", index=False)
    table, model = tmp_path / "films.csv", tmp_path / "model"
    words = ("fit", folder / "events.csv", "-t", "films", "-o", model, "--updatable", "--n-components", 4)
    code, _, err = run(*words, "--features", f"films={table}:tags,yaer")
    assert (code, "'yaer'" in err, "Did you mean 'year'?" in err) == (1, True, True)
    assert "Name columns after it" in run(*words, "--features", f"films={table}:")[2]
    assert "there is no file" in run(*words, "--features", f"films={tmp_path / 'flms.csv'}:tags")[2]
    code, text, err = run(*words, "--features", f"films={table}:tags,year")
    assert (code, err) == (0, "")
    assert "by tags (5), year (8)." in text
    pd.DataFrame({"user_id": [1], "item_id": [3], "category": ["books"]}).to_csv(
        tmp_path / "day.csv", index=False
    )
    words = ("update", model, tmp_path / "day.csv", "-o", tmp_path / "new")
    assert "price" in run(*words, "--features", f"films={table}")[2]
    assert run(*words, "--features", f"films={table}:tags,year")[0] == 0


@pytest.mark.parametrize("stop_words", ["english", "none", "krieg und\n"])
def test_stop_words_are_chosen(folder, tmp_path, stop_words):
    if stop_words.endswith("\n"):
        (tmp_path / "words.txt").write_text(stop_words)
        stop_words = tmp_path / "words.txt"
    plots = ["the krieg", "und liebe", "the liebe", "und krieg", "the raum", "raum und"]
    table = pd.DataFrame({"item_id": range(48), "plot": [plots[item % 6] for item in range(48)]})
    table.to_csv(tmp_path / "films.csv", index=False)
    words = ("fit", folder / "events.csv", "-t", "films", "-o", tmp_path / "model", "--n-components", 4)
    code, text, _ = run(*words, "--features", f"films={tmp_path / 'films.csv'}", "--stop-words", stop_words)
    assert code == 0
    # "und" is a word in English, "the" is none; the file leaves out two of the five words
    expected = {"english": 4, "none": 5}.get(str(stop_words), 3)
    assert f"by plot ({expected})." in text


def test_stop_words_that_are_none_of_these_are_refused(folder, tmp_path):
    (tmp_path / "empty.txt").write_text(" ")
    (tmp_path / "latin.txt").write_bytes("für".encode("latin-1"))
    words = ("fit", folder / "events.csv", "-t", "films", "-o", tmp_path / "model", "--stop-words")
    assert "english, none, or a file" in run(*words, "german")[2]
    assert "contains no words" in run(*words, tmp_path / "empty.txt")[2]
    assert "UTF-8" in run(*words, tmp_path / "latin.txt")[2]
