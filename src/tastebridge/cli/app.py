"""The application: its commands, and what it says of itself."""

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
from tastebridge.cli.messages import spoken
from tastebridge.cli.recommend import recommend
from tastebridge.cli.report import report
from tastebridge.cli.update import update
from tastebridge.cli.vectors import vectors

app = typer.Typer(
    name="tastebridge",
    rich_markup_mode="rich",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tastebridge {__version__}")
        raise typer.Exit


@app.callback()
def tastebridge(
    version: Annotated[
        bool,
        typer.Option("--version", help="Say the version and stop.", is_eager=True, callback=_say_version),
    ] = False,
) -> None:
    """Carry users' interests from the categories where they are known to one where they are not.

    Events are a table with one row per event: a user, an item, a category.
    Parquet, CSV, or a folder of Parquet.

    [bold]Start here[/bold]
      tastebridge demo                                   see it on real data
      tastebridge fit events.csv -t films -o model       learn from your own
      tastebridge recommend model events.csv -o out.csv  films for all users
      tastebridge evaluate events.csv -t films           see how good that is
      tastebridge report model -o report.html            see what it is worth

    Exit codes: 0 done, 1 something is wrong with the data or the model,
    2 with the command line.
    """


for command in (demo, fit, recommend, audience, vectors, compress, update, forget, evaluate, report, key):
    app.command(no_args_is_help=command is not demo)(spoken(command))


def main() -> None:
    """Run the command line."""
    app()
