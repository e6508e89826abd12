"""The sections about the inside of the model: directions of taste, weights of routes, and interests."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from tastebridge.diagnostics.transfer_table import of_single_sources
from tastebridge.plots import reliability_plot
from tastebridge.report.gists import calibration_gist, directions_gist, reliabilities, routes_gist
from tastebridge.report.html import figure, gist, more, number, paragraph, section, table, text
from tastebridge.report.mapper import ReportedMapper

_SOURCES = 4
"""Number of sources, the most useful ones, whose directions are not folded away."""


def directions_section(mapper: ReportedMapper) -> str:
    """Return the directions of taste that source and target share, by the items at both ends."""
    directions = mapper.explain_map()
    ordered = of_single_sources(mapper.transfer_).sort_values("lift", ascending=False)["source"]
    by_source = {name: directions[directions["source"] == name] for name in ordered}
    # a source without linked users, or with none that correlate, has no direction
    parts = [_shared(rows, name, mapper.target) for name, rows in by_source.items() if len(rows)]
    rest = parts[_SOURCES:]
    if rest:
        parts = [*parts[:_SOURCES], more(f"{len(rest)} more sources", *rest)]
    return (
        section(
            "directions",
            "Which tastes do the categories share?",
            gist(directions_gist(directions, mapper.target)),
            paragraph(
                "Directions of taste that appear in both categories. Users who prefer the items on one side "
                "of the source prefer the items on the same side of the target. The two sides are opposites."
            ),
            *parts,
        )
        if parts
        else ""
    )


def routes_section(mapper: ReportedMapper) -> str:
    """Return the routes with their weights."""
    rows = [
        (row["route"], number(row["cold"], 3), number(row["warm"], 3))
        for row in mapper.routes_.sort_values("cold", ascending=False).to_dict("records")
    ]
    # kept routes can have the weight zero, if a gating feature reads them
    used = sum(row["cold"] > 0 or row["warm"] > 0 for row in mapper.routes_.to_dict("records"))
    return section(
        "routes",
        "How are routes blended?",
        gist(routes_gist(mapper.routes_)),
        paragraph(
            f"Recommendations are a weighted sum of {used} routes from a user's history to scores of "
            "items. The weights were learned out of fold; shown here are the weights for a user with an "
            "average history. Scores of routes differ in scale: a weight can be compared between groups of "
            "users, but not between routes."
        ),
        more(
            "Routes and weights",
            table(
                ["route", "new to the target", "with a history there"], rows, "Weights of the blend", (1, 2)
            ),
        ),
    )


def interests_section(mapper: ReportedMapper) -> str:
    """Return the reliability of predicted interests."""
    parts = [
        figure(reliability_plot(state["reliability"].tolist(), title), title)
        for name, state in mapper.interests_.items()
        if len(state["reliability"])
        for title in [f"Is a user active in {name}?"]  # a name within the comprehension
    ]
    return (
        section(
            "interests",
            "Are predicted interests reliable?",
            gist(calibration_gist(reliabilities(mapper.interests_), "A predicted interest")),
            paragraph(
                "The predicted probability that a user is active in a category, from their history in the "
                "others. Dots on the dashed line were observed as often as predicted, out of fold."
            ),
            f'<div class="pair">{"".join(parts[:2])}</div>',
            more(f"{len(parts) - 2} more", f'<div class="pair">{"".join(parts[2:])}</div>')
            if len(parts) > 2
            else "",
        )
        if parts
        else ""
    )


def _shared(directions: pd.DataFrame, source: str, target: str) -> str:
    """Return the directions of one source, all but the first folded away."""
    # directions are numbered by falling correlation, and groupby sorts by number
    first, *rest = (_direction(rows, source, target) for _, rows in directions.groupby("direction"))
    folded = more(f"{len(rest)} more direction{'s' if len(rest) > 1 else ''}", *rest) if rest else ""
    return f"<h3>{text(source)} → {text(target)}</h3>{first}{folded}"


def _direction(rows: pd.DataFrame, source: str, target: str) -> str:
    first = rows.iloc[0]
    sides = []
    for end in ("high", "low"):
        for category, lead in ((source, "Users who prefer in"), (target, "also prefer in")):
            chosen = rows[(rows["end"] == end) & (rows["category"] == category)]
            items = "".join(f"<li>{text(_shown(row))}</li>" for row in chosen.head(5).to_dict("records"))
            sides.append(f"<div><h4>{lead} {text(category)}</h4><ul>{items}</ul></div>")
        if end == "high":
            sides.append('<div class="turn"></div>')  # the style sheet breaks the grid between the ends
    caption = f"correlation {first['correlation']:.2f} ({first['low']:.2f} … {first['high']:.2f})"
    return f'<div class="ends">{"".join(sides)}<p class="soft">{caption}</p></div>'


def _shown(row: Mapping[Hashable, Any]) -> str:
    return str(row["item_id"]) if row["name"] is None else str(row["name"])
