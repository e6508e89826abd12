"""What the report begins and ends with: the gist in figures, the data, and what it costs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tastebridge.diagnostics.confidence import LENGTHS
from tastebridge.diagnostics.summary import MODEL
from tastebridge.report.html import number, percent, section, table, text
from tastebridge.report.reasons import state_of

_SEGMENTS = {"cold": "new to it", "warm": "with a history there"}


def intro(mapper: Any) -> str:
    """Return the gist: a sentence, and figures."""
    helping = mapper.transfer_.loc[mapper.transfer_["verdict"] == "helps", "source"].tolist()
    used = mapper.transfer_.loc[mapper.transfer_["kept"], "source"].tolist()
    tiles = "".join(
        f"<li><b>{text(value)}</b><span>{text(label)}</span></li>" for value, label in _tiles(mapper)
    )
    return f'<p class="lead">{text(_gist(mapper.target, helping, used))}</p><ul class="tiles">{tiles}</ul>'


def data_section(mapper: Any) -> str:
    """Return the sizes of the categories and the account of cleaning."""
    sizes, cleaned = mapper.findings_["overview"], mapper.findings_["cleaning"]
    rows = [
        (row["category"], *(f"{row[name]:,.0f}" for name in _SIZES), f"{100 * row['density']:.3g} %")
        for row in sizes.to_dict("records")
    ]
    columns = ["category", "users", "items", "pairs", "median of a user", "density"]
    steps = [(row["step"], f"{row['rows']:,}", row["reason"]) for row in cleaned.to_dict("records")]
    return section(
        "data",
        "The data",
        table(columns, rows, "Categories, with the pairs of a user and an item in each", range(1, 6)),
        table(["step", "rows", "why"], steps, "What became of the rows of the table", (1,)),
    )


def cost_section(mapper: Any, seconds: float) -> str:
    """Return what the model takes: numbers, memory, time."""
    items = mapper.item_vectors().vectors
    rows = [
        ("target items", f"{len(items):,}"),
        ("numbers in a vector", f"{items.shape[1]:,}"),
        ("routes", f"{len(state_of(mapper).scorer.model.routes):,}"),
        ("item vectors in memory", f"{items.nbytes / 1e6:,.1f} MB"),
        (
            "time for ten recommendations",
            "–" if math.isnan(seconds) else f"{1000 * seconds:,.2f} ms a person",
        ),
    ]
    return section(
        "cost",
        "What it costs",
        table(["", ""], rows, "Size and speed, measured while this report was made", (1,)),
    )


_SIZES = ("people", "items", "interactions", "median")


def _gist(target: str, helping: list[str], used: list[str]) -> str:
    if helping:
        every = len(helping) == len(used) > 1
        told = "each of them helps" if every else f"{_listed(helping)} {'help' if helping[1:] else 'helps'}"
        return (
            f"To users who are new to {target}, this model recommends by what they did in {_listed(used)}. "
            f"For users hidden while it learned, {told}: recommendations are better than without."
        )
    if used:
        return (
            f"This model recommends in {target}. {_listed(used)} may help a little; no source is shown to "
            "lift the first ten recommendations to new users."
        )
    return f"No source helps in {target}: new users get what is popular there."


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _tiles(mapper: Any) -> list[tuple[str, str]]:
    sizes, accuracy = mapper.findings_["overview"], mapper.findings_["accuracy"]
    tiles = [
        (
            f"{sizes.loc[sizes['category'] == mapper.target, 'people'].iloc[0]:,}",
            f"users in {mapper.target}",
        ),
        (f"{int(mapper.transfer_['kept'].sum())} of {len(mapper.transfer_)}", "sources used"),
    ]
    for row in accuracy[accuracy["list"] == MODEL].to_dict("records"):
        gain = row["difference"]
        tiles.append(
            (
                f"{row['mean']:.3f}",
                f"NDCG@10, users {_SEGMENTS[row['segment']]} ({number(gain, 3, True)} on the best without)",
            )
        )
    sure = mapper.confidence_.get("cold")
    points = np.zeros((0, 3)) if sure is None else sure[LENGTHS.index(10)].reliability
    if len(points):
        seen = float((points[:, 1] * points[:, 2]).sum() / points[:, 2].sum())
        tiles.append((percent(seen), "of new users' lists of ten hold a hit"))
    return tiles
