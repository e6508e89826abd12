"""``tastebridge audience``: the users most likely to want given items."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from tastebridge.batch import audience_all
from tastebridge.cli import options
from tastebridge.cli.events import Table
from tastebridge.cli.lists import items_of
from tastebridge.cli.models import Opening, opens_model
from tastebridge.cli.output import check_output, place_of, result_file
from tastebridge.cli.reading import Reading, reads_events
from tastebridge.cli.record import record
from tastebridge.cli.screen import screen


@reads_events
@opens_model
def audience(
    reading: Reading,
    opening: Opening,
    model: options.Model,
    events: options.Events,
    items: Annotated[
        list[str],
        typer.Option("--items", metavar="ITEM", help="Item; repeat it for several.", show_default=False),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            help="File (.parquet or .csv), or - for CSV on the standard output.",
            show_default=False,
        ),
    ],
    n: Annotated[int, typer.Option("-n", "--number", min=1, help="Maximum number of users per item.")] = 100,
    twins: options.Twins = "leave-out",
    memory: options.Memory = "2GB",
    jobs: options.Jobs = 1,
    restart: options.Restart = False,
    stamp: options.Stamp = False,
    overwrite: options.Overwrite = False,
) -> None:
    """Find the users of a table of events who are most likely to want some items.

    Users are compared by the score that ranks items for them. Users who
    already have the item, or a twin of it, are left out. The output has
    item_id, user_id, score and rank, best first. Memory and restarts work as
    in `recommend`.

    [bold]Examples[/bold]
      tastebridge audience model events.parquet --items sport:12 -n 100 -o out.csv
      tastebridge audience model events/ --items a --items b -o out.parquet
    """
    table, out, run = Table(events, reading), screen(), record()
    check_output(output, overwrite or restart, events=events, model=model, key=opening.key_file)
    table.check()  # before the model is asked about items: a wrong path is the likelier mistake
    recommender = opening.of(model)
    run.add_model(recommender, model)
    wanted = items_of(items, next(iter(recommender.targets_.values())).items)
    start = time.perf_counter()
    with result_file(output) as file:
        done = audience_all(
            recommender,
            events,
            wanted,
            file,
            n,
            twins=twins.replace("-", " "),
            memory=memory,
            n_jobs=jobs,
            restart=restart,
            progress=run.shows_progress,
            stamp=stamp,
            **reading.as_read_by(recommender).how,
        ).account
    run.add_account(done)
    out.print(
        # soft_wrap keeps a long path on one line, so that it can be copied
        f"The users for {len(wanted):,} items in {recommender.target!r}, of {done.people:,}, are "
        f"{place_of(output)} ({time.perf_counter() - start:.1f} s).",
        soft_wrap=True,
    )
