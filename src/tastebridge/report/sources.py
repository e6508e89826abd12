"""The value of each source, and the relatedness of all categories."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping
from typing import Any

from tastebridge.diagnostics.transfer_table import of_single_sources
from tastebridge.fitting.sources_in_time import IN_TIME, LIFTS, VERDICT
from tastebridge.plots import category_graph, heat_map, interval_plot
from tastebridge.report.gists import related_gist, sources_gist
from tastebridge.report.html import (
    Markup,
    figure,
    gist,
    measured,
    more,
    number,
    paragraph,
    percent,
    section,
    table,
    text,
)
from tastebridge.report.mapper import ReportedMapper
from tastebridge.routes.twins import WITHOUT

_PAIR = 2
_GRAPH = "Dots: categories, sized by users. Lines: thicker for closer relations; blue sources are used."
_ROLES = {"helps": "good", "helps with others": "good", "hurts": "bad"}
_OVER = {"users": "users", "items": "items", "features": "features"}
_SIGNS = {
    "helps": "▲ helps",
    "helps with others": "▲ helps with others",
    "hurts": "▼ hurts",
    "no evidence": "– no evidence",
}


def sources_section(mapper: ReportedMapper) -> str:
    """Return lift, marginal contribution and verdict of every source."""
    ordered = mapper.transfer_.sort_values("lift", ascending=False).to_dict("records")
    rows = [line for row in ordered for line in _lines(row)]
    judged = [line for line in rows if not math.isnan(line[1])]
    title = f"Lift of each source for users new to {mapper.target}, with 95 % intervals"
    later = LIFTS[0] in mapper.transfer_
    if later:
        title += "; later: for users who came later"
    if judged and len(judged) < len(rows):
        # rows without a dot would make most of the picture where there are many sources
        title += f"; {len(rows) - len(judged)} smaller sources were not judged one by one"
    cells = [_cells(row, later) for row in ordered]
    columns = ["source", "verdict", "used", "users in both"]
    columns += ["lift (95 %)", "lift without twins (95 %)", "loss without it (95 %)"]
    columns += ["lift for users who came later (95 %)"] if later else []
    return section(
        "sources",
        "Do users' histories in other categories help?",
        gist(sources_gist(mapper)),
        paragraph(
            "Evaluated on users whose history in the target was held out of the fit. Lift is the gain in "
            "NDCG@10 from this source alone, over the best model without sources. A source that hurts is "
            "not used. In brackets is the bridge between source and target: users in both, items in both, "
            "or features of their items."
        ),
        '<div class="pair">',
        figure(interval_plot(judged or rows, title, "lift of NDCG@10"), title),
        "<div>",
        table(columns[:3], [row[:3] for row in cells], "Verdicts"),
        "</div></div>",
        more(
            "All figures",
            table(columns, cells, "Lift, and the loss when the source is left out", range(3, len(columns))),
            paragraph(
                "If sources carry the same information, leaving out one of them loses nothing, but leaving "
                "out all of them does."
            ),
        ),
    )


def _cells(row: Mapping[Hashable, Any], later: bool) -> tuple[str, ...]:
    """Return the cells of a source, in the order of the columns, the last one of users who came later."""
    return (
        row["source"],
        _verdict(row["verdict"]),
        used(row),
        f"{row['linked']:,}",
        _with_interval(row, "lift"),
        _with_interval(row, "lift", WITHOUT),
        _with_interval(row, "marginal"),
        *([_with_interval(row, "lift", IN_TIME)] if later else []),
    )


def used(row: Mapping[Hashable, Any]) -> str:
    """Return whether a source of ``transfer_`` is used, and its bridges: ``"yes (users, items)"``."""
    if not row["kept"]:
        return "no"
    # models from before there were several bridges have no such column
    over = [_OVER[bridge] for bridge in str(row.get("bridge") or "").split(" + ") if bridge in _OVER]
    return f"yes ({', '.join(over)})" if over else "yes"


def related_section(mapper: ReportedMapper) -> str:
    """Return the graph of categories and the heat map of relatedness."""
    sizes, pairs = mapper.findings_["overview"], mapper.findings_["relatedness"]
    names = sizes["category"].tolist()
    n_users = dict(zip(names, sizes["people"].tolist(), strict=True))
    values = {(row["source"], row["target"]): row["correlation"] for row in pairs.to_dict("records")}
    single = of_single_sources(mapper.transfer_)
    used = set(single.loc[single["kept"], "source"])
    # NaN, which is not equal to itself, marks a pair with too few users in both
    known = {pair: value for pair, value in values.items() if value == value}
    rows = [_pair_cells(row) for row in pairs.to_dict("records")]
    pictures: tuple[str, ...] = ()
    measured_names = {name for pair in known for name in pair} | {mapper.target}
    shown = [name for name in names if name in measured_names]
    if len(shown) > _PAIR:  # two dots and four cells say less than their table
        graph = category_graph({name: n_users[name] for name in shown}, known, mapper.target, used)
        cells = heat_map(values, shown, "Canonical correlations of all pairs")
        rest = len(names) - len(shown)
        pictures = (
            '<div class="pair">',
            figure(graph, _GRAPH + (f" {rest} smaller categories were not compared." if rest else "")),
            figure(cells, "Canonical correlation, out of fold", True),
            "</div>",
        )
    columns = ["from", "to", "users in both", "share of the first", "correlation (95 %)", "explained, %"]
    figures = table(columns, rows, "All ordered pairs of categories", range(2, 6))
    return section(
        "related",
        "How closely are the categories related?",
        gist(related_gist(pairs, mapper.target)),
        paragraph(
            "The canonical correlation of users' tastes in two categories: 0 if they are unrelated, 1 if "
            "one determines the other. The directions are learned on four fifths of the users in both, and "
            "the correlation is measured on the rest."
        ),
        *pictures,
        more("All figures", figures) if pictures else figures,
    )


def _pair_cells(row: Mapping[Hashable, Any]) -> tuple[str, ...]:
    """Return the cells of an ordered pair of categories, in the order of the columns."""
    return (
        row["source"],
        row["target"],
        f"{row['linked']:,}",
        percent(row["overlap"]),
        measured(row["correlation"], row["low"], row["high"], 2),
        number(100 * row["explained"], 1),
    )


def _with_interval(row: Mapping[Hashable, Any], name: str, end: str = "") -> str:
    value, low, high = (row.get(f"{part}{end}", math.nan) for part in (name, f"{name}_low", f"{name}_high"))
    return measured(value, low, high, 4, True)


def _lines(row: Mapping[Hashable, Any]) -> Iterator[tuple[str, float, float, float, str]]:
    """Yield a source's line of the plot of lifts, and one without twins where that is another."""
    lift, low, high = row["lift"], row["lift_low"], row["lift_high"]
    yield row["source"], lift, low, high, _ROLES.get(row["verdict"], "flat")
    apart = row.get(f"lift{WITHOUT}", lift)
    if apart != lift and not math.isnan(apart):
        yield (
            f"{row['source']}, without twins",
            apart,
            row[f"lift_low{WITHOUT}"],
            row[f"lift_high{WITHOUT}"],
            "good" if row[f"lift_low{WITHOUT}"] > 0 else "flat",
        )
    later = [row.get(name, math.nan) for name in LIFTS]
    if not math.isnan(later[0]):
        yield f"{row['source']}, later", *later, _ROLES.get(row[VERDICT], "flat")


def _verdict(verdict: str) -> Markup:
    kind = verdict if verdict in _ROLES else "soft"
    return Markup(f'<span class="{kind}">{text(_SIGNS[verdict])}</span>')
