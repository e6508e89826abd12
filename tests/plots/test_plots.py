"""Pictures are well-formed, hold what they are given at the place it belongs to, and say it in words."""

import itertools
import math
import re
import sys
import xml.etree.ElementTree as ElementTree

import pytest

from tastebridge.exceptions import MissingDependencyError
from tastebridge.plots import category_graph, heat_map, history_plot, interval_plot, reliability_plot
from tastebridge.plots.letters import fitting, width_of
from tastebridge.plots.paper import COLOURS, paper, ticks

PICTURES = {
    "intervals": interval_plot(
        [("a <b>", 0.1, 0.0, 0.2, "good"), ("$c_1$", math.nan, math.nan, math.nan)], "T & T"
    ),
    "heat": heat_map({("a", "b"): 0.5, ("b", "a"): math.nan}, ["a", "b"], "T"),
    "graph": category_graph({"a": 4, "b": 1, "c": 0}, {("a", "b"): 0.7, ("b", "c"): 0.2}, "a", {"b"}),
    "history": history_plot([("1", 0.2, 0.1, 0.3, 0.1), ("2 or more", 0.4, 0.3, 0.5, 0.2)], "T", "NDCG"),
    "reliability": reliability_plot([(0.1, 0.2, 30), (0.5, 0.5, 30)], "T"),
    "nothing": reliability_plot([], "T"),
}
NUMBER = r"-?[\d.]+"


def parse(picture):
    return ElementTree.fromstring(picture._repr_svg_())


def dots(root):
    """The text one reads on pointing at each dot, and where it stands."""
    found = {}
    for group in root.iter("{http://www.w3.org/2000/svg}g"):
        title, use = (group.find(f".//{{*}}{tag}") for tag in ("title", "use"))
        if group.find("{*}title") is not None and use is not None:
            found[title.text] = float(use.get("x")), float(use.get("y"))
    return found


def lines(root, wanted):
    """The ends of the straight lines with some style."""
    paths = [part.get("d") for part in root.iter("{http://www.w3.org/2000/svg}path")
             if re.search(wanted, part.get("style", "")) and part.get("d").count("L") == 1]  # fmt: skip
    return [tuple(map(float, re.findall(NUMBER, path))) for path in paths]


def radii(root):
    """The horizontal reach of the shapes dots are made of, in the order of the dots."""
    shapes = {
        part.get("id"): max(abs(float(x)) for x in re.findall(NUMBER, part.get("d")))
        for part in root.iter("{http://www.w3.org/2000/svg}path")
        if part.get("id")
    }
    uses = root.iter("{http://www.w3.org/2000/svg}use")
    return [shapes[use.get("{http://www.w3.org/1999/xlink}href")[1:]] for use in uses]


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_are_well_formed_and_say_what_they_show(name):
    root = parse(PICTURES[name])
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.get("role") == "img"
    assert len(root.get("aria-label")) > 2
    assert "nan" not in "".join(f"{part.attrib}" for part in root.iter()).lower()


def test_the_letters_given_are_the_letters_shown():
    texts = [part.text for part in parse(PICTURES["intervals"]).iter("{http://www.w3.org/2000/svg}text")]
    assert {"a <b>", "$c_1$", "not judged"} <= set(texts)


def test_pictures_of_one_page_share_no_id():
    pictures = [*PICTURES.values(), reliability_plot([(0.1, 0.2, 31), (0.5, 0.5, 30)], "T")]
    ids = [found for picture in pictures for found in re.findall(r' id="([^"]*)"', picture)]
    assert len(ids) == len(set(ids))
    for picture in pictures:
        assert "url(" not in picture
        assert set(re.findall(r'href="#([^"]*)"', picture)) <= set(re.findall(r' id="([^"]*)"', picture))


@pytest.mark.parametrize("name", PICTURES)
def test_a_page_can_set_every_colour(name):
    free = re.sub(r"var\(--\w+,#[0-9a-f]{6}\)", "", PICTURES[name])
    assert re.findall(r"(?:fill|stroke|color): ?#[0-9a-f]{6}", free) == []
    known = {f"var(--{role},{value})" for role, value in COLOURS.items()}
    assert set(re.findall(r"var\([^)]*\)", PICTURES[name])) <= known


def test_the_same_numbers_make_the_same_picture():
    again = reliability_plot([(0.1, 0.2, 30), (0.5, 0.5, 30)], "T")
    assert again == PICTURES["reliability"]


def test_marks_stand_where_their_numbers_are():
    root = parse(interval_plot([("a", 0.25, 0.0, 1.0)], "T"))
    ((middle, height),) = dots(root).values()
    ((low, y, high, other_y),) = lines(root, "stroke-width: 3")
    assert y == other_y == pytest.approx(height, abs=0.01)
    assert (middle - low) / (high - low) == pytest.approx(0.25, abs=0.002)


def test_a_dot_on_the_diagonal_was_right():
    root = parse(reliability_plot([(0.4, 0.4, 10), (0.6, 0.3, 10)], "T"))
    ((x1, y1, x2, y2),) = lines(root, "dasharray")
    right, wrong = dots(root).values()
    for (x, y), on in ((right, True), (wrong, False)):
        assert (abs(y1 + (x - x1) / (x2 - x1) * (y2 - y1) - y) < 0.2) == on


def test_the_larger_category_has_the_larger_dot_and_the_target_is_in_the_middle():
    root = parse(PICTURES["graph"])
    found = radii(root)
    assert found == sorted(found, reverse=True)
    assert found[0] == pytest.approx(18, abs=0.1)
    assert dots(root)["a: 4 users"][0] == pytest.approx(180)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-0.013, 0.097), (-5e-7, 2e-7), (0, 1234)])
def test_ticks_are_few_and_round(low, high):
    with paper(100, 100) as axes:
        axes.set_xlim(low, high)
        ticks(axes.xaxis)
        places = [place for place in axes.get_xticks() if low <= place <= high]
    assert 1 <= len(places) <= 6
    steps = {f"{(b - a):.3e}".split("e")[0] for a, b in itertools.pairwise(places)}
    assert steps <= {"1.000", "2.000", "5.000"}


@pytest.mark.parametrize(
    "name", ["Books and magazines", "WWWWWWWWWWWWWWWW", "illicit " * 4, "図書と雑誌と映画と音楽"]
)
def test_labels_take_no_more_room_than_there_is(name):
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextToPath

    label = fitting(name, 90, 12)
    assert label.endswith("…")
    assert name.startswith(label[:-1])
    if name.isascii():  # by the font's own widths; it has no Japanese letters
        drawn = TextToPath().get_text_width_height_descent(label, FontProperties(size=12), ismath=False)[0]
        assert 45 < drawn <= 90
    assert width_of(label, 12) <= 90


CHINESE = "外国文学与图书馆学书籍"


def labels_in(picture):
    """The texts that are drawn, without those under the pointer."""
    return re.findall(r">([^<>]+)</text>", picture)


@pytest.mark.parametrize("name", ["W" * 20, "i" * 20, CHINESE, "Films", "漫画"])
def test_the_graph_cuts_names_by_their_width(name):
    picture = category_graph({name: 40, "games": 9}, {}, "games", {name})
    label = next(text for text in labels_in(picture) if text[0] == name[0])
    assert width_of(label, 12) <= 124
    # a name that fits is whole, however many letters it has: 20 of the narrowest do, 11 Chinese ones do not
    assert (label == name) == (width_of(name, 12) <= 124)


@pytest.mark.filterwarnings("error")
def test_names_in_any_script_are_drawn_without_a_warning():
    names = [CHINESE, "Книги", "本", "उपन्यास", "책", "كتب"]
    sizes = dict.fromkeys(names, 5)
    pictures = [
        category_graph(sizes, {(CHINESE, "本"): 0.4}, "本", {CHINESE}),
        interval_plot([(name, 0.03, 0.01, 0.05) for name in names], "Lift"),
        heat_map({(CHINESE, "本"): 0.4}, names, "Relatedness"),
    ]
    for picture in pictures:
        # every name is there as it is written, and no letter that stood in for one
        assert {name for name in names if name != CHINESE} <= set(labels_in(picture))
        assert not re.search("[\u2801-\u28ff\u1401-\u1676]", picture)


def test_a_letter_that_could_stand_in_for_another_stays_itself():
    names = ["\u2801\u2802", "書籍", "\u1401"]
    picture = category_graph(dict.fromkeys(names, 5), {}, names[0], set())
    assert set(names) <= set(labels_in(picture))


def test_a_picture_is_saved_as_a_file_of_its_own(tmp_path):
    PICTURES["heat"].save(tmp_path / "heat.svg")
    assert ElementTree.parse(tmp_path / "heat.svg").getroot().tag.endswith("svg")


def test_without_matplotlib_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'tastebridge\[report\]'"):
        interval_plot([("a", 0.1, 0.0, 0.2)], "T")
