"""``tastebridge demo``: a complete example on real data, in a minute and without files."""

from __future__ import annotations

import time
from typing import Annotated

import pandas as pd
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tastebridge.cli import options
from tastebridge.cli.contest import contest
from tastebridge.cli.demo_data import Portrait, hide_genre, portraits
from tastebridge.cli.record import record
from tastebridge.cli.screen import between, overview_table, plain_table, screen

_METRICS = ("ndcg@10", "hr@10")
_WIDEST = 100  # on a wide terminal the two lists would lie too far apart to be read together


def demo(
    target: Annotated[
        str,
        typer.Option("--target", "-t", metavar="GENRE", help="The genre to hide: one of the five largest."),
    ] = "Comedy",
    people: Annotated[int, typer.Option("--people", min=1, max=20, help="Number of users to show.")] = 3,
    seed: options.Seed = 0,
) -> None:
    """See an example on MovieLens, in about a minute: one genre of films from the others.

    All ratings of a fifth of the users in one genre are held out, so these
    users are new to it. tastebridge learns from all other ratings and
    recommends films of the genre to them. The held-out films show how
    accurate it is, compared with three baselines. Nothing is downloaded (the
    data come with the extra "demo") and no file is written.

    [bold]Examples[/bold]
      tastebridge demo
      tastebridge demo --target Drama --people 5
    """
    start, out = time.perf_counter(), screen()
    split = hide_genre(target, random_state=seed)
    out.print(overview_table(split.train, target, out))
    out.print(
        f"\nHeld out: {len(split.truth):,} ratings of {len(split.user_ids)} users in {target}. "
        "Which of its films would they like?\n"
    )
    results, models, _ = contest(split, _METRICS, seed, out.is_terminal and not record().quiet)
    for portrait in portraits(models["tastebridge"], split, people):
        out.print(portrait_table(portrait, target, out))
    out.print(scores_table(results, target))
    out.print(gain(results))
    out.print(f"{time.perf_counter() - start:.0f} s in all.\n\nNext, with a table of your own:")
    out.print("  tastebridge fit events.csv --target CATEGORY -o model", style="cyan")


def portrait_table(portrait: Portrait, target: str, out: Console) -> Table:
    """Return the films a user liked next to those recommended to them."""
    title = f"User {portrait.user_id}, with {portrait.n_known} films in other genres"
    table = plain_table(title, ["liked", "", f"recommended in {target}", ""])
    # titles share the width evenly and are cut, so that both lists keep their lines
    table.expand, table.width = True, min(out.width, _WIDEST)
    for column, ratio in zip(table.columns, (9, None, 9, None), strict=True):
        column.ratio, column.no_wrap, column.overflow, column.justify = ratio, True, "ellipsis", "left"
    rows = zip(portrait.liked, portrait.recommended, strict=False)  # a user can have rated few films
    for (liked, stars), (recommended, seen) in rows:
        mark = Text("✓ seen", style="green") if seen else Text("")
        table.add_row(liked, Text(f"{stars:g} ★", style="yellow"), recommended, mark)
    return table


def scores_table(results: pd.DataFrame, target: str) -> Table:
    """Return the figures of all models, the best first."""
    table = plain_table(
        f"Accuracy on the held-out films, with all films of {target} ranked",
        ["", *(name.upper() for name in _METRICS), "seconds"],
        "mean and 95 % interval over the held-out users; seconds to fit",
    )
    best = results[results["metric"] == _METRICS[0]].sort_values("mean", ascending=False)
    for model, seconds in zip(best["model"], best["fit_seconds"], strict=True):
        rows = results[results["model"] == model].set_index("metric")
        cells = [
            f"{row['mean']:.3f}  {row['low']:.3f} … {row['high']:.3f}"
            for _, row in rows.loc[list(_METRICS)].iterrows()
        ]
        table.add_row(model, *cells, f"{seconds:.1f}", style="bold" if model == "tastebridge" else None)
    return table


def gain(results: pd.DataFrame) -> str:
    """Return the gain from other categories, in one sentence."""
    row = results[(results["model"] == "tastebridge") & (results["metric"] == _METRICS[0])].iloc[0]
    interval = between(row["difference_low"], row["difference_high"], 3)
    return (
        f"Paired by user, tastebridge gains {row['difference']:+.3f} NDCG@10 over popularity ({interval}).\n"
    )
