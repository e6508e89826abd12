"""The report: one file, no request, no person unless asked, and the numbers of the mapper."""

import json
import re
import warnings
from datetime import date
from html.parser import HTMLParser
from importlib.resources import files
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import tastebridge as tb
from tastebridge.cli import app
from tastebridge.datasets import make_panel
from tastebridge.exceptions import InvalidDataError, InvalidParameterError, TastebridgeWarning
from tastebridge.model.explanation import POPULARITY
from tastebridge.persist import fingerprint
from tastebridge.report import write_report
from tastebridge.report.overview import _once
from tastebridge.report.sources import related_section, sources_section
from tastebridge.routes import NeighbourRoute

VOID = {"meta", "link", "input", "br"}


class Page(HTMLParser):
    """All elements of a page with their attributes, and whether they are closed in order."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.texts = [], [], {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.setdefault(self.open[-1] if self.open else "", []).append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def parsed(page):
    return Page(page.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def data(page):
    found = re.search(r'id="people-data">(.*?)</script>', page.read_text(encoding="utf-8"), re.S)
    return json.loads(found[1])


def test_nothing_in_the_file_leads_out_of_it(page, parsed):
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"https?:|//www|url\(|@import|\bfetch\(|XMLHttpRequest|sendBeacon|WebSocket", text)
    for _, attributes in parsed.elements:
        assert "src" not in attributes
        assert "srcset" not in attributes
        assert attributes.get("href", "#").startswith(("#", "data:"))
    policy = next(meta["content"] for meta in parsed.all("meta") if "http-equiv" in meta)
    assert policy.startswith("default-src 'none'")


def test_the_page_is_closed_in_order_and_its_links_lead_to_sections(parsed):
    assert not parsed.open
    names = [attributes["id"] for _, attributes in parsed.elements if "id" in attributes]
    assert len(names) == len(set(names))
    links = [link["href"].removeprefix("#") for link in parsed.all("a")]
    assert set(links) <= set(names)
    assert {section["id"] for section in parsed.all("section")} <= set(links)
    expected = (
        "sources accuracy confidence breadth related directions samples people interests routes data cost"
    )
    assert [section["id"] for section in parsed.all("section")] == expected.split()


def test_names_from_the_data_cannot_become_markup(page, parsed):
    assert len(parsed.all("script")) == 2
    assert "&lt;script&gt;" in page.read_text(encoding="utf-8")


def test_pictures_tables_and_fields_can_be_read_without_seeing_them(parsed):
    assert all(picture["role"] == "img" and picture["aria-label"] for picture in parsed.all("svg"))
    tables = len(parsed.all("table"))
    assert len(parsed.all("caption")) == tables > 5
    assert all(cell.get("scope") in ("col", "row") for cell in parsed.all("th"))
    assert [label["for"] for label in parsed.all("label")] == [field["id"] for field in parsed.all("input")]
    assert parsed.all("html")[0]["lang"] == "en"
    scrolling = [part for _, part in parsed.elements if part.get("class") in ("wide", "scroll")]
    assert all(part["tabindex"] == "0" for part in scrolling), "what scrolls must be reached by keyboard"
    levels = [int(name[1]) for name, _ in parsed.elements if re.fullmatch("h[1-6]", name)]
    assert levels[0] == 1
    assert max(np.diff(levels)) == 1


def _luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one, other):
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_colours_have_enough_contrast_in_light_and_dark():
    style = files("tastebridge.report").joinpath("style.css").read_text(encoding="utf-8")
    blocks = [
        dict(re.findall(r"--(\w+): (#\w{6})", block))
        for block in re.findall(r"\{[^{}]*--paper:[^{}]*\}", style)
    ]
    assert len(blocks) == 3
    assert blocks[1] == blocks[2], "dark by the system and dark by the button are the same"
    for colours in blocks:
        for paper in (colours["paper"], colours["tint"]):
            for ink in ("ink", "soft", "accent", "good", "bad"):
                assert _contrast(colours[ink], paper) >= 4.5, (ink, paper)
            assert _contrast(colours["flat"], paper) >= 3
        mixed = [
            f"{(int(colours['accent'][at : at + 2], 16) + int(colours['paper'][at : at + 2], 16)) // 2:02x}"
            for at in (1, 3, 5)
        ]
        assert _contrast(colours["ink"], "#" + "".join(mixed)) >= 4.5, "the darkest cell of the heat map"


def test_every_source_has_its_verdict(mapper, page):
    text = re.sub(r"<[^>]+>", " ", page.read_text(encoding="utf-8"))
    for row in mapper.transfer_.itertuples():
        assert re.search(rf"{row.source}\s+\S {row.verdict}\s+{'yes' if row.kept else 'no'}", text)


def test_people_are_shown_with_what_the_mapper_says_of_them(mapper, data):
    ids = [person["id"] for person in data["people"]]
    assert len(ids) == 40
    lists = mapper.recommend(ids).groupby("user_id", sort=False)["item_id"].agg(list)
    sure = mapper.confidence(ids)["confidence"]
    leans = mapper.interests(ids)["interest"].to_numpy().reshape(len(ids), -1)
    names = mapper.item_names_["films"]
    for at, person in enumerate(data["people"]):
        assert [data["items"][item] for item, _ in person["list"]] == names[lists[person["id"]]].tolist()
        assert person["sure"] == pytest.approx(sure[at], abs=1e-3)
        np.testing.assert_allclose(person["leans"], leans[at], atol=1e-3)


def test_reasons_are_what_explanations_put_first(mapper, data):
    names = {item: name for series in mapper.item_names_.values() for item, name in series.items()}
    ids = {name: item for item, name in names.items()}
    for person in data["people"][:5]:
        item, reasons = person["list"][0]
        told = mapper.explain(person["id"], ids[data["items"][item]])
        told = told[told["source_item"].notna() | (told["source_category"] == POPULARITY)]
        sums = told.fillna({"source_item": POPULARITY}).groupby("source_item")["contribution"].sum()
        best = sums[sums > 0].sort_values(ascending=False).index[:3]
        said = [data["items"][reason] if isinstance(reason, int) else reason for reason in reasons]
        assert said == ["general popularity" if name == POPULARITY else names[name] for name in best]


def test_a_model_without_people_makes_a_report_without_people(mapper, tmp_path):
    mapper.save(tmp_path / "model")
    loaded = tb.load(tmp_path / "model")
    bare = loaded.report(tmp_path / "bare.html").read_text(encoding="utf-8")
    assert "person-" not in bare
    assert "Look up a user" not in bare
    assert Page(bare).all("section")
    given = loaded.report(tmp_path / "given.html", events=mapper.panel_[:7]).read_text(encoding="utf-8")
    assert "Look up a user" in given
    assert given.count('"known":') == 7
    none = mapper.report(tmp_path / "none.html", people=0).read_text(encoding="utf-8")
    assert "person-" not in none


def test_no_user_is_in_the_file_unless_asked(mapper, tmp_path):
    text = mapper.report(tmp_path / "none.html").read_text(encoding="utf-8")
    assert mapper.panel_ is not None
    assert "person-" not in text


def test_the_head_names_date_author_model_and_data(mapper, tmp_path):
    path = mapper.report(tmp_path / "named.html", author="<Ada> & team", data="shop.csv, June")
    text = path.read_text(encoding="utf-8")
    assert f"{date.today():%Y-%m-%d} by &lt;Ada&gt; &amp; team" in text
    assert fingerprint(mapper)[:12] in text
    assert f"shop.csv, June: {mapper.panel_.cleaning.rows_in:,} events in 3 categories" in text


def test_the_first_tile_counts_hits_of_a_hundred_new_users(mapper, page):
    found = mapper.findings_["accuracy"].query("segment == 'cold'").set_index("list")["hits"]
    for name, key in (("tastebridge", "blend"), ("popularity", "popularity")):
        evidence = mapper.evidence_["cold"]
        assert found[name] == (evidence.values[key] > 0).mean()
    first = re.search(r"<li><b>(.*?)</b><span>(.*?)</span>", page.read_text(encoding="utf-8"))
    assert first[1] == f"{100 * found['tastebridge']:.0f} of 100"
    assert first[2].endswith(f"with best-sellers {100 * found['popularity']:.0f}")


def test_every_section_begins_with_its_conclusion(page):
    text = page.read_text(encoding="utf-8")
    sections = re.findall(r'<section id="(\w+)"><h2>.*?</h2>\s*<(\w+) ?(class="gist")?', text)
    assert len(sections) == 12
    assert all((tag, kind) == ("p", 'class="gist"') for _, tag, kind in sections), sections


def test_two_categories_have_a_table_and_no_graph(tmp_path):
    panel, _ = make_panel(300, 40, overlap=0.7)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TastebridgeWarning)
        mapper = tb.InterestMapper("films", routes=[NeighbourRoute(20)], n_folds=2).fit(panel)
    text = mapper.report(tmp_path / "two.html").read_text(encoding="utf-8")
    related = re.search(r'<section id="related">(.*?)</section>', text, re.S)[1]
    assert "<svg" not in related
    assert "All ordered pairs of categories" in related


def test_poor_data_make_a_poor_report_and_no_error(tmp_path):
    panel, _ = make_panel(30, 12, overlap=0.15, events_per_user=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TastebridgeWarning)
        mapper = tb.InterestMapper("films").fit(panel)
        parsed = Page(mapper.report(tmp_path / "poor.html").read_text(encoding="utf-8"))
    assert not parsed.open
    assert any("No source helps" in text for text in parsed.texts["p"])


def test_what_cannot_be_reported_or_written_is_refused(mapper, tmp_path):
    with pytest.raises(InvalidDataError, match="Popularity has nothing to report"):
        write_report(tb.Popularity("films").fit(mapper.panel_), tmp_path / "report.html")
    with pytest.raises(InvalidParameterError, match="is a folder"):
        mapper.report(tmp_path)
    with pytest.raises(InvalidParameterError, match="does not exist"):
        mapper.report(tmp_path / "none" / "report.html")
    with pytest.raises(InvalidParameterError, match="people must be"):
        mapper.report(tmp_path / "report.html", people=-1)
    assert not list(tmp_path.iterdir())


def test_the_command_writes_the_report(mapper, tmp_path):
    mapper.save(tmp_path / "model")
    run = CliRunner().invoke(app, ["report", str(tmp_path / "model"), "-o", str(tmp_path / "report.html")])
    assert run.exit_code == 0, run.output
    assert "no user in it" in run.output
    assert (tmp_path / "report.html").stat().st_size < 5e6
    events = tmp_path / "events.csv"
    mapper.panel_[:5].to_frame().to_csv(events, index=False)
    words = ["report", str(tmp_path / "model"), str(events), "-o", str(tmp_path / "people.html")]
    run = CliRunner().invoke(app, words)
    assert run.exit_code == 0, run.output
    assert "personal data in it" in run.output
    run = CliRunner().invoke(app, [*words[:2], "-o", str(tmp_path / "report.html")])
    assert "--overwrite" in run.output
    run = CliRunner().invoke(app, ["report", str(tmp_path / "model"), "-o", str(tmp_path / "report.pdf")])
    assert run.exit_code == 2
    assert "must end in .html" in run.output


def test_the_same_mapper_makes_the_same_report_but_for_its_speed(mapper, page, tmp_path):
    again = mapper.report(tmp_path / "again.html", people=40).read_text(encoding="utf-8")
    strip = re.compile(r"[\d.,]+ (ms per user|minutes of one processor)")
    assert strip.sub("", again) == strip.sub("", page.read_text(encoding="utf-8"))


def test_sections_show_numbers_of_the_findings(mapper, page):
    text = page.read_text(encoding="utf-8")
    accuracy = mapper.findings_["accuracy"]
    for value in accuracy["mean"]:
        assert f"{value:.3f}" in text
    for value in mapper.findings_["relatedness"]["correlation"]:
        assert f"{value:.2f}" in text
    assert isinstance(accuracy, pd.DataFrame)


def test_sources_that_were_not_judged_alone_fill_no_picture(mapper):
    """Of many sources the smaller ones have no lift, and no correlation: the tables have them all."""
    more = [f"shop {number}" for number in range(12)]
    blank = mapper.transfer_.iloc[[0] * len(more)].assign(source=more, verdict="no evidence")
    blank = blank.assign(**{name: np.nan for name in blank if name.startswith(("lift", "marginal"))})
    sizes = mapper.findings_["overview"]
    added = sizes.iloc[[0] * len(more)].assign(category=more)
    many = SimpleNamespace(
        target=mapper.target,
        transfer_=pd.concat([mapper.transfer_, blank]),
        findings_={**mapper.findings_, "overview": pd.concat([sizes, added])},
    )
    for section, said in (
        (sources_section(many), "12 smaller sources were not judged one by one"),
        (related_section(many), "12 smaller categories were not compared"),
    ):
        pictures = "".join(re.findall(r"<svg.*?</svg>", section, re.S))
        assert "books" in pictures
        assert "shop 3" not in pictures
        assert said in section
    assert "shop 3" in sources_section(many)


def test_two_tiles_that_say_the_same_are_one():
    tiles = [
        ("0.215", "NDCG@10 without twins, users new to it"),
        ("0.215", "NDCG@10 with twins, users new to it"),
        ("0.1", "NDCG@10 without twins, users with a history"),
        ("0.2", "NDCG@10 with twins, users with a history"),
    ]
    assert _once(tiles) == [("0.215", "NDCG@10 with or without twins, users new to it"), *tiles[2:]]
