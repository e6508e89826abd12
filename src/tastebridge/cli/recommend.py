"""``tastebridge recommend``: a saved model and histories to a table of recommendations."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from tastebridge.cli import options
from tastebridge.cli.events import Table, columns_of
from tastebridge.cli.keys import KeyFile, key_of
from tastebridge.cli.output import check_output, write_table
from tastebridge.cli.screen import screen
from tastebridge.loading import load


def recommend(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="Folder that `fit` wrote.", show_default=False)
    ],
    events: options.Events,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="OUT", help="Table to write: .parquet or .csv.", show_default=False
        ),
    ],
    n: Annotated[int, typer.Option("-n", "--number", min=1, help="Items a person gets, at most.")] = 10,
    key_file: KeyFile = None,
    user_column: options.UserColumn = None,
    item_column: options.ItemColumn = None,
    category_column: options.CategoryColumn = None,
    weight_column: options.WeightColumn = None,
    time_column: options.TimeColumn = None,
    event_column: options.EventColumn = None,
    event_weight: options.EventWeights = None,
    duplicates: options.Repeats = "sum",
) -> None:
    """Recommend to everybody in a table of events, whether the model has seen them or not.

    People are known by their events in the table, in any of the model's
    categories; nobody gets what they already have. Written are user_id,
    item_id, score and rank, best first; higher scores are better.

    [bold]Examples[/bold]
      tastebridge recommend model events.parquet -o recommendations.parquet
      tastebridge recommend model newcomers.csv -o out.csv -n 20
    """
    check_output(output)
    columns = columns_of(user_column, item_column, category_column, weight_column, time_column, event_column)
    recommender = load(model, key=key_of(key_file))
    panel = Table(events, columns, event_weight, duplicates).read()
    start = time.perf_counter()
    found = recommender.recommend_from(panel, n)
    write_table(found, output)
    out = screen()
    out.print(
        f"{len(found):,} recommendations in {recommender.target!r} for {found['user_id'].nunique():,} of "
        f"{len(panel):,} people are in {output} ({time.perf_counter() - start:.1f} s).",
        soft_wrap=True,
    )
