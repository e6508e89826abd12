"""``tastebridge report``: a saved model to a page that shows what it is worth."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from tastebridge.batch.inputs import refuse_inputs
from tastebridge.cli import options
from tastebridge.cli.events import Table
from tastebridge.cli.keys import KeyFile
from tastebridge.cli.models import load_one
from tastebridge.cli.reading import Reading, reads_events
from tastebridge.cli.screen import screen
from tastebridge.exceptions import InvalidParameterError
from tastebridge.report import write_report
from tastebridge.report.writing import check_path


@reads_events
def report(
    reading: Reading,
    model: options.Model,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="OUT", help="Page to write: .html.", show_default=False),
    ],
    events: Annotated[
        Path | None,
        typer.Argument(
            metavar="[EVENTS]", help="People to look up, for a model that holds none.", show_default=False
        ),
    ] = None,
    people: Annotated[
        int, typer.Option("--people", min=0, help="People to look up, at most, drawn at random; 0 for none.")
    ] = 300,
    category: options.Category = None,
    key_file: KeyFile = None,
) -> None:
    """Show what a model is worth: one page, to be opened in a browser.

    Which sources help, how good recommendations are and for whom, how sure
    they are, what the map says, and samples with their reasons. The page is
    one file and asks no host for anything. With EVENTS, or a model that
    holds its users, some of them can be looked up; such a page holds
    personal data.

    [bold]Examples[/bold]
      tastebridge report model -o report.html
      tastebridge report model events.parquet -o report.html --people 50
    """
    if output.suffix.lower() not in (".html", ".htm"):
        raise InvalidParameterError(f"--output must end in .html; got {str(output)!r}.")
    check_path(output)
    refuse_inputs(output, events=events, model=model, key=key_file)
    start = time.perf_counter()
    recommender = load_one(model, key_file, category)
    panel = None if events is None else Table(events, reading).read(recommender)
    write_report(recommender, output, panel, people)
    size = output.stat().st_size
    with_people = people and (panel is not None or recommender.panel_ is not None)
    held = "personal data in it" if with_people else "no user in it"
    screen().print(
        f"The report is in {output} ({size / 1e3:,.0f} kB, {held}; {time.perf_counter() - start:.1f} s). "
        "Open it in a browser.",
        soft_wrap=True,
    )
