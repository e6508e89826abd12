"""What was learned: directions of taste, routes and their weights, and leanings."""

from __future__ import annotations

from typing import Any

import pandas as pd

from tastebridge.plots import reliability_plot
from tastebridge.report.html import figure, more, number, paragraph, section, table, text

_SOURCES = 4
"""Sources whose directions are shown unfolded: those that lift most."""


def directions_section(mapper: Any) -> str:
    """Return the directions of taste that carry over, by the items at both ends."""
    told = mapper.explain_map()
    ordered = mapper.transfer_.sort_values("lift", ascending=False)["source"]
    by_source = {name: told[told["source"] == name] for name in ordered}
    parts = [_carried(rows, name, mapper.target) for name, rows in by_source.items() if len(rows)]
    rest = parts[_SOURCES:]
    if rest:
        parts = [*parts[:_SOURCES], more(f"{len(rest)} more sources", *rest)]
    return (
        section(
            "directions",
            "What carries over?",
            paragraph(
                "Directions of taste that show in both categories. Users who lean to the items on one "
                "side of the source lean to those on the same side of the target; the two sides are "
                "opposites."
            ),
            *parts,
        )
        if parts
        else ""
    )


def routes_section(mapper: Any) -> str:
    """Return the routes and how much each weighs."""
    rows = [
        (row["route"], number(row["cold"], 3), number(row["warm"], 3))
        for row in mapper.routes_.sort_values("cold", ascending=False).to_dict("records")
    ]
    used = sum(row["cold"] > 0 or row["warm"] > 0 for row in mapper.routes_.to_dict("records"))
    return section(
        "routes",
        "What is blended?",
        paragraph(
            f"Recommendations are a weighted sum of {used} routes from a user's history to scores of "
            "items. The weights were learned out of fold; here they are for a user of whom an average "
            "amount is known. Scores of different routes differ in scale, so weights compare a route over "
            "users, not two routes."
        ),
        more(
            "Routes and weights",
            table(
                ["route", "new to the target", "with a history there"], rows, "Weights of the blend", (1, 2)
            ),
        ),
    )


def interests_section(mapper: Any) -> str:
    """Return whether the leanings that are said of users come true."""
    parts = [
        figure(reliability_plot(state["reliability"].tolist(), title), title)
        for name, state in mapper.interests_.items()
        if len(state["reliability"])
        for title in [f"Is a user active in {name}?"]
    ]
    return (
        section(
            "interests",
            "Are leanings what they say?",
            paragraph(
                "How likely a user is active in a category, told by what they do in the others. Dots on "
                "the dashed line came true as often as was said, out of fold."
            ),
            f'<div class="pair">{"".join(parts[:2])}</div>',
            more(f"{len(parts) - 2} more", f'<div class="pair">{"".join(parts[2:])}</div>')
            if len(parts) > 2
            else "",
        )
        if parts
        else ""
    )


def _carried(told: pd.DataFrame, source: str, target: str) -> str:
    """Return the directions of one source, all but the first folded away."""
    first, *rest = (_direction(rows, source, target) for _, rows in told.groupby("direction"))
    folded = more(f"{len(rest)} more direction{'s' if len(rest) > 1 else ''}", *rest) if rest else ""
    return f"<h3>{text(source)} → {text(target)}</h3>{first}{folded}"


def _direction(rows: pd.DataFrame, source: str, target: str) -> str:
    first = rows.iloc[0]
    sides = []
    for end in ("high", "low"):
        for category, who in ((source, "People who lean to, in"), (target, "lean to, in")):
            here = rows[(rows["end"] == end) & (rows["category"] == category)]
            items = "".join(f"<li>{text(_shown(row))}</li>" for row in here.head(5).to_dict("records"))
            sides.append(f"<div><h4>{who} {text(category)}</h4><ul>{items}</ul></div>")
        if end == "high":
            sides.append('<div class="turn"></div>')
    said = f"correlation {first['correlation']:.2f} ({first['low']:.2f} … {first['high']:.2f})"
    return f'<div class="ends">{"".join(sides)}<p class="soft">{said}</p></div>'


def _shown(row: dict[str, Any]) -> str:
    return str(row["item_id"]) if row["name"] is None else str(row["name"])
