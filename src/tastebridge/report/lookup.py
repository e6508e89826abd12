"""The users that can be looked up in a report: their history, their recommendations, and the reasons."""

from __future__ import annotations

import json

import numpy as np

from tastebridge.data import Panel
from tastebridge.diagnostics.confidence import confidence_of
from tastebridge.diagnostics.interests import interest_of
from tastebridge.model.explanation import POPULARITY
from tastebridge.report.html import gist, paragraph, section
from tastebridge.report.mapper import ReportedMapper
from tastebridge.report.reasons import lines_of, state_of
from tastebridge.report.samples import POPULAR, name_of

_ITEMS = 10


def lookup_section(shown: int, total: int) -> str:
    """Return the search box."""
    sample = (
        f" This file has all {total:,} users."
        if shown == total
        else f" This file has a random sample of {shown:,} of {total:,} users, and no others."
    )
    return section(
        "people",
        "Look up a user",
        gist("Only for readers who may see personal data. Delete this file after use."),
        paragraph(f"The recommendations to a user, and the reasons.{sample}"),
        '<label for="search">User (id, or a part of it)</label>'
        '<input id="search" type="search" autocomplete="off" spellcheck="false">'
        '<p id="status" class="soft" role="status" aria-live="polite"></p><ul id="found"></ul>'
        '<div id="person" class="card" hidden></div>',
    )


def lookup_data(mapper: ReportedMapper, panel: Panel, most: int) -> tuple[str, int]:
    """Return JSON of at most ``most`` users, drawn at random, and their number."""
    # a fixed seed: the same model gives the same report; sorted, so that users come by id
    chosen = np.sort(np.random.default_rng(0).permutation(len(panel))[:most])
    some, histories = state_of(mapper).encoder.fold_in(panel[chosen], quiet=True)
    leans = interest_of(mapper.interests_, histories)
    state = state_of(mapper)
    sure = confidence_of(mapper.confidence_, state.scorer.model, histories, _ITEMS, state.left_out(histories))
    known = np.column_stack([np.diff(histories[name].indptr) for name in mapper.interests_])
    book = _Names(mapper)
    users = [
        {
            "id": some.users.ids[[row]].tolist()[0],
            "known": known[row].tolist(),
            "sure": None if np.isnan(sure[row]) else round(float(sure[row]), 3),  # NaN is not JSON
            "leans": [round(value, 3) for value in leans[row].tolist()],
            "list": [
                [book.place(mapper.target, line.item), [book.place(*reason) for reason in line.reasons]]
                for line in lines
            ],
        }
        for row, lines in enumerate(lines_of(mapper, histories, _ITEMS))
    ]
    content = {
        "people": users,
        "items": book.names,
        "total": len(panel),
        "categories": list(mapper.interests_),
        "target": mapper.target,
    }
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")), len(users)


class _Names:
    """Names of items, each kept once and referred to by its place: most lists share their items."""

    def __init__(self, mapper: ReportedMapper) -> None:
        self._mapper = mapper
        self._places: dict[tuple[str, int], int] = {}
        self.names: list[str] = []

    def place(self, category: str, item: int) -> int | str:
        """Return the place of an item's name, or the words for popularity."""
        if category == POPULARITY:
            return POPULAR
        key = (category, item)
        if key not in self._places:
            self._places[key] = len(self.names)
            self.names.append(name_of(self._mapper, category, item))
        return self._places[key]
