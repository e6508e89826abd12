"""``tastebridge update``: adds new events to a saved model."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from tastebridge._foundation.nouns import with_article
from tastebridge.cli import options
from tastebridge.cli.events import Table
from tastebridge.cli.features import Features, inputs_of, read_later, tables_of
from tastebridge.cli.new_model import NewModel, writes_model
from tastebridge.cli.reading import Reading, reads_events
from tastebridge.cli.record import record
from tastebridge.cli.screen import drift_table, screen
from tastebridge.data.changes import Repeats
from tastebridge.exceptions import InvalidParameterError
from tastebridge.loading import load
from tastebridge.privacy import Key
from tastebridge.recommenders.interest_mapper import InterestMapper

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
@writes_model
def update(
    reading: Reading,
    model: options.Model,
    events: options.Events,
    place: NewModel,
    before: Before = None,
    features: Features = None,
) -> None:
    """Add new events to a model without a refit, and show whether a refit is worth it.

    The model must be saved with `fit --updatable` or `fit --with-users`. New
    users and items are added; maps, links and popularity are computed again.
    With a table of items, as in `fit`, items without users are added too.

    [bold]Examples[/bold]
      tastebridge update model today.parquet -o model
      tastebridge update model today.csv -o new --before all_so_far.csv
      tastebridge update model today.csv -o new --features films=films.csv
    """
    table = Table(events, reading)
    tables = tables_of(features)
    key = place.checked_key(model, events=events, before=before, **inputs_of(tables))
    mapper = live_model(model, key)
    had = None if before is None else Table(before, reading).read(mapper)
    start = time.perf_counter()
    fresh, out = table.read(mapper), screen()
    described, lines = read_later(mapper, tables, reading.columns.get("item_id")) if tables else (None, [])
    # counts of rows, from before and from now, add up
    repeats: Repeats = "sum" if reading.duplicates == "count" else reading.duplicates
    mapper.update(fresh, features=described, before=had, repeats=repeats)
    save_live(mapper, place.output, key)
    record().add_model(mapper, place.output)
    for line in lines:
        out.print(line, soft_wrap=True)
    out.print(drift_table(mapper.drift()))
    out.print(
        f"\n{len(fresh):,} users added or updated ({time.perf_counter() - start:.1f} s). "
        f"The model is in {place.output}.",
        soft_wrap=True,
    )


def live_model(model: Path, key: Key | None) -> InterestMapper:
    """Return a model that can be changed without a refit."""
    mapper = load(model, key=key)
    if not isinstance(mapper, InterestMapper):
        raise InvalidParameterError(
            f"{with_article(mapper)} cannot be changed without a refit, only an InterestMapper can."
        )
    return mapper


def save_live(mapper: InterestMapper, output: Path, key: Key | None) -> None:
    """Write a changed model with its users, or with the sums for further updates, as it was saved before."""
    # updatable even with users, whose sums are saved anyway
    mapper.save(output, with_users=mapper.panel_ is not None, updatable=True, key=key)
