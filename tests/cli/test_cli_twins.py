"""Twins on the screen, on the card, in the report, and in the lists of the command line."""

import re

import pandas as pd
import pytest

import tastebridge as tb
from contracts import twin_shop
from contracts.shell import run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with events, a model of them, and what the fit showed."""
    path = tmp_path_factory.mktemp("twins")
    twin_shop.events(600).to_csv(path / "events.csv", index=False)
    code, out, err = run("fit", path / "events.csv", "-t", "films", "-o", path / "model", "--n-components", 8)
    assert (code, err) == (0, "")
    (path / "fit.txt").write_text(out)
    return path


@pytest.fixture(scope="module")
def model(folder):
    return tb.load(folder / "model")


def figures(model):
    """Return the figures of new users with and without twins as they are to be read."""
    means = [
        model.findings_[name].query("segment == 'cold' and list == 'tastebridge'")["mean"].item()
        for name in ("accuracy", "accuracy_without_twins")
    ]
    hits = model.findings_["twins"].set_index("segment").loc["cold", ["hits", "hits_without_twins"]]
    return [f"{mean:.3f}" for mean in means], [f"{share:.0%}" for share in hits]


def test_fit_says_what_is_left_without_twins(folder, model):
    text = (folder / "fit.txt").read_text()
    words = " ".join(text.split())
    (whole, apart), (often, seldom) = figures(model)
    assert f"Twins: {len(model.twins_)} pairs of items, one of films" in words
    assert f"Users new to films: NDCG@10 is {whole} with twins and {apart} without" in words
    assert f"{often} of lists of ten hold a hit with twins, {seldom} without" in words
    row = model.transfer_.iloc[0]
    assert re.search(rf"without twins +{re.escape(format(row['lift_without_twins'], '+.3f'))} ", text)
    assert text.index("without twins") < text.index("Fitted in")
    assert all(len(line) <= 80 for line in text.splitlines() if str(folder) not in line)


def test_the_card_says_it_before_anything_else(folder, model):
    card = (folder / "model" / "README.md").read_text()
    (whole, apart), (often, seldom) = figures(model)
    said = card.index(f"NDCG@10 is {whole} with twins and {apart} without")
    assert said < card.index("## Intended use")
    assert f"{seldom} without" in card
    assert f"{often} of lists" in card
    row = model.transfer_.iloc[0]
    assert "without twins (95 %)" in card
    assert f"{row['lift_without_twins']:+.4f} (" in card
    assert card.count("| new to the target | tastebridge |") == 3  # with, without, and the kind of items


def test_the_report_says_it_at_its_head(folder, model, tmp_path):
    code, _, _ = run("report", folder / "model", "-o", tmp_path / "report.html")
    assert code == 0
    page = (tmp_path / "report.html").read_text()
    head = page[page.index("<header>") : page.index("</header>")]
    (whole, apart), _ = figures(model)
    assert f"NDCG@10 is {whole} with twins and {apart} without" in head
    assert f"<b>{apart}</b><span>NDCG@10 without twins, users new to it" in head
    assert f"<b>{whole}</b><span>NDCG@10 with twins, users new to it" in head
    for end, which in (("", "with"), ("_without_twins", "without")):
        found = model.findings_[f"accuracy{end}"].query("segment == 'cold'").set_index("list")["hits"]
        assert f"<b>{100 * found['tastebridge']:.0f} of 100</b>" in head
        best_sellers = f"first ten {which} twins; with best-sellers {100 * found['popularity']:.0f}<"
        assert best_sellers in head
    for part in (
        "books, without twins",
        "lift without twins (95 %)",
        "Users new to the target, without twins",
    ):
        assert part in page


def test_evaluate_shows_both(folder, tmp_path):
    out = tmp_path / "figures.csv"
    code, text, _ = run("evaluate", folder / "events.csv", "-t", "films", "-m", "hr@10", "-o", out)
    assert code == 0
    words = " ".join(text.split())
    assert "HR@10 without twins" in words
    share = re.search(r"Twins: (\d+)% of the hidden events", words)[1]
    assert 0 < int(share) < 100
    found = pd.read_csv(out).set_index("model")
    shown = text[text.index("HR@10 without twins") :]
    assert re.search(rf"tastebridge +{found.loc['tastebridge', 'mean_without_twins']:.3f} ", shown)


def test_evaluate_says_nothing_of_twins_where_there_are_none(tmp_path):
    frame = tb.datasets.make_panel(200, 50, events_per_user=8)[0].to_frame()
    frame.to_csv(tmp_path / "events.csv", index=False)
    code, text, _ = run("evaluate", tmp_path / "events.csv", "-t", "films")
    assert code == 0
    assert "twins" not in text


@pytest.mark.parametrize("twins", ["keep", "leave-out"])
def test_recommend_and_audience_do_with_twins_as_told(folder, model, tmp_path, twins):
    book = twin_shop.BOOKS[0]
    owners = pd.DataFrame({"user_id": [9001, 9001, 9002], "item_id": [book, *model.items_["books"].ids[:2]]})
    owners["category"] = "books"
    owners.to_csv(tmp_path / "owners.csv", index=False)
    out = tmp_path / "out.csv"
    code, _, _ = run("recommend", folder / "model", tmp_path / "owners.csv", "-o", out, "--twins", twins)
    assert code == 0
    kept = twins.replace("-", " ")
    expected = model.recommend_from(owners, 10, twins=kept)
    assert pd.read_csv(out)["item_id"].tolist() == expected["item_id"].tolist()
    film, found = twin_shop.twin_of(book), tmp_path / "users.csv"
    code, _, _ = run(
        "audience", folder / "model", tmp_path / "owners.csv", "--items", film, "-o", found, "--twins", twins
    )
    assert code == 0
    assert (9001 in pd.read_csv(found)["user_id"].tolist()) == (twins == "keep")


def test_by_default_lists_leave_twins_out(folder, model, tmp_path):
    frame = pd.read_csv(folder / "events.csv")
    books = frame[frame["category"] == "books"]  # as if all users were new to films
    books.to_csv(tmp_path / "books.csv", index=False)
    out = tmp_path / "out.parquet"
    code, _, _ = run("recommend", folder / "model", tmp_path / "books.csv", "-o", out, "-n", 30)
    assert code == 0
    assert not twin_shop.rows_by_hand(pd.read_parquet(out), frame).any()
    assert twin_shop.rows_by_hand(model.recommend_from(books, 30, twins="keep"), frame).any()
