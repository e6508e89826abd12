"""``tastebridge recommend``: recommendations from a saved model for all users in a table."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from tastebridge.batch import recommend_all
from tastebridge.batch.inputs import refuse_inputs
from tastebridge.cli import options
from tastebridge.cli.events import Table
from tastebridge.cli.keys import KeyFile
from tastebridge.cli.lists import read_list
from tastebridge.cli.models import load_any
from tastebridge.cli.output import check_output, write_table
from tastebridge.cli.reading import Reading, reads_events
from tastebridge.cli.screen import screen


@reads_events
def recommend(
    reading: Reading,
    model: options.Model,
    events: options.Events,
    output: options.Output,
    category: options.Category = None,
    n: Annotated[int, typer.Option("-n", "--number", min=1, help="Largest number of items per user.")] = 10,
    allow: Annotated[
        Path | None,
        typer.Option("--allow", metavar="FILE", help="Recommend only these items.", show_default=False),
    ] = None,
    deny: Annotated[
        Path | None,
        typer.Option("--deny", metavar="FILE", help="Never recommend these items.", show_default=False),
    ] = None,
    twins: options.Twins = "leave-out",
    memory: options.Memory = "2GB",
    jobs: options.Jobs = 1,
    restart: options.Restart = False,
    key_file: KeyFile = None,
) -> None:
    """Recommend to all users in a table of events, whether they were in the fit or not.

    A user's history consists of the events in the table, in any of the
    model's categories. Items that users already have are left out. The output has
    user_id, item_id, score and rank, best first; higher scores are better.

    A twin of an item is the same product under another id, in the target:
    the model found them by their users. Lists leave out twins of items a
    user has; --twins keep shows them.

    OUT is one file if it ends in .parquet or .csv, otherwise a folder of
    Parquet parts with a manifest. Memory stays within its bound. A stopped
    run resumes when it is called again in the same way.

    Lists of items (--allow, --deny) are tables with the column item_id. With
    a column user_id, each row applies to its user only.

    A model with several targets merges them into one list, with the column
    category, and reads the whole table; --category selects one target.

    [bold]Examples[/bold]
      tastebridge recommend model events.parquet -o recommendations.parquet
      tastebridge recommend model new_users.csv -o out.csv -n 20
      tastebridge recommend model events/ -o parts/ --memory 4GB --jobs 2
    """
    table, out = Table(events, reading), screen()
    inputs = {"events": events, "model": model, "allow list": allow, "deny list": deny, "key": key_file}
    refuse_inputs(output, **inputs)
    recommender = load_any(model, key_file, category)
    table.check()
    start = time.perf_counter()
    lists: dict[str, Any] = {"allow": read_list(allow, recommender), "deny": read_list(deny, recommender)}
    lists["twins"] = twins.replace("-", " ")
    if recommender.joint_ is not None:
        # lists over several targets are not made in batches, so the output is one table
        check_output(output)
        frame = recommender.recommend_from(table.read(recommender), n, **lists)
        write_table(frame, output)
        out.print(
            f"{len(frame):,} recommendations in {', '.join(recommender.targets_)} for "
            f"{frame['user_id'].nunique():,} users are in {output} ({time.perf_counter() - start:.1f} s).",
            soft_wrap=True,
        )
        return
    done = recommend_all(
        recommender,
        events,
        output,
        n,
        memory=memory,
        n_jobs=jobs,
        **lists,
        restart=restart,
        progress=True,
        **reading.as_read_by(recommender).how,
    ).account
    out.print(
        f"{done.rows:,} recommendations in {recommender.target!r} for {done.served:,} of {done.people:,} "
        f"users are in {output} ({time.perf_counter() - start:.1f} s).",
        soft_wrap=True,
    )
