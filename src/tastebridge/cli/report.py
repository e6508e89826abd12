"""``tastebridge report``: a web page about the quality of a saved model."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, cast

import typer

from tastebridge.batch.inputs import refuse_inputs
from tastebridge.cli import options
from tastebridge.cli.events import Table
from tastebridge.cli.models import Opening, opens_model
from tastebridge.cli.needless import reading_without_events, refuse_needless
from tastebridge.cli.output import refuse_finished
from tastebridge.cli.reading import Reading, reads_events
from tastebridge.cli.record import record
from tastebridge.cli.screen import screen
from tastebridge.exceptions import InvalidParameterError
from tastebridge.report import write_report
from tastebridge.report.mapper import ReportedMapper
from tastebridge.report.writing import check_path


@reads_events
@opens_model
def report(
    reading: Reading,
    opening: Opening,
    model: options.Model,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="OUT", help="Page to write: .html.", show_default=False),
    ],
    events: Annotated[
        Path | None,
        typer.Argument(
            metavar="[EVENTS]", help="Histories to look up, if the model has no users.", show_default=False
        ),
    ] = None,
    people: Annotated[
        int | None,
        typer.Option(
            "--people",
            min=0,
            metavar="NUMBER",
            help="Maximum number of users to look up; 300 with EVENTS, and none by default without.",
        ),
    ] = None,
    author: Annotated[
        str | None,
        typer.Option("--author", metavar="NAME", help="Author, shown in the header of the report."),
    ] = None,
    data: Annotated[
        str | None, typer.Option("--data", metavar="TEXT", help="Name of the data, shown in the header.")
    ] = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Write a report of a model: one page to open in a browser.

    The report shows the sources that help, the accuracy by group of users,
    the confidence of lists, shared tastes, and examples with explanations. It
    is a single file without network requests. By default it contains no users.
    With EVENTS, or with --people and a model that holds its users, users can
    be looked up; such a page contains personal data.

    [bold]Examples[/bold]
      tastebridge report model -o report.html
      tastebridge report model events.parquet -o report.html
    """
    if output.suffix.lower() not in (".html", ".htm"):
        raise InvalidParameterError(f"--output must end in .html; got {str(output)!r}.")
    if events is None:
        refuse_needless("without EVENTS", reading_without_events(reading))
    check_path(output)
    refuse_inputs(output, events=events, model=model, key=opening.key_file)
    refuse_finished(output, overwrite)
    start = time.perf_counter()
    recommender = opening.of(model)
    record().add_model(recommender, model)
    panel = None if events is None else Table(events, reading).read(recommender)
    # a baseline has no figures to report; write_report says so
    write_report(cast(ReportedMapper, recommender), output, panel, people, author, data)
    size = output.stat().st_size
    with_users = panel is not None if people is None else people and bool(panel or recommender.panel_)
    content = "personal data in it" if with_users else "no user in it"
    screen().print(
        f"The report is in {output} ({size / 1e3:,.0f} kB, {content}; {time.perf_counter() - start:.1f} s). "
        "Open it in a browser.",
        soft_wrap=True,
    )
