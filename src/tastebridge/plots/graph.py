"""The categories as a graph: the more people the larger, the closer related the stronger the line."""

from __future__ import annotations

import math
from collections.abc import Mapping, Set

from tastebridge.plots.svg import Picture, bow, dot, frame, segment, shortened, words

_WIDTH, _HEIGHT = 360.0, 320.0


def category_graph(
    people: Mapping[str, int],
    relatedness: Mapping[tuple[str, str], float],
    target: str,
    used: Set[str],
    title: str = "Categories and how closely they are related",
) -> Picture:
    """Draw categories around the target.

    Parameters
    ----------
    people : mapping of category to int
        How many are there: the area of the dot.
    relatedness : mapping of (category, category) to float
        Canonical correlations: the width of the line.
    target : str
        It stands in the middle.
    used : set of str
        Sources the mapper uses: in the colour of the target; the others are grey.

    Examples
    --------
    >>> sizes = {"books": 40, "films": 90}
    >>> "films" in category_graph(sizes, {("books", "films"): 0.5}, "films", {"books"})
    True
    """
    places = _places(people, target)
    far, near = [], []
    for (one, other), value in relatedness.items():
        ends = (*places.get(one, ()), *places.get(other, ()))
        if one < other and len(ends) == 4 and value > 0.02:
            width = 1 + 9 * value**2
            if target in (one, other):
                role = "accent" if {one, other} - {target} <= used else "flat"
                near.append(segment(*ends, role, width))
            else:
                far.append(bow(*ends, "line", width))
    marks = [*far, *near]
    most = max(people.values(), default=1)
    for name, (x, y) in places.items():
        radius = 6 + 12 * math.sqrt(people[name] / max(most, 1))
        role = "good" if name == target else "accent" if name in used else "flat"
        marks.append(dot(x, y, radius, role, f"{name}: {people[name]:,} people"))
        marks.append(
            words(x, y + radius + 14, shortened(name, 16), anchor="middle", bold=name == target, raised=True)
        )
    said = f"{target} in the middle; " + "; ".join(
        f"{one} and {other}: {value:.2f}" for (one, other), value in relatedness.items() if one < other
    )
    return frame(_WIDTH, _HEIGHT, title, said, marks)


def _places(people: Mapping[str, int], target: str) -> dict[str, tuple[float, float]]:
    """Return where each category stands: the target in the middle, the others on a ring."""
    others = [name for name in people if name != target]
    places = {target: (_WIDTH / 2, _HEIGHT / 2 - 8)} if target in people else {}
    for place, name in enumerate(others):
        angle = 2 * math.pi * place / len(others) - math.pi / 2
        x, y = _WIDTH / 2 + 128 * math.cos(angle), _HEIGHT / 2 - 8 + 118 * math.sin(angle)
        places[name] = (x, y)
    return places
