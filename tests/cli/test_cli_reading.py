"""Files of real layouts, from one command each to a model and to lists."""

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated

import numpy as np
import pandas as pd
import pytest
import typer

import tastebridge as tb
from contracts.shell import run
from tastebridge.cli.reading import Reading, reads_events
from tastebridge.data import ReadingOptions
from tastebridge.datasets import make_panel

ODD = ["--columns", "user_id,item_id,category,event,timestamp", "--delimiter", "::"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with one log in several layouts, and the table of its items."""
    path = tmp_path_factory.mktemp("layouts")
    frame = make_panel(150, 30, ("books", "films"), events_per_user=8)[0].to_frame()
    frame = frame.assign(category=frame.category.astype(str), code=np.arange(len(frame)) % 4 + 1)
    codes = {item: str(1000 + place) for place, item in enumerate(sorted(frame.item_id.unique()))}
    frame = frame.assign(item_id=frame.item_id.map(codes), time=1_500_000_000 + np.arange(len(frame)))
    rows = frame[["user_id", "item_id", "category", "code", "time"]].itertuples(index=False)
    (path / "log.dat").write_text("".join("::".join(map(str, row)) + "\n" for row in rows))
    frame[["user_id", "item_id"]].to_csv(path / "pairs.csv", index=False, sep=";")
    items = frame.drop_duplicates("item_id")[["item_id", "category"]]
    items.assign(title="No " + items.item_id).rename(columns={"category": "genres"}).to_csv(
        path / "items.csv", index=False
    )
    frame.astype({"user_id": str})[["user_id", "item_id", "category"]].to_parquet(path / "texts.parquet")
    frame[["user_id", "item_id", "category"]].to_csv(path / "digits.csv", index=False)
    (path / "shop").mkdir()
    for name, part in frame.groupby("category"):
        part[["user_id", "item_id"]].to_csv(path / "shop" / f"{name}.csv", index=False)
    return path


def test_a_file_without_a_header_is_fitted_and_served_by_one_command_each(folder, tmp_path):
    weights = [word for code in range(1, 5) for word in ("--event-weight", f"{code}={code}")]
    events, model, out = folder / "log.dat", tmp_path / "model", tmp_path / "out.csv"
    code, text, err = run("fit", events, "-t", "films", "-o", model, *ODD, *weights)
    assert code == 0
    assert all("no source helps" in line for line in err.splitlines()), (
        err
    )  # so few rows may hold no transfer
    assert "delimiter two colons" in " ".join(text.split())
    words = next(line for line in text.splitlines() if line.strip().startswith("tastebridge recommend"))
    assert "--columns user_id,item_id,category,event,timestamp --delimiter ::" in words
    assert run("recommend", model, events, "-o", out, "-n", 3, *ODD, *weights)[0] == 0
    assert len(pd.read_csv(out)) == 450


def test_the_standard_input_and_a_folder_of_one_file_per_category(folder, tmp_path, monkeypatch):
    named = ["--category-from-name"]
    code, text, _ = run("fit", folder / "shop", "-t", "films", "-o", tmp_path / "model", *named)
    assert code == 0
    assert "150 users in 2 categories" in text
    one, other = tmp_path / "a.csv", tmp_path / "b.csv"
    code, _, err = run("recommend", tmp_path / "model", folder / "shop" / "*.csv", "-o", one, *named)
    assert (code, err) == (0, "")
    content = (folder / "digits.csv").read_bytes()
    given = SimpleNamespace(stdin=io.TextIOWrapper(io.BytesIO(content)))
    monkeypatch.setattr(
        "tastebridge.data.files.places.sys", given
    )  # the runner has a standard input of its own
    assert run("recommend", tmp_path / "model", "-", "-o", other)[0] == 0
    pd.testing.assert_frame_equal(pd.read_csv(one), pd.read_csv(other))


def test_a_table_of_items_gives_categories_to_every_command(folder, tmp_path):
    given = ["--items", folder / "items.csv", "--item-category", "genres"]
    events, model = folder / "pairs.csv", tmp_path / "model"
    assert run("fit", events, "-t", "films", "-o", model, "--with-users", *given)[0] == 0
    panel = tb.load(model).panel_
    assert panel.item_names["films"].iloc[0].startswith("No ")
    outs = []
    for source, more in ((events, given), (folder / "digits.csv", [])):
        outs.append(tmp_path / f"{len(outs)}.csv")
        assert run("recommend", model, source, "-o", outs[-1], *more)[0] == 0
    assert outs[0].read_bytes() == outs[1].read_bytes()
    item = str(panel["films"].items.ids[0])
    table = ["--items-table", folder / "items.csv", "--item-category", "genres"]
    code, _, err = run("audience", model, events, "--items", item, "-o", tmp_path / "a.csv", *table)
    assert (code, err) == (0, "")


def test_text_ids_of_a_model_meet_the_digits_of_a_text_file(folder, tmp_path):
    model = tmp_path / "model"
    assert run("fit", folder / "texts.parquet", "-t", "films", "-o", model)[0] == 0
    outs = {}
    deny = tmp_path / "deny.csv"
    items = tb.load(model).items_["films"].ids
    deny.write_text(f"item_id\n{items[0]}\n")
    for name in ("texts.parquet", "digits.csv"):
        outs[name] = tmp_path / f"{name}.csv"
        code, _, err = run("recommend", model, folder / name, "-o", outs[name], "-n", 5, "--deny", deny)
        assert (code, err) == (0, "")
    one, other = (pd.read_csv(out, dtype=str).sort_values(["user_id", "rank"]) for out in outs.values())
    pd.testing.assert_frame_equal(one.reset_index(drop=True), other.reset_index(drop=True))
    assert items[0] not in set(one.item_id)
    assert run("fit", folder / "digits.csv", "-t", "films", "-o", tmp_path / "int", "--ids", "str")[0] == 0
    assert tb.load(tmp_path / "int").items_["films"].kind == "str"


def test_errors_speak_of_options(folder, tmp_path):
    code, _, err = run("fit", folder / "log.dat", "-t", "films", "-o", tmp_path / "m")
    assert code == 1
    assert "--columns user_id,item_id,…" in err
    assert "1000" not in err.replace(str(folder), "")
    code, _, err = run("fit", folder / "none*.csv", "-t", "films", "-o", tmp_path / "m")
    assert (code, "there is no file" in err) == (1, True)


@pytest.fixture(scope="module")
def broken_files(tmp_path_factory):
    """A model, its events without a header of categories, and files that are none."""
    path = tmp_path_factory.mktemp("broken")
    panel, _ = make_panel(60, 20, ("books", "films"))
    tb.TargetOnly("films").fit(panel).save(path / "model")
    frame = panel.to_frame()[["user_id", "item_id", "category"]]
    frame.to_csv(path / "log.dat", index=False)
    frame[["user_id", "item_id"]].to_csv(path / "nocat.csv", index=False)
    frame[["item_id"]].drop_duplicates().to_csv(path / "ids.csv", index=False)
    more = (
        make_panel(120, 40, ("books", "films"))[0]
        .to_frame()
        .rename(columns={"user_id": "item_id", "item_id": "user_id"})
    )
    more.to_csv(path / "swapped.csv", index=False)
    (path / "bare.csv").write_text("oak,red\nelm,green\n")
    (path / "broken.parquet").write_bytes(b"PAR1 and no more PAR1")
    return path


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("fit", "nocat.csv"), "no column for category; the columns are 'user_id', 'item_id'. Name it: "),
        (
            ("fit", "nocat.csv"),
            "--category-column NAME. Or give the table of items that has it: --items FILE",
        ),
        (("fit", "nocat.csv", "--items", "bare.csv"), "error: in 'bare.csv': the first line of this table"),
        (("fit", "nocat.csv", "--items", "bare.csv"), "--item-columns item_id,title,genres; an empty name"),
        (("fit", "nocat.csv", "--items", "bare.csv"), "its column of ids: --item-id-column NAME."),
        (("fit", "nocat.csv", "--items", "none.csv"), "error: there is no file or folder 'none.csv'."),
        (("fit", "nocat.csv", "--items", "ids.csv"), "no column of categories that is known"),
        (("fit", "broken.parquet"), "it is not a Parquet file, or it is damaged."),
        (("fit", "log.csv"), "error: there is no file 'log.csv'. Did you mean 'log.dat'?"),
        (("fit", "log.dat", "--features", "x=films.csv"), "error: there is no file 'films.csv'."),
        (("fit", "swapped.csv", "--strict"), "name them: --user-column NAME --item-column NAME. If"),
        (("recommend", "model", "log.dat", "--users", "bare.csv"), "Write user_id above the ids."),
        (("recommend", "model", "log.dat", "--allow", "bare.csv"), "Write item_id above the ids."),
    ],
)
def test_an_error_names_the_file_and_the_option_that_mends_it(broken_files, monkeypatch, words, said):
    monkeypatch.chdir(broken_files)
    target = () if words[0] == "recommend" else ("-t", "films")
    code, _, err = run(*words, *target, "-o", "out.csv" if words[0] == "recommend" else "m")
    assert (code, len(err.splitlines())) == (1, 1)
    assert said in err
    assert not Path("m").exists()
    assert not Path("out.csv").exists()


@pytest.mark.parametrize(
    "layout",
    [
        {"names": ["user_id", "item_id"], "delimiter": "|", "quoting": False, "category": "x"},
        {"ids": "str", "trim": True, "category_from_name": True, "decimal": ",", "encoding": "latin-1"},
        {"items": ["a.csv", "b.csv"], "item_category": "genres", "categories": "all", "category_level": 2},
        {"users": "orders.csv", "time_format": "%d.%m.%Y", "list_separator": " ", "quoting": True},
    ],
)
def test_the_words_of_a_layout_say_it_again(layout):
    reading = Reading({}, None, "sum", ReadingOptions(**layout), no_rating=-1.0)
    words = reading.words
    given = iter(words)
    flags = ("--trim", "--quoting", "--no-quoting", "--category-from-name")
    pairs = [(word, None if word in flags else next(given)) for word in given]
    assert ("--no-rating", "-1.0") in pairs
    said = {option for option, _ in pairs}
    assert len(said) == len(layout) + 1
    for name, value in layout.items():
        if isinstance(value, str):
            assert value in words, name


def _audience(reading: Reading, items: Annotated[list[str], typer.Option("--items")]) -> None: ...


def test_a_command_keeps_its_own_flag():
    option = reads_events(_audience).__signature__.parameters["items_table"].annotation.__metadata__[0]
    assert [option.default, *option.param_decls] == ["--items-table"]
