"""How good the recommendations are, for whom, how sure, and what kind of items they are."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any

from tastebridge.diagnostics.confidence import LENGTHS
from tastebridge.plots import history_plot, reliability_plot
from tastebridge.report.html import (
    figure,
    measured,
    more,
    number,
    paragraph,
    percent,
    section,
    table,
)

_SEGMENTS = {"cold": "People new to the target", "warm": "People with a history in the target"}


def accuracy_section(mapper: Any) -> str:
    """Return accuracy against the lists that need no source, and by length of history."""
    found, groups = mapper.findings_["accuracy"], mapper.findings_["by_history"]
    parts = []
    for segment, label in _SEGMENTS.items():
        rows = found[found["segment"] == segment].to_dict("records")
        if not rows:
            continue
        cells = [(row["list"], measured(row["mean"], row["low"], row["high"]), _gap(row)) for row in rows]
        caption = f"{label}: {rows[0]['people']:,} judged"
        own = table(["", "NDCG@10 (95 %)", "difference (95 %)"], cells, caption, (1, 2))
        parts.append(f"<div>{own}</div>{_by_history(groups[groups['segment'] == segment], label)}")
    return section(
        "accuracy",
        "How good is it?",
        paragraph(
            "Every item of the target is ranked; what is to be found are items that were hidden while the "
            "model learned: all of a user's for users new to the target, one for the others. NDCG@10 is "
            "1 when all hidden items come first and 0 when none is among the first ten."
        ),
        f'<div class="pair">{"".join(parts)}</div>'
        if parts
        else paragraph("Too few users were in both to judge."),
    )


def confidence_section(mapper: Any) -> str:
    """Return how often lists hold a hit, and the reliability of what is said of it."""
    parts, rows = [], []
    for segment, label in _SEGMENTS.items():
        calibrations = mapper.confidence_.get(segment, [])
        for n, part in zip(LENGTHS, calibrations, strict=False):
            if len(part.reliability):
                seen, people = part.reliability[:, 1], part.reliability[:, 2]
                rows.append((f"{label}, first {n}", percent(float((seen * people).sum() / people.sum()))))
            if n == 10 and len(part.reliability):
                title = f"{label}: does a list of ten hold a hit?"
                parts.append(figure(reliability_plot(part.reliability.tolist(), title), title))
    return section(
        "confidence",
        "How sure is a list?",
        paragraph(
            "For every user the model says how likely their list holds a hit. Each dot is a tenth of the "
            "users: what was said of them, and what came true, out of fold. On the dashed line the two are "
            "the same."
        )
        if parts
        else "",
        f'<div class="pair">{"".join(parts)}</div>' if parts else "",
        more("Lists of other lengths", table(["list", "hold a hit"], rows, "Share of lists with a hit", (1,)))
        if rows
        else "",
    )


def breadth_section(mapper: Any) -> str:
    """Return coverage, novelty and popularity bias of the lists, beside those of simpler ones."""
    found = mapper.findings_["beyond_accuracy"]
    parts = []
    for segment, label in _SEGMENTS.items():
        rows = [
            (
                row["list"],
                percent(row["coverage"]),
                number(row["novelty"], 1),
                number(row["bias"], 2),
                number(row["popularity"], 0),
            )
            for row in found[found["segment"] == segment].to_dict("records")
        ]
        columns = ["lists of ten", "coverage", "novelty, bits", "popularity bias", "had by"]
        if rows:
            caption = f"{label}: {found.loc[found['segment'] == segment, 'people'].iloc[0]:,} lists"
            parts.append(table(columns, rows, caption, range(1, 5)))
    return (
        section(
            "breadth",
            "What kind of items does it recommend?",
            paragraph(
                "Coverage is the share of the catalogue that is on any list. Novelty is how rare the items "
                "are: one bit more is half as many users. Popularity bias is 0.5 for lists at random and "
                "1 for best-sellers alone."
            ),
            *parts,
        )
        if parts
        else ""
    )


def _gap(row: Mapping[Hashable, Any]) -> str:
    if math.isnan(row["difference"]):
        return "baseline"
    return measured(row["difference"], row["difference_low"], row["difference_high"], signed=True)


def _by_history(groups: Any, label: str) -> str:
    if len(groups) < 2:
        return "<div></div>"
    rows = groups.to_dict("records")
    points = [(row["known"], row["mean"], row["low"], row["high"], row["baseline"]) for row in rows]
    title = f"{label}, by how much is known of them elsewhere"
    return figure(history_plot(points, title, "NDCG@10"), title)
