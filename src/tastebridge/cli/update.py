"""``tastebridge update``: a saved model and fresh events to a model that knows them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from tastebridge.batch.inputs import refuse_inputs
from tastebridge.cli import options
from tastebridge.cli.events import Table
from tastebridge.cli.features import Features, read_later, tables_of
from tastebridge.cli.keys import KeyFile, key_of
from tastebridge.cli.models import refuse_among
from tastebridge.cli.reading import Reading, reads_events
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
        help="For a model without users: all the model learned from of these users.",
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
    key_file: KeyFile = None,
) -> None:
    """Take fresh events into a model without a refit, and say whether a refit pays.

    The model was saved by `fit --updatable` or `fit --with-users`. New users
    and new items are taken in; maps, links and popularity are made anew.
    With a table of items, as for `fit`, those nobody took yet come too.

    [bold]Examples[/bold]
      tastebridge update model today.parquet -o model
      tastebridge update model today.csv -o new --before all_so_far.csv
      tastebridge update model today.csv -o new --features films=films.csv
    """
    table = Table(events, reading)
    key, tables = key_of(key_file), tables_of(features)
    named = {f"table of {category}": path for category, path in tables.items()}
    refuse_inputs(output, events=events, before=before, key=key_file, **named)
    mapper = live_model(model, output, key)
    had = None if before is None else Table(before, reading).read(mapper)
    start = time.perf_counter()
    fresh, out = table.read(mapper), screen()
    described, told = read_later(mapper, tables, reading.columns.get("item_id")) if tables else (None, [])
    repeats: Repeats = "sum" if reading.duplicates == "count" else reading.duplicates
    mapper.update(fresh, features=described, before=had, repeats=repeats)
    save_live(mapper, output, key)
    for line in told:
        out.print(line, soft_wrap=True)
    out.print(drift_table(mapper.drift()))
    out.print(
        f"\n{len(fresh):,} users taken in ({time.perf_counter() - start:.1f} s). The model is in {output}.",
        soft_wrap=True,
    )


def live_model(model: Path, output: Path, key: Key | None) -> InterestMapper:
    """Return a loaded model that can change, once it is sure that the changed one can be written."""
    refuse_among(model, output)
    check_free(output)
    mapper = load(model, key=key)
    if not isinstance(mapper, InterestMapper):
        raise InvalidParameterError(f"a {type(mapper).__name__} needs a new fit; an InterestMapper does not.")
    return mapper


def save_live(mapper: InterestMapper, output: Path, key: Key | None) -> None:
    """Write a changed model as it was: with its users, or with the sums it needs to change again."""
    mapper.save(output, with_users=mapper.panel_ is not None, updatable=True, key=key)
