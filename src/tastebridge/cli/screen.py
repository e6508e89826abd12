"""Results as tables for a terminal."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tastebridge._foundation.nouns import counted
from tastebridge._foundation.printable import printable
from tastebridge.cli.record import record
from tastebridge.data import Panel
from tastebridge.fitting.sources_in_time import IN_TIME, LIFTS, VERDICT
from tastebridge.report.sources import used
from tastebridge.routes.twins import WITHOUT

_FIGURES = ("mean", "low", "high", "difference", "difference_low", "difference_high")
_VERDICTS = {"helps": "green", "helps with others": "green", "hurts": "red"}


class Screen(Console):
    """A console that shows text literally: brackets are no markup, and control characters are escaped.

    Names of categories, items and files come from data and can hold anything. Coloured parts are
    :class:`rich.text.Text` or have a ``style``.
    """

    def __init__(self, quiet: bool = False, stderr: bool = False) -> None:
        # highlight would colour numbers within names, emoji would turn ":smile:" in an id into a face
        super().__init__(
            highlight=False, soft_wrap=False, markup=False, emoji=False, quiet=quiet, stderr=stderr
        )

    def render_str(self, text: str, **options: Any) -> Text:  # noqa: ANN401 - as in Rich
        """Return a string as text; Rich passes every string of a table or line through this method."""
        return super().render_str(printable(text), **{**options, "markup": False, "emoji": False})


def screen() -> Screen:
    """Return the console of a command: the standard output, unless that carries the result."""
    run = record()
    return Screen(run.quiet, run.piped)


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
        # fold, not an ellipsis: two long ids may differ in their last signs only
        table.add_column(name, justify="right" if place else "left", overflow="fold")
    return table


def overview_table(panel: Panel, target: str | None, console: Console) -> Table:
    """Return the sizes of the categories and, if there is room, the users that each two share."""
    table = _overview(panel, target, list(panel.categories))
    # measured as if there were room, since Rich squeezes a table into any width
    wide = console.options.update(width=10_000)
    if console.measure(table, options=wide).maximum > console.width:
        table = _overview(panel, target, [target] if target in panel.categories else [])
    return table


def _overview(panel: Panel, target: str | None, others: Sequence[str | None]) -> Table:
    """Return the sizes of the categories and the numbers of users shared with others."""
    table = plain_table(
        f"{counted(len(panel), 'user')} in {counted(len(panel.categories), 'category')}",
        ["category", "users", "items", "events", "each", *(f"with\n{name}" for name in others)],
        "each: events of the median user" + ("; with: users in both" if others else ""),
    )
    columns = ["people", "items", "interactions", "median", *(f"with {name}" for name in others)]
    for name, row in panel.overview().iterrows():
        style = "bold" if name == target else None
        table.add_row(str(name), *(f"{row[column]:,.0f}" for column in columns), style=style)
    return table


def transfer_table(transfer: pd.DataFrame, target: str) -> Table:
    """Return lift and verdict of each source, the best first."""
    # with too few linked users there is no lift
    measured = "lift" in transfer and transfer["lift"].notna().any()
    table = plain_table(
        f"Does it help to use other categories, for users new to {target}?",
        ["source", "users\nin both", *(["lift", "95 % interval"] if measured else []), "verdict", "used"],
        "lift: gain in NDCG@10 over the best without sources, for held-out users" if measured else None,
    )
    for row in (transfer.sort_values("lift", ascending=False) if measured else transfer).to_dict("records"):
        lift = _lift(row) if measured else []
        verdict = Text(printable(row["verdict"]), style=_VERDICTS.get(row["verdict"], "dim"))
        table.add_row(row["source"], f"{row['linked']:,}", *lift, verdict, used(row))
        apart = row.get(f"lift{WITHOUT}", math.nan)
        # NaN, of a source that was not tested alone, differs from itself
        if measured and not math.isnan(apart) and apart != row["lift"]:
            table.add_row("  without twins", "", *_lift(row, WITHOUT), "", "")
        if measured and not math.isnan(row.get(LIFTS[0], math.nan)):
            later = Text(printable(row[VERDICT]), style=_VERDICTS.get(row[VERDICT], "dim"))
            table.add_row("  users who came later", "", *_lift(row, IN_TIME), later, "")
    return table


def _lift(row: Mapping[Hashable, float], end: str = "") -> list[str]:
    lift, low, high = (row[f"{name}{end}"] for name in ("lift", "lift_low", "lift_high"))
    return ["", ""] if math.isnan(lift) else [f"{lift:+.3f}", between(low, high, 3)]


def in_time_lines(accuracy: pd.DataFrame | None, target: str) -> list[str]:
    """Return a sentence for each kind of users evaluated on later events."""
    if accuracy is None:
        return []
    kinds = {"cold in time": "new to", "warm in time": "with a history in"}
    lines = []
    for segment, told in kinds.items():
        rows = accuracy[accuracy["segment"] == segment].set_index("list")
        if len(rows):
            own = rows.iloc[0]
            others = ", ".join(f"{name} {row['mean']:.3f}" for name, row in rows[1:].iterrows())
            lines.append(
                f"In time, {own['people']:,} users {told} {target}: NDCG@10 is {own['mean']:.3f} "
                f"({own['low']:.3f} … {own['high']:.3f}); {others}."
            )
    return lines


def results_table(results: pd.DataFrame, metric: str, title: str, end: str = "") -> Table:
    """Return the figures of the models by one metric, and their differences to popularity.

    Of the columns whose names have this ``end``.
    """
    table = plain_table(title, ["", "mean", "95 % interval", "against popularity", "seconds"])
    rows = results[results["metric"] == metric].sort_values(f"mean{end}", ascending=False)
    for found in rows.to_dict("records"):
        row = found | {name: found[f"{name}{end}"] for name in _FIGURES}
        gap = f"{row['difference']:+.3f}"
        if not math.isnan(row["difference_low"]):
            gap += f" ({between(row['difference_low'], row['difference_high'], 3)})"
        table.add_row(
            row["model"],
            f"{row['mean']:.3f}",
            "" if math.isnan(row["low"]) else f"{row['low']:.3f} … {row['high']:.3f}",
            "" if math.isnan(row["difference"]) else gap,
            "" if math.isnan(row["fit_seconds"]) else f"{row['fit_seconds']:.1f}",
            style="bold" if row["model"] == "tastebridge" else None,
        )
    return table


def drift_table(drift: pd.DataFrame) -> Table:
    """Return the drift of events away from the factors of items."""
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


def compression_table(compressed: pd.DataFrame) -> Table:
    """Return the loss of accuracy by compression, one row per segment of users."""
    table = plain_table(
        f"Loss of accuracy, evaluated on {compressed['judged_on'].iloc[0]}",
        ["", "users", "NDCG@10 before", "after", "loss, 95 %", "lists in common"],
    )
    for row in compressed.to_dict("records"):
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
