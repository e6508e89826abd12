"""``tastebridge recommend``: recommendations from a saved model for all users in a table."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from tastebridge.batch import recommend_all
from tastebridge.batch.stamping import Stamp
from tastebridge.cli import list_options, options
from tastebridge.cli.events import Table
from tastebridge.cli.lists import only_users, read_list, read_users
from tastebridge.cli.models import Opening, opens_model
from tastebridge.cli.needless import refuse_needless
from tastebridge.cli.output import check_output, check_result, place_of, result_file, write_table
from tastebridge.cli.reading import Reading, reads_events
from tastebridge.cli.record import record
from tastebridge.cli.screen import screen
from tastebridge.persist import fingerprint
from tastebridge.recommenders.attributes import encoder_of


@reads_events
@opens_model
def recommend(
    reading: Reading,
    opening: Opening,
    model: options.Model,
    events: options.Events,
    output: options.Output,
    n: Annotated[int, typer.Option("-n", "--number", min=1, help="Maximum number of items per user.")] = 10,
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
    users: options.Users = None,
    stamp: options.Stamp = False,
    overwrite: options.Overwrite = False,
    diversity: list_options.Diversity = None,
    per_group: list_options.PerGroup = None,
    calibrate: list_options.Calibrate = None,
    explore: list_options.Explore = None,
    min_new: list_options.MinNew = None,
    new_items: list_options.NewItems = None,
    groups: list_options.Groups = None,
    seed: list_options.Seed = None,
) -> None:
    """Recommend to all users in a table of events, whether they were in the fit or not.

    A user's history consists of the events in the table, in any of the
    model's categories. Items that users already have are left out. The output has
    user_id, item_id, score and rank, best first; higher scores are better.

    A twin of an item is the same product under another id in the target. The
    model detects twins by their users. Lists leave out twins of items a user
    has; --twins keep shows them.

    OUT is one file if it ends in .parquet or .csv, otherwise a folder of
    Parquet parts with a manifest. Memory stays within its limit. To resume a
    stopped run, call the same command again.

    Lists of items (--allow, --deny) are tables with the column item_id. With
    a column user_id, each row applies to its user only.

    For nightly jobs: with --strict, rows left out, unknown items and guesses
    end the run without output; --summary writes its counts to a file; a
    finished output is replaced only with --overwrite.

    A model with several targets merges them into one list, with the column
    category, and reads the whole table; --category selects one target.

    List options trade accuracy for diversity, caps, calibration, exploration
    and new items. Labels come from --groups, here or at the fit. Lists are
    then ordered by rank, not by score.

    [bold]Examples[/bold]
      tastebridge recommend model events.parquet -o recommendations.parquet
      tastebridge recommend model events.csv -o out.csv --diversity 0.3 --per-group brand=2
      tastebridge recommend model new_users.csv -o out.csv -n 20
      tastebridge recommend model events/ -o parts/ --memory 4GB --jobs 2
      tastebridge recommend model log.csv -o - --users ids.csv > out.csv
      tastebridge recommend model log.csv -o out.csv --summary run.json --quiet
    """
    table, out, run = Table(events, reading), screen(), record()
    inputs = {
        "events": events,
        "model": model,
        "allow list": allow,
        "deny list": deny,
        "list of users": users,
        "new items": new_items,
        "groups": groups,
        "key": opening.key_file,
    }
    restart = check_result(output, overwrite, restart, **inputs)
    # before the model is loaded: a wrong path is the likelier mistake
    table.check()
    recommender = list_options.with_groups(opening.any_of(model), groups)
    run.add_model(recommender, model)
    start = time.perf_counter()
    lists: dict[str, Any] = {"allow": read_list(allow, recommender), "deny": read_list(deny, recommender)}
    lists["twins"] = twins.replace("-", " ")
    chosen = None if users is None else read_users(users, recommender)
    words: dict[str, object] = {"diversity": diversity, "per_group": per_group, "calibrate": calibrate}
    words |= {"explore": explore, "min_new": min_new, "new_items": new_items, "random_state": seed}
    lists |= list_options.options_of(recommender, words)
    if not (per_group or calibrate or "=" in (diversity or "")):
        labels = "without --per-group, --calibrate or --diversity COLUMN=SHARE, which read labels"
        refuse_needless(labels, {"--groups": groups is not None})
    if recommender.joint_ is not None:
        # lists over several targets are not made in batches, so the output is one table
        given = {"--memory": memory != "2GB", "--jobs": jobs != 1}
        refuse_needless("on a model of several targets, whose lists are made in one piece", given)
        check_output(output, overwrite or restart)
        panel = table.read(recommender)
        panel = panel if chosen is None else only_users(panel, chosen)
        frame = recommender.recommend_from(panel, n, **lists)
        encoder = encoder_of(recommender)
        run.add_lists(panel, frame, n, encoder.unknown(panel, encoder.rows(panel)))
        write_table(Stamp.now(fingerprint(recommender)).frame(frame) if stamp else frame, output)
        out.print(
            f"{len(frame):,} recommendations in {', '.join(recommender.targets_)} for "
            f"{frame['user_id'].nunique():,} users are {place_of(output)} "
            f"({time.perf_counter() - start:.1f} s).",
            soft_wrap=True,
        )
        return
    with result_file(output) as file:
        done = recommend_all(
            recommender,
            events,
            file,
            n,
            memory=memory,
            n_jobs=jobs,
            **lists,
            users=chosen,
            stamp=stamp,
            restart=restart,
            progress=run.shows_progress,
            **reading.as_read_by(recommender).how,
        ).account
    run.add_account(done)
    out.print(
        f"{done.rows:,} recommendations in {recommender.target!r} for {done.served:,} of {done.people:,} "
        f"users are {place_of(output)} ({time.perf_counter() - start:.1f} s).",
        soft_wrap=True,
    )
