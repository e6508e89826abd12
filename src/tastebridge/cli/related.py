"""``tastebridge related``: the items that go with each item of a model."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from tastebridge.batch import relate_all
from tastebridge.cli import options
from tastebridge.cli.lists import read_list
from tastebridge.cli.models import Opening, opens_model
from tastebridge.cli.output import check_output, place_of, result_file
from tastebridge.cli.record import record
from tastebridge.cli.screen import screen


@opens_model
def related(
    opening: Opening,
    model: options.Model,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="OUT", help="File: .parquet or .csv.", show_default=False),
    ],
    n: Annotated[int, typer.Option("-n", "--number", min=1, help="Maximum number of related items.")] = 10,
    of: Annotated[
        str | None,
        typer.Option(
            "--of",
            metavar="CATEGORY",
            help="Only for items of this category; all by default.",
            show_default=False,
        ),
    ] = None,
    allow: Annotated[
        Path | None,
        typer.Option("--allow", metavar="FILE", help="Relate only these items.", show_default=False),
    ] = None,
    deny: Annotated[
        Path | None,
        typer.Option("--deny", metavar="FILE", help="Never relate these items.", show_default=False),
    ] = None,
    twins: options.Twins = "leave-out",
    overwrite: options.Overwrite = False,
) -> None:
    """Find the items of the target that go with each item of a model.

    For example, films for a book, or other films for a film. Each item is
    represented by a user with this single event, with the effect of popularity
    removed. An item is never related to itself. The output has item_id,
    related_item_id, score and rank, best first. Scores can be compared
    within one item_id only. If --category names a source, its items are
    related to each other.

    [bold]Examples[/bold]
      tastebridge related model -o related.parquet
      tastebridge related model -o films_for_books.csv -n 5 --of books
      tastebridge related model -o books_for_books.csv --category books
    """
    # all that can be wrong with files, before the model is loaded
    run = record()
    inputs = {"model": model, "allow list": allow, "deny list": deny, "key": opening.key_file}
    check_output(output, overwrite, **inputs)
    # a category may be a source too, which any_of would refuse
    recommender = replace(opening, category=None).any_of(model)
    run.add_model(recommender, model)
    lists = {"allow": read_list(allow, recommender), "deny": read_list(deny, recommender)}
    start = time.perf_counter()
    with result_file(output) as file:
        options_of: dict[str, Any] = {"of": of, "twins": twins.replace("-", " "), **lists}
        rows = relate_all(recommender, file, n, category=opening.category, **options_of)
    run.add(counts={"rows": rows})
    screen().print(
        f"{rows:,} related items are {place_of(output)} ({time.perf_counter() - start:.1f} s).",
        soft_wrap=True,
    )
