"""Pictures are well-formed, hold what they are given at the place it belongs to, and say it in words."""

import itertools
import math
import xml.etree.ElementTree as ElementTree

import pytest

from tastebridge.plots import category_graph, heat_map, history_plot, interval_plot, reliability_plot
from tastebridge.plots.scale import linear, ticks
from tastebridge.plots.svg import shortened

PICTURES = {
    "intervals": interval_plot(
        [("a <b>", 0.1, 0.0, 0.2, "good"), ("c", math.nan, math.nan, math.nan)], "T & T"
    ),
    "heat": heat_map({("a", "b"): 0.5, ("b", "a"): math.nan}, ["a", "b"], "T"),
    "graph": category_graph({"a": 4, "b": 1, "c": 0}, {("a", "b"): 0.7, ("b", "c"): 0.2}, "a", {"b"}),
    "history": history_plot([("1", 0.2, 0.1, 0.3, 0.1), ("2 or more", 0.4, 0.3, 0.5, 0.2)], "T", "NDCG"),
    "reliability": reliability_plot([(0.1, 0.2, 30), (0.5, 0.5, 30)], "T"),
    "nothing": reliability_plot([], "T"),
}


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_are_well_formed_and_say_what_they_show(name):
    picture = PICTURES[name]
    root = ElementTree.fromstring(picture._repr_svg_())
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.get("role") == "img"
    assert len(root.get("aria-label")) > 2
    assert "nan" not in "".join(f"{part.attrib}" for part in root.iter()).lower()


def test_marks_stand_where_their_numbers_are():
    root = ElementTree.fromstring(interval_plot([("a", 0.25, 0.0, 1.0)], "T"))
    dot = next(part for part in root.iter() if part.tag.endswith("circle"))
    bar = next(part for part in root.iter() if "width:3;" in part.get("style", ""))
    low, high, middle = float(bar.get("x1")), float(bar.get("x2")), float(dot.get("cx"))
    assert (middle - low) / (high - low) == pytest.approx(0.25, abs=0.002)


def test_a_dot_on_the_diagonal_was_right():
    root = ElementTree.fromstring(reliability_plot([(0.4, 0.4, 10), (0.6, 0.3, 10)], "T"))
    diagonal = next(part for part in root.iter() if part.tag.endswith("line") and "dash" in part.get("style"))
    x1, y1, x2, y2 = (float(diagonal.get(key)) for key in ("x1", "y1", "x2", "y2"))
    right, wrong = [part for part in root.iter() if part.tag.endswith("circle")]
    for part, on in ((right, True), (wrong, False)):
        x, y = float(part.get("cx")), float(part.get("cy"))
        assert (abs(y1 + (x - x1) / (x2 - x1) * (y2 - y1) - y) < 0.2) == on


def test_the_larger_category_has_the_larger_dot_and_the_target_is_in_the_middle():
    root = ElementTree.fromstring(PICTURES["graph"])
    dots = [part for part in root.iter() if part.tag.endswith("circle")]
    radii = [float(part.get("r")) for part in dots]
    assert radii == sorted(radii, reverse=True)
    assert float(dots[0].get("cx")) == pytest.approx(180)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-0.013, 0.097), (3, 3), (-5e-7, 2e-7), (0, 1234)])
def test_ticks_are_round_and_inside(low, high):
    found = ticks(low, high)
    assert 1 <= len(found) <= 5
    assert all(low - 1e-12 <= value <= high + 1e-12 for value in found)
    steps = {round(b - a, 12) for a, b in itertools.pairwise(found)}
    assert len(steps) <= 1


def test_scales_reach_from_end_to_end_and_survive_an_empty_range():
    x = linear(2, 4, 10, 20)
    assert (x(2), x(3), x(4)) == (10, 15, 20)
    assert linear(1, 1, 10, 20)(1) == 15


def test_long_labels_are_cut():
    assert shortened("abcdef", 6) == "abcdef"
    assert shortened("abcdefg", 6) == "abcde…"


def test_a_picture_is_saved_as_a_file_of_its_own(tmp_path):
    PICTURES["heat"].save(tmp_path / "heat.svg")
    assert ElementTree.parse(tmp_path / "heat.svg").getroot().tag.endswith("svg")
