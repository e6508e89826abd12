"""The model card: the purpose, training data, measured accuracy and limits of a saved model.

References
----------
M. Mitchell et al., "Model Cards for Model Reporting", FAT* (2019).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pandas as pd

from tastebridge._foundation.printable import printable
from tastebridge._foundation.version import __version__
from tastebridge.fitting.sources_in_time import LIFTS
from tastebridge.model.similarity import ItemSimilarity
from tastebridge.online.in_time_figures import share_sentences
from tastebridge.online.twin_figures import twin_sentences
from tastebridge.online.weighting_figures import weighting_sentence
from tastebridge.persist.parameters import to_json, to_write
from tastebridge.persist.saved import Saved
from tastebridge.routes.links import LinearEncoder
from tastebridge.routes.twins import WITHOUT

_SEGMENTS = {
    "cold": "new to the target",
    "warm": "with a history in the target",
    "cold in time": "new to the target, evaluated in time",
    "warm in time": "with a history in the target, evaluated in time",
}
_USE = """It ranks items of the target for users known by their events in the categories below, so that
a user can choose among them. It is not intended for decisions about users, such as prices, credit, work or
health. A preference it infers must not be read as a personal trait."""
_LIMITS = """- It learned from users with events in several categories; other users may differ from them.
- Items are represented by their users. An item without users is recommended only if it has features, and "
"popular items are favoured.
- Its maps are linear and fixed, but tastes change: the figures hold for the period of the data.
- Figures come from users held out of the fit. They measure how well the model finds items that users chose "
"by themselves, not how recommendations change behaviour.
"""
_SCALE = {
    False: "- Scores can be compared within the target only.",
    True: "- Scores are probabilities that an item is the user's next one, for the period of the data.",
}
"""The sentence about scores, by whether there are several targets."""
_HOW = """```python
import tastebridge as tb

model = tb.load("this folder")
model.recommend_from(history, n=10)  # history: a frame of user_id, item_id, category
```"""


def card_of(parts: Saved, with_users: bool, updatable: bool) -> str:
    """Return the card of a recommender as Markdown; it names no user."""
    sections = [
        f"# {parts.kind}: recommends in {', '.join(map(_cell, parts.targets))}",
        f"A model of tastebridge {__version__}. {_privacy(with_users, updatable)}{_links(parts)}",
        *(_cell(" ".join(twin_sentences(state))) for state in parts.targets.values() if state.twins),
        f"## Intended use\n\n{_USE}",
        *_section("## Data", _data(parts)),
        *_section("## Does it help?", _sources(parts)),
        *_section("## Measured accuracy", _accuracy(parts)),
        *(_cell(line) for state in parts.targets.values() for line in share_sentences(state)),
        *_section("## Compression", _compression(parts)),
        *_section("## Kind of recommendations", _breadth(parts)),
        *_section("## Settings", _settings(parts)),
        f"## Limits\n\n{_LIMITS}{_SCALE[parts.joint is not None]}",
        f"## How to use it\n\n{_HOW}",
    ]
    return "\n\n".join(sections) + "\n"


def _privacy(with_users: bool, updatable: bool) -> str:
    if updatable and not with_users:
        return (
            "It holds items and numbers, and no user. The numbers needed for updates include, for pairs of "
            "items, how many users have both; a count of one describes a single user."
        )
    if with_users:
        return "**It holds the users it learned from and their histories**: handle it as personal data."
    return "It holds items and numbers, and no user."


def _links(parts: Saved) -> str:
    """Return a sentence about the fewest users that a stored link between two items can rest on."""
    models = [state.scorer.model for state in parts.targets.values()]
    if any(isinstance(model, ItemSimilarity) for model in models):
        return " A similarity of two items may rest on a single user, who is then known to have both."
    encoders = [encoder.model for model in models for encoder in getattr(model, "encoders", {}).values()]
    least = [model.min_users for model in encoders if type(model) is LinearEncoder]
    if not least:
        return ""
    if min(least) == 1:
        return " A link between two items may rest on a single user, who is then known to have both."
    return f" A link between two items rests on at least {min(least)} users."


def _section(title: str, paragraphs: Iterator[str]) -> list[str]:
    found = list(paragraphs)
    return [title, *found] if found else []


def _data(parts: Saved) -> Iterator[str]:
    sizes = parts.tables.get("finding_overview")
    if sizes is None:
        counts = [(name, f"{len(items):,}") for name, items in parts.encoder.items.items()]
        yield _table(["category", "items"], counts)
        return
    rows = [
        (row["category"], *(f"{row[name]:,}" for name in ("people", "items", "interactions")))
        for row in sizes.to_dict("records")
    ]
    yield _table(["category", "users", "items", "pairs of a user and an item"], rows)
    cleaning = parts.tables["finding_cleaning"]
    steps = "; ".join(f"{row.step}: {row.rows:,}" for row in cleaning.itertuples())
    yield f"Cleaning, in rows of the table: {steps}."


def _sources(parts: Saved) -> Iterator[str]:
    table = parts.tables.get("transfer_")
    if table is None:
        return
    led = ["target", "source"] if "target" in table else ["source"]
    lift, low, high = (f"{name}{WITHOUT}" for name in ("lift", "lift_low", "lift_high"))
    late, late_low, late_high = LIFTS
    twins = any(state.twins for state in parts.targets.values()) and lift in table
    rows = [
        (
            *(row[name] for name in led),
            row["verdict"],
            "yes" if row["kept"] else "no",
            f"{row['linked']:,}",
            _interval(row, "lift", "lift_low", "lift_high", signed=True),
            *([_interval(row, lift, low, high, signed=True)] if twins else []),
            *([_interval(row, late, late_low, late_high, signed=True)] if late in table else []),
        )
        for row in table.to_dict("records")
    ]
    columns = [*led, "verdict", "used", "users in both", "lift of NDCG@10 (95 %)"]
    columns += ["without twins (95 %)"] if twins else []
    yield _table([*columns, *(["users who came later (95 %)"] if late in table else [])], rows)
    yield "Lift is over the best model without sources, for users whose target events were held out."


def _accuracy(parts: Saved) -> Iterator[str]:
    yield from _judged(parts.tables.get("finding_accuracy"))
    yield from _judged(
        parts.tables.get(f"finding_accuracy{WITHOUT}"),
        "Without twins: products that a user has under another id do not count, and lists leave them out.",
    )


def _judged(table: pd.DataFrame | None, said: str = "") -> Iterator[str]:
    if table is None or not len(table):
        return
    if said:
        yield said
    rows = [
        (
            _SEGMENTS[row["segment"]],
            row["list"],
            f"{row['people']:,}",
            _interval(row, "mean", "low", "high"),
            _interval(row, "difference", "difference_low", "difference_high", signed=True),
        )
        for row in table.to_dict("records")
    ]
    columns = ["users", "list", "evaluated", "NDCG@10 (95 %)", "over the best without sources (95 %)"]
    yield _table(columns, rows)
    if not said:
        yield "Every item of the target ranked, out of fold; intervals by bootstrap over users."
    if not said and table["segment"].str.endswith("in time").any():
        yield (
            "Evaluated in time: on later events of users, with routes fitted on earlier events only. The "
            "difference is to the better of popularity and recent popularity."
        )


def _compression(parts: Saved) -> Iterator[str]:
    table = parts.tables.get("compression_")
    if table is None:
        return
    first = table.iloc[0]
    yield (
        f"Vectors of {first['components']} components in place of {first['components_before']}, matrices "
        f"stored as {first['dtype']}: {first['bytes'] / 2**20:.1f} MB in place of "
        f"{first['bytes_before'] / 2**20:.1f} MB. All other figures here describe the model before "
        "compression."
    )
    rows = [
        (
            _SEGMENTS[row["segment"]],
            f"{row['people']:,}",
            f"{row['ndcg_before']:.4f}",
            f"{row['ndcg']:.4f}",
            _interval(row, "loss", "loss_low", "loss_high", signed=True),
            f"{row['overlap']:.0%}",
        )
        for row in table.to_dict("records")
        if row["people"]
    ]
    columns = ["users", "evaluated", "NDCG@10 before", "after", "loss (95 %)", "items of lists in common"]
    yield _table(columns, rows)
    yield f"Evaluated on {first['judged_on']}."


def _breadth(parts: Saved) -> Iterator[str]:
    table = parts.tables.get("finding_beyond_accuracy")
    if table is None or not len(table):
        return
    rows = [
        (
            _SEGMENTS[row["segment"]],
            row["list"],
            f"{row['coverage']:.1%}",
            f"{row['novelty']:.1f}",
            f"{row['bias']:.2f}",
        )
        for row in table.to_dict("records")
    ]
    yield _table(["users", "list", "catalogue covered", "novelty, bits", "popularity percentile"], rows)


def _settings(parts: Saved) -> Iterator[str]:
    rows = [
        (f"`{name}`", f"`{_plain(to_json(name, value))}`")
        for name, value in to_write(parts.kind, parts.parameters).items()
    ]
    yield _table(["parameter", "value"], rows)
    if said := weighting_sentence(parts.encoder.weighting, parts.shared.tables):
        yield said


def _plain(value: object) -> str:
    """Return a parameter as JSON holds it, in short words."""
    if isinstance(value, dict) and "parameters" in value:
        given = ", ".join(f"{key}={_plain(part)}" for key, part in value["parameters"].items())
        return f"{value['class']}({given})"
    if isinstance(value, list):
        return f"[{', '.join(map(_plain, value))}]"
    return repr(value)


def _interval(row: dict[Any, Any], mean: str, low: str, high: str, signed: bool = False) -> str:
    # a segment without evaluated users has a mean that is not a number
    if math.isnan(row[mean]):
        return "–"
    sign = "+" if signed else ""
    return f"{row[mean]:{sign}.4f} ({row[low]:{sign}.4f} to {row[high]:{sign}.4f})"


def _table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(value: object) -> str:
    """Return a value as one line of Markdown, without the end of a cell, HTML or control characters."""
    # names of categories come from the data: they must not add cells or HTML to a rendered page
    text = printable(" ".join(str(value).split()))
    return text.replace("|", "\\|").replace("<", "&lt;")
