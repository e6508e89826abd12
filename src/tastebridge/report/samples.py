"""Sample recommendations to made-up users, which also a model without users can show."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tastebridge._foundation.warnings import muted
from tastebridge.data import Panel
from tastebridge.model.explanation import POPULARITY
from tastebridge.report.html import gist, paragraph, section, text
from tastebridge.report.mapper import ReportedMapper
from tastebridge.report.reasons import Line, lines_of, state_of

_USERS, _ITEMS, _PAST_ITEMS = 4, 5, 4
POPULAR = "general popularity"
_GIST = (
    "Read these lists as a customer would: if they look odd, check the categories and names of the data "
    "before the model is used."
)


def samples_section(mapper: ReportedMapper) -> str:
    """Return recommendations to users with items from the ends of learned directions, with reasons."""
    cards = [_card(mapper, source, items) for source, items in _tastes(mapper)]
    return (
        section(
            "samples",
            "What would it recommend, and why?",
            gist(_GIST),
            paragraph(
                "Made-up users, each with four items from one source. Below each recommended item are the "
                "past items that contribute most to its score."
            ),
            f'<div class="cards">{"".join(cards)}</div>' if cards else "",
        )
        if cards
        else ""
    )


def name_of(mapper: ReportedMapper, category: str, item: int) -> str:
    """Return the name of an item by its number, or its id."""
    ident = mapper.items_[category].ids[item]
    names = mapper.item_names_
    shown = None if names is None or category not in names else names[category].get(ident)
    return str(ident) if shown is None else str(shown)


def _tastes(mapper: ReportedMapper) -> list[tuple[str, list[int]]]:
    """Return up to four tastes: a source, and the items at an end of its first direction."""
    table = mapper.directions_
    first = table[(table["direction"] == 1) & (table["category"] == table["source"])]
    found = [
        (str(source), rows["item"].head(_PAST_ITEMS).tolist())
        for (source, _), rows in first.groupby(["source", "end"], sort=False)
    ]
    if found:
        return found[:_USERS]
    # without a linked source there are no directions: take the items with most users instead
    others = [name for name in mapper.items_ if name != mapper.target]
    return [
        (name, np.argsort(mapper.statistics_[name].idf, kind="stable")[:_PAST_ITEMS].tolist())
        for name in others[:_USERS]
    ]


def _card(mapper: ReportedMapper, source: str, items: list[int]) -> str:
    frame = pd.DataFrame({"user_id": 0, "item_id": mapper.items_[source].ids[items], "category": source})
    with muted():  # a panel of a single user is small on purpose
        _, histories = state_of(mapper).encoder.fold_in(Panel.from_frame(frame), quiet=True)
        lines = lines_of(mapper, histories, _ITEMS)[0]
    past = " · ".join(name_of(mapper, source, item) for item in items)
    rows = "".join(_row(mapper, line) for line in lines)
    head = f"A user with these items in {text(source)}: {text(past)}"
    return f'<div class="card"><h3>{head}</h3><ol>{rows}</ol></div>'


def _row(mapper: ReportedMapper, line: Line) -> str:
    because = " · ".join(
        POPULAR if category == POPULARITY else name_of(mapper, category, item)
        for category, item in line.reasons
    )
    return (
        f"<li>{text(name_of(mapper, mapper.target, line.item))}<small>because of {text(because)}</small></li>"
    )
