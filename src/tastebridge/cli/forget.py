"""``tastebridge forget``: removes users from a saved model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tastebridge.cli import options
from tastebridge.cli.events import Table
from tastebridge.cli.lists import read_users
from tastebridge.cli.new_model import NewModel, writes_model
from tastebridge.cli.reading import Reading, reads_events
from tastebridge.cli.record import record
from tastebridge.cli.screen import screen
from tastebridge.cli.update import Before, live_model, save_live


@reads_events
@writes_model
def forget(
    reading: Reading,
    model: options.Model,
    people: Annotated[
        Path,
        typer.Argument(metavar="USERS", help="Table with a column user_id: .parquet or .csv."),
    ],
    place: NewModel,
    before: Before = None,
    refit_items: Annotated[
        bool, typer.Option("--refit-items", help="Also fit the factors of items again.")
    ] = False,
) -> None:
    """Remove users from a model: their histories and their part in its sums.

    The model must be saved by `fit --updatable` or `fit --with-users`. The
    output names the parts that still depend on these users, such as the item
    factors; --refit-items removes this dependence too.

    [bold]Examples[/bold]
      tastebridge forget model requests.csv -o model
      tastebridge forget model requests.csv -o new --before their_events.csv
    """
    key = place.checked_key(model, people=people, before=before)
    mapper = live_model(model, key)
    # read before the model changes: its items keep the categories they have in the model
    had = None if before is None else Table(before, reading).read(mapper)
    receipt = mapper.forget(read_users(people, mapper, had), before=had, refit_items=refit_items)
    save_live(mapper, place.output, key)
    record().add_model(mapper, place.output)
    screen().print(f"{receipt}\nThe model is in {place.output}.", soft_wrap=True)
