"""The users a report lets one look up: what is known of them, their recommendations, and why."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from tastebridge.data import Panel
from tastebridge.diagnostics.confidence import confidence_of
from tastebridge.diagnostics.interests import interest_of
from tastebridge.model.explanation import POPULARITY
from tastebridge.report.html import paragraph, section
from tastebridge.report.reasons import lines_of, state_of
from tastebridge.report.samples import name_of

_ITEMS = 10


def people_section(shown: int, total: int) -> str:
    """Return the search box."""
    which = "" if shown == total else f" A random {shown:,} of {total:,} users are in this file."
    return section(
        "people",
        "Look a user up",
        paragraph(f"What is recommended to a user, and why.{which} This part holds personal data."),
        '<label for="search">User (id, or a part of it)</label>'
        '<input id="search" type="search" autocomplete="off" spellcheck="false">'
        '<p id="status" class="soft" role="status" aria-live="polite"></p><ul id="found"></ul>'
        '<div id="person" class="card" hidden></div>',
    )


def people_data(mapper: Any, panel: Panel, most: int) -> tuple[str, int]:
    """Return JSON of at most ``most`` users, drawn at random, and how many they are."""
    chosen = np.sort(np.random.default_rng(0).permutation(len(panel))[:most])
    some, histories = state_of(mapper).encoder.fold_in(panel[chosen], quiet=True)
    leans = interest_of(mapper.interests_, histories)
    sure = confidence_of(mapper.confidence_, state_of(mapper).scorer.model, histories, _ITEMS)
    known = np.column_stack([np.diff(histories[name].indptr) for name in mapper.interests_])
    book = _Names(mapper)
    people = [
        {
            "id": some.users.ids[[row]].tolist()[0],
            "known": known[row].tolist(),
            "sure": None if np.isnan(sure[row]) else round(float(sure[row]), 3),
            "leans": [round(value, 3) for value in leans[row].tolist()],
            "list": [
                [book.place(mapper.target, line.item), [book.place(*reason) for reason in line.reasons]]
                for line in lines
            ],
        }
        for row, lines in enumerate(lines_of(mapper, histories, _ITEMS))
    ]
    content = {
        "people": people,
        "items": book.names,
        "categories": list(mapper.interests_),
        "target": mapper.target,
    }
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")), len(people)


class _Names:
    """Names of items, each kept once and referred to by its place."""

    def __init__(self, mapper: Any) -> None:
        self._mapper = mapper
        self._places: dict[tuple[str, int], int] = {}
        self.names: list[str] = []

    def place(self, category: str, item: int) -> int | str:
        """Return the place of an item's name, or what to say for popularity."""
        if category == POPULARITY:
            return "what is popular"
        key = (category, item)
        if key not in self._places:
            self._places[key] = len(self.names)
            self.names.append(name_of(self._mapper, category, item))
        return self._places[key]
