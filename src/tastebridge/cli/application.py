"""The application: its commands, its help and its version."""

from __future__ import annotations

from typing import Annotated

import typer

from tastebridge._foundation.version import __version__
from tastebridge.cli.audience import audience
from tastebridge.cli.compress import compress
from tastebridge.cli.demo import demo
from tastebridge.cli.evaluate import evaluate
from tastebridge.cli.fit import fit
from tastebridge.cli.forget import forget
from tastebridge.cli.keys import key
from tastebridge.cli.messages import in_lines
from tastebridge.cli.recommend import recommend
from tastebridge.cli.report import report
from tastebridge.cli.update import update
from tastebridge.cli.vectors import vectors

app = typer.Typer(
    name="tastebridge",
    rich_markup_mode="rich",
    no_args_is_help=True,
    add_completion=False,
    # an unexpected error shows Python's own traceback: Rich's would print values, with users among them
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tastebridge {__version__}")
        raise typer.Exit


@app.callback()
def tastebridge(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_show_version),
    ] = False,
) -> None:
    """Recommend in one category from users' histories in other categories.

    Events are a table with one row per event: a user, an item, a category.
    Parquet, CSV, or a folder of Parquet.

    [bold]Start here[/bold]
      tastebridge demo                                   see it on real data
      tastebridge fit events.csv -t films -o model       learn from your data
      tastebridge recommend model events.csv -o out.csv  films for all users
      tastebridge evaluate events.csv -t films           measure the accuracy
      tastebridge report model -o report.html            a report as a web page

    Exit codes: 0 for success, 1 for an error in the data or the model,
    2 for an error in the command line.
    """


# demo alone runs without arguments; the others show their help
for command in (demo, fit, recommend, audience, vectors, compress, update, forget, evaluate, report, key):
    app.command(no_args_is_help=command is not demo)(in_lines(command))
