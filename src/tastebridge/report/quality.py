"""The quality of recommendations: accuracy by group of users, confidence, and kind of items."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from tastebridge.diagnostics.confidence import LENGTHS
from tastebridge.diagnostics.twins import share_of_hits
from tastebridge.online.in_time_figures import share_sentences
from tastebridge.online.twin_figures import twin_sentences
from tastebridge.plots import history_plot, reliability_plot
from tastebridge.report.gists import accuracy_gist, breadth_gist, calibration_gist
from tastebridge.report.html import (
    figure,
    gist,
    measured,
    more,
    number,
    paragraph,
    percent,
    section,
    table,
)
from tastebridge.report.mapper import ReportedMapper
from tastebridge.report.reasons import state_of
from tastebridge.routes.twins import WITHOUT

_ENDS = {"": "", WITHOUT: ", without twins"}
_SEGMENTS = {"cold": "Users new to the target", "warm": "Users with a history in the target"}
_IN_TIME = {
    "cold in time": "Evaluated in time, users new to the target",
    "warm in time": "Evaluated in time, users with a history in the target",
}
"""Users evaluated on events later than all events of the fit."""


def accuracy_section(mapper: ReportedMapper) -> str:
    """Return accuracy compared with lists that need no source, and by length of history."""
    parts = []
    for segment, label in {**_SEGMENTS, **_IN_TIME}.items():
        for end, which in _ENDS.items():
            found = mapper.findings_.get(f"accuracy{end}")
            if found is not None and (found["segment"] == segment).any():
                groups = mapper.findings_[f"by_history{end}"]
                rows = found[found["segment"] == segment].to_dict("records")
                parts.append(_comparison(rows, groups[groups["segment"] == segment], f"{label}{which}"))
    return section(
        "accuracy",
        "How good is it?",
        gist(accuracy_gist(mapper)),
        paragraph(
            "Every item of the target is ranked. The items to be found were held out of the fit: all items "
            "of a user for users new to the target, one item for the others. NDCG@10 is 1 if all held-out "
            "items come first, and 0 if none is among the first ten. Users are drawn at random. If events "
            "have times, users are also evaluated in time: on their later events, with routes fitted on "
            "earlier events only, and compared with the better of popularity and recent popularity."
        ),
        *(paragraph(line) for line in twin_sentences(state_of(mapper))),
        *(paragraph(line) for line in share_sentences(state_of(mapper))),
        f'<div class="pair">{"".join(parts)}</div>'
        if parts
        else paragraph("Too few users have histories in both a source and the target for an evaluation."),
    )


def _comparison(rows: list[dict[Hashable, Any]], groups: pd.DataFrame, label: str) -> str:
    """Return the table of lists of one kind of users, and their figure by length of history."""
    cells = [(row["list"], measured(row["mean"], row["low"], row["high"]), _gap(row)) for row in rows]
    caption = f"{label}: {rows[0]['people']:,} evaluated"
    compared = table(["", "NDCG@10 (95 %)", "difference (95 %)"], cells, caption, (1, 2))
    return f"<div>{compared}</div>{_by_history(groups, label)}"


def confidence_section(mapper: ReportedMapper) -> str:
    """Return the shares of lists that hold a hit, and the reliability of the predicted probabilities."""
    parts, rows, points = [], [], []
    kinds = {f"{name}{end}": f"{of}{which}" for name, of in _SEGMENTS.items() for end, which in _ENDS.items()}
    for kind, label in kinds.items():
        calibrations = mapper.confidence_.get(kind, [])
        # not strict: a segment with too few users has no calibrations at all
        for n, part in zip(LENGTHS, calibrations, strict=False):
            if len(part.reliability):
                rows.append((f"{label}, first {n}", percent(share_of_hits(part))))
            if n == 10 and len(part.reliability):
                points.append(part.reliability)
                title = f"{label}: does a list of ten hold a hit?"  # ten is the length of NDCG@10, too
                parts.append(figure(reliability_plot(part.reliability.tolist(), title), title))
    return section(
        "confidence",
        "How likely does a list hold a hit?",
        gist(calibration_gist(points, "The predicted probability of a hit in ten")),
        paragraph(
            "For every user the model predicts the probability that their list holds a hit. Each dot is a "
            "tenth of the users, with the predicted and the observed share of hits, out of fold. On the "
            "dashed line the two are equal."
        )
        if parts
        else "",
        f'<div class="pair">{"".join(parts)}</div>' if parts else "",
        more("Lists of other lengths", table(["list", "hold a hit"], rows, "Share of lists with a hit", (1,)))
        if rows
        else "",
    )


def breadth_section(mapper: ReportedMapper) -> str:
    """Return coverage, novelty and popularity bias of the lists and of simpler ones."""
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
        columns = ["lists of ten", "coverage", "novelty, bits", "popularity bias", "users per item"]
        if rows:
            caption = f"{label}: {found.loc[found['segment'] == segment, 'people'].iloc[0]:,} lists"
            parts.append(table(columns, rows, caption, range(1, 5)))
    return (
        section(
            "breadth",
            "What kind of items does it recommend?",
            gist(breadth_gist(found)),
            paragraph(
                "Coverage is the share of the catalogue that appears on any list. Novelty measures how rare "
                "the items are: one bit more means half as many users. Popularity bias is 0.5 for random "
                "lists and 1 for lists of best-sellers only."
            ),
            *parts,
        )
        if parts
        else ""
    )


def _gap(row: Mapping[Hashable, Any]) -> str:
    # the list that the others are compared with has no difference
    if math.isnan(row["difference"]):
        return "baseline"
    return measured(row["difference"], row["difference_low"], row["difference_high"], signed=True)


def _by_history(groups: pd.DataFrame, label: str) -> str:
    if len(groups) < 2:
        return "<div></div>"  # keeps its column of the grid
    rows = groups.to_dict("records")
    points = [(row["known"], row["mean"], row["low"], row["high"], row["baseline"]) for row in rows]
    title = f"{label}, by length of their history in the sources"
    return figure(history_plot(points, title, "NDCG@10"), title)
