"""``tastebridge update``: adds new events to a saved model."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from tastebridge.batch.inputs import refuse_inputs
from tastebridge.cli import options
from tastebridge.cli.events import Table
from tastebridge.cli.features import Features, inputs_of, read_later, tables_of
from tastebridge.cli.keys import KeyFile, key_of
from tastebridge.cli.models import refuse_among
from tastebridge.cli.output import refuse_finished
from tastebridge.cli.reading import Reading, reads_events
from tastebridge.cli.record import record
from tastebridge.cli.screen import drift_table, screen
from tastebridge.data.changes import Repeats
from tastebridge.exceptions import InvalidParameterError
from tastebridge.loading import load
from tastebridge.persist import check_free
from tastebridge.privacy import Key
from tastebridge.recommenders.interest_mapper import InterestMapper

NewModel = Annotated[
    Path, typer.Option("--output", "-o", metavar="NEW", help="Folder to write.", show_default=False)
]
Before = Annotated[
    Path | None,
    typer.Option(
        "--before",
        metavar="EVENTS",
        help="For a model without users: all events of these users in the fit.",
        show_default=False,
    ),
]


@reads_events
def update(
    reading: Reading,
    model: options.Model,
    events: options.Events,
    output: NewModel,
    before: Before = None,
    features: Features = None,
    overwrite: options.Overwrite = False,
    key_file: KeyFile = None,
) -> None:
    """Add new events to a model without a refit, and show whether a refit is worth it.

    The model must be saved by `fit --updatable` or `fit --with-users`. New
    users and items are added; maps, links and popularity are computed again.
    With a table of items, as in `fit`, items without users are added too.

    [bold]Examples[/bold]
      tastebridge update model today.parquet -o model
      tastebridge update model today.csv -o new --before all_so_far.csv
      tastebridge update model today.csv -o new --features films=films.csv
    """
    table = Table(events, reading)
    key, tables = key_of(key_file), tables_of(features)
    named = inputs_of(tables)
    refuse_inputs(output, events=events, before=before, key=key_file, **named)
    mapper = live_model(model, output, key, overwrite)
    had = None if before is None else Table(before, reading).read(mapper)
    start = time.perf_counter()
    fresh, out = table.read(mapper), screen()
    described, lines = read_later(mapper, tables, reading.columns.get("item_id")) if tables else (None, [])
    # counts of rows, from before and from now, add up
    repeats: Repeats = "sum" if reading.duplicates == "count" else reading.duplicates
    mapper.update(fresh, features=described, before=had, repeats=repeats)
    save_live(mapper, output, key)
    record().add_model(mapper, output)
    for line in lines:
        out.print(line, soft_wrap=True)
    out.print(drift_table(mapper.drift()))
    out.print(
        f"\n{len(fresh):,} users added or updated ({time.perf_counter() - start:.1f} s). "
        f"The model is in {output}.",
        soft_wrap=True,
    )


def live_model(model: Path, output: Path, key: Key | None, overwrite: bool) -> InterestMapper:
    """Return a model that can be updated, after checking that the result can be written."""
    refuse_among(model, output)
    check_free(output)
    refuse_finished(output, overwrite, model)
    mapper = load(model, key=key)
    if not isinstance(mapper, InterestMapper):
        raise InvalidParameterError(
            f"a {type(mapper).__name__} cannot be changed without a refit, only an InterestMapper can."
        )
    return mapper


def save_live(mapper: InterestMapper, output: Path, key: Key | None) -> None:
    """Write a changed model with its users, or with the sums for further updates, as it was saved before."""
    # updatable even with users, whose sums are saved anyway
    mapper.save(output, with_users=mapper.panel_ is not None, updatable=True, key=key)
