"""``tastebridge vectors``: vectors of items and users for a vector store."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from tastebridge.batch import write_vectors
from tastebridge.batch.inputs import refuse_inputs
from tastebridge.batch.vector_files import refuse_others
from tastebridge.cli import options
from tastebridge.cli.events import Table
from tastebridge.cli.lists import read_users
from tastebridge.cli.models import Opening, opens_model
from tastebridge.cli.needless import reading_without_events, refuse_needless
from tastebridge.cli.output import refuse_finished
from tastebridge.cli.reading import Reading, reads_events
from tastebridge.cli.record import record
from tastebridge.cli.screen import screen
from tastebridge.exceptions import InvalidParameterError
from tastebridge.persist.writable import check_parent


@reads_events
@opens_model
def vectors(
    reading: Reading,
    opening: Opening,
    model: options.Model,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="OUT", help="Folder to write to.", show_default=False)
    ],
    events: Annotated[
        Path | None,
        typer.Argument(metavar="[EVENTS]", help="Table of events, for vectors of users.", show_default=False),
    ] = None,
    form: Annotated[
        Literal["parquet", "npy"], typer.Option("--format", help="Parquet, or matrices with separate ids.")
    ] = "parquet",
    memory: options.Memory = "2GB",
    jobs: options.Jobs = 1,
    restart: options.Restart = False,
    users: options.Users = None,
    stamp: options.Stamp = False,
    overwrite: options.Overwrite = False,
) -> None:
    """Write the vectors of items and, given events, of users.

    The score of a user and an item is the inner product of their vectors:
    any store that searches by inner product can recommend. Writes
    items.parquet and users.parquet, or .npy files with the ids in separate
    files. Memory and restarts work as in `recommend`.

    [bold]Examples[/bold]
      tastebridge vectors model -o vectors
      tastebridge vectors model events/ -o vectors --format npy --memory 1GB
    """
    run = record()
    refuse_inputs(output, model=model)  # the events are compared with each file by write_vectors
    check_parent("--output", output)
    if events is None:
        given = {"--memory": memory != "2GB", "--jobs": jobs != 1, **reading_without_events(reading)}
        refuse_needless("without EVENTS", given)
    if users is not None and events is None:
        raise InvalidParameterError("--users chooses among the users of EVENTS. Give a table of events.")
    if events is not None:
        Table(events, reading).check()
    recommender = opening.of(model)
    run.add_model(recommender, model)
    # both before the work, which takes hours and ends with the items
    for column in ("item_id", "user_id"):
        path = output / f"{column[:-3]}s.{form}"
        refuse_others(path, column)
        refuse_finished(path, overwrite or restart)
    how: dict[str, Any] = {}
    if events is not None:
        how = reading.as_read_by(recommender).how
    start = time.perf_counter()
    account = write_vectors(
        recommender,
        output,
        events,
        format=form,
        memory=memory,
        n_jobs=jobs,
        restart=restart,
        progress=run.shows_progress,
        stamp=stamp,
        users=None if users is None else read_users(users, recommender),
        **how,
    )
    if account is not None:
        run.add_account(account)
    ids, matrix = recommender.item_vectors()
    also = "" if account is None else f" and {account.people:,} users"
    screen().print(
        f"Vectors of {matrix.shape[1]:,} components of {len(ids):,} items{also} are in {output} "
        f"({time.perf_counter() - start:.1f} s).",
        soft_wrap=True,
    )
