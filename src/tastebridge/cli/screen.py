"""How results look in a terminal."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tastebridge._foundation.printable import printable
from tastebridge.data import Panel
from tastebridge.report.sources import used

_VERDICTS = {"helps": "green", "hurts": "red"}


class Screen(Console):
    """A console that shows text as it is: no brackets are read as markup, no control character goes out.

    Names of categories, items and files come from data. A part that is to look different is a
    :class:`rich.text.Text` or has a ``style``.
    """

    def __init__(self) -> None:
        super().__init__(highlight=False, soft_wrap=False, markup=False, emoji=False)

    def render_str(self, text: str, **options: Any) -> Text:
        """Return a string as text to be shown; every string of a table or line comes through here."""
        return super().render_str(printable(text), **{**options, "markup": False, "emoji": False})


def screen() -> Screen:
    """Return the console of the standard output."""
    return Screen()


def plain_table(title: str, columns: Sequence[str], caption: str | None = None) -> Table:
    """Return an empty table: the first column holds names, the others numbers."""
    table = Table(
        title=title,
        caption=caption,
        box=box.SIMPLE_HEAD,
        title_justify="left",
        caption_justify="left",
        title_style="bold",
        pad_edge=False,
    )
    for place, name in enumerate(columns):
        table.add_column(name, justify="right" if place else "left", overflow="fold")
    return table


def overview_table(panel: Panel, target: str | None, console: Console) -> Table:
    """Return the sizes of the categories and how many users each two share, where there is room for it."""
    table = _overview(panel, target, list(panel.categories))
    wide = console.options.update(width=10_000)
    if console.measure(table, options=wide).maximum > console.width:
        table = _overview(panel, target, [target] if target in panel.categories else [])
    return table


def _overview(panel: Panel, target: str | None, others: Sequence[str | None]) -> Table:
    """Return the sizes of the categories and how many of their users stand in the others."""
    table = plain_table(
        f"{len(panel):,} users in {len(panel.categories)} categories",
        ["category", "users", "items", "events", "each", *(f"with\n{name}" for name in others)],
        "each: events of the median user" + ("; with: users in both" if others else ""),
    )
    columns = ["people", "items", "interactions", "median", *(f"with {name}" for name in others)]
    for name, row in panel.overview().iterrows():
        style = "bold" if name == target else None
        table.add_row(str(name), *(f"{row[column]:,.0f}" for column in columns), style=style)
    return table


def transfer_table(transfer: pd.DataFrame, target: str) -> Table:
    """Return what each source is worth, in words, the best first."""
    judged = "lift" in transfer and transfer["lift"].notna().any()
    table = plain_table(
        f"Does it help to know users from elsewhere, for users new to {target}?",
        ["source", "users in both", *(["lift", "95 % interval"] if judged else []), "verdict", "used"],
        "lift: of NDCG@10 over the best without sources, for users hidden while learning" if judged else None,
    )
    for row in (transfer.sort_values("lift", ascending=False) if judged else transfer).to_dict("records"):
        lift = _lift(row) if judged else []
        verdict = Text(printable(row["verdict"]), style=_VERDICTS.get(row["verdict"], "dim"))
        table.add_row(row["source"], f"{row['linked']:,}", *lift, verdict, used(row))
    return table


def _lift(row: Mapping[Hashable, float]) -> list[str]:
    if math.isnan(row["lift"]):
        return ["", ""]
    return [f"{row['lift']:+.4f}", between(row["lift_low"], row["lift_high"])]


def results_table(results: pd.DataFrame, metric: str, title: str) -> Table:
    """Return the figures of the models by one metric, and their differences to popularity."""
    table = plain_table(title, ["", "mean", "95 % interval", "against popularity", "seconds"])
    rows = results[results["metric"] == metric].sort_values("mean", ascending=False)
    for row in rows.to_dict("records"):
        gap = f"{row['difference']:+.3f} ({between(row['difference_low'], row['difference_high'], 3)})"
        table.add_row(
            row["model"],
            f"{row['mean']:.3f}",
            f"{row['low']:.3f} … {row['high']:.3f}",
            "" if math.isnan(row["difference"]) else gap,
            f"{row['fit_seconds']:.1f}",
            style="bold" if row["model"] == "tastebridge" else None,
        )
    return table


def drift_table(drift: pd.DataFrame) -> Table:
    """Return how far events have drifted from the factors of the items."""
    table = plain_table(
        "Since the fit", ["category", "events", "new items", "agreement", "at fit", "verdict"]
    )
    for row in drift.to_dict("records"):
        numbers = (row["agreement"], row["agreement_at_fit"])
        table.add_row(
            row["category"],
            f"{row['events']:,}",
            f"{row['new_items']:.0%}",
            *("–" if math.isnan(number) else f"{number:.3f}" for number in numbers),
            row["verdict"],
        )
    return table


def compression_table(judged: pd.DataFrame) -> Table:
    """Return what compression costs each kind of users."""
    table = plain_table(
        f"What it costs {judged['judged_on'].iloc[0]}",
        ["", "users", "NDCG@10 before", "after", "loss, 95 %", "lists in common"],
    )
    for row in judged.to_dict("records"):
        table.add_row(
            row["segment"],
            f"{row['people']:,}",
            f"{row['ndcg_before']:.4f}",
            f"{row['ndcg']:.4f}",
            between(row["loss_low"], row["loss_high"]),
            f"{row['overlap']:.0%}",
        )
    return table


def between(low: float, high: float, digits: int = 4) -> str:
    """Return an interval of differences."""
    return f"{low:+.{digits}f} … {high:+.{digits}f}"
