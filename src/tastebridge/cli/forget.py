"""``tastebridge forget``: a saved model and ids of users to a model without them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tastebridge.batch.inputs import refuse_inputs
from tastebridge.cli import options
from tastebridge.cli.events import Table
from tastebridge.cli.keys import KeyFile, key_of
from tastebridge.cli.lists import read_people
from tastebridge.cli.reading import Reading, reads_events
from tastebridge.cli.screen import screen
from tastebridge.cli.update import Before, NewModel, live_model, save_live


@reads_events
def forget(
    reading: Reading,
    model: options.Model,
    people: Annotated[
        Path,
        typer.Argument(metavar="PEOPLE", help="Table with a column user_id: .parquet or .csv."),
    ],
    output: NewModel,
    before: Before = None,
    refit_items: Annotated[
        bool, typer.Option("--refit-items", help="Fit everything again without them.")
    ] = False,
    key_file: KeyFile = None,
) -> None:
    """Take users out of a model: their histories, and what they added to it.

    The model was saved by `fit --updatable` or `fit --with-users`. What it
    still owes to them, as the factors of the items, is said; --refit-items
    takes that away too.

    [bold]Examples[/bold]
      tastebridge forget model requests.csv -o model
      tastebridge forget model requests.csv -o new --before their_events.csv
    """
    key = key_of(key_file)
    refuse_inputs(output, people=people, before=before, key=key_file)
    mapper = live_model(model, output, key)
    had = None if before is None else Table(before, reading).read(mapper)
    receipt = mapper.forget(read_people(people, mapper, had), before=had, refit_items=refit_items)
    save_live(mapper, output, key)
    screen().print(f"{receipt}\nThe model is in {output}.", soft_wrap=True)
