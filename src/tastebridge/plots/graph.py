"""Categories as a graph: larger dots for more users, thicker lines for closer relatedness."""

from __future__ import annotations

import math
from collections.abc import Mapping, Set
from typing import TYPE_CHECKING, Any

from tastebridge.plots.letters import fitting
from tastebridge.plots.paper import colour, hint, paper
from tastebridge.plots.picture import Picture, picture_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDTH, _HEIGHT = 360.0, 320.0
_LABEL = 124.0
"""Pixels of a label at most: of six sources on the ring, two neighbours are 128 apart."""
_Place = tuple[float, float]


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
        The number of users of each category, shown by the area of the dot.
    relatedness : mapping of (category, category) to float
        Canonical correlations, shown by the width of the line.
    target : str
        The category in the middle.
    used : set of str
        The sources the mapper uses, in colour; the others are grey.

    Examples
    --------
    >>> sizes = {"books": 40, "films": 90}
    >>> "films" in category_graph(sizes, {("books", "films"): 0.5}, "films", {"books"})
    True
    """
    places = _places(people, target)
    with paper(_WIDTH, _HEIGHT) as axes:
        axes.set(xlim=(0, _WIDTH), ylim=(_HEIGHT, 0), xticks=[], yticks=[])
        for (one, other), value in relatedness.items():
            # each pair once, and no line for a correlation that rounds to nothing
            if one < other and {one, other} <= set(places) and value > 0.02:
                far = target not in (one, other)
                # used sources in colour, others grey, pairs of two sources in the background
                role = "line" if far else "accent" if {one, other} - {target} <= used else "flat"
                _link(axes, places[one], places[other], role, 1 + 9 * value**2, far)
        most = max([1, *people.values()])
        for name, place in places.items():
            # the area of a dot, not its radius, grows with the number of users
            role = "good" if name == target else "accent" if name in used else "flat"
            _category(axes, name, place, 6 + 12 * math.sqrt(people[name] / most), role, people[name])
        said = f"{target} in the middle; " + "; ".join(
            f"{one} and {other}: {value:.2f}" for (one, other), value in relatedness.items() if one < other
        )
        return picture_of(axes, title, said)


def _link(axes: Axes, one: _Place, other: _Place, role: str, width: float, far: bool) -> None:
    """Draw a line between two categories; a line that does not touch the target is curved and drawn below."""
    from matplotlib.patches import FancyArrowPatch

    bend = f"arc3,rad={0.22 if far else 0}"
    line: dict[str, Any] = {"arrowstyle": "-", "shrinkA": 0, "shrinkB": 0, "connectionstyle": bend}
    shade: dict[str, Any] = {"color": colour(role), "linewidth": width, "zorder": 1 if far else 2}
    axes.add_patch(FancyArrowPatch(one, other, **line, **shade))


def _category(axes: Axes, name: str, place: _Place, radius: float, role: str, people: int) -> None:
    x, y = place
    dot: dict[str, Any] = {"color": colour(role), "markersize": 2 * radius, "markeredgewidth": 0, "zorder": 3}
    axes.plot([x], [y], "o", **dot, gid=hint(f"{name}: {people:,} users"))
    rim = {"facecolor": colour("paper"), "linewidth": 0, "pad": 1, "alpha": 0.8}
    weight = "bold" if role == "good" else "normal"
    label = fitting(name, _LABEL, 12)
    axes.text(x, y + radius + 10, label, ha="center", va="center", weight=weight, bbox=rim, zorder=4)


def _places(people: Mapping[str, int], target: str) -> dict[str, _Place]:
    """Return the place of each category: the target in the middle, the others on a ring."""
    others = [name for name in people if name != target]
    places = {target: (_WIDTH / 2, _HEIGHT / 2 - 8)} if target in people else {}
    for place, name in enumerate(others):
        angle = 2 * math.pi * place / len(others) - math.pi / 2
        x, y = _WIDTH / 2 + 128 * math.cos(angle), _HEIGHT / 2 - 8 + 118 * math.sin(angle)
        places[name] = (x, y)
    return places
